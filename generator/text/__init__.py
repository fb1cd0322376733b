"""Text: YAML documents with exact spans, and edits that touch only the lines they must."""
