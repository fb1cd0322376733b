"""The engine: semantic patches, what they do to a tree, and whether the result is right."""
