"""What `tolerate-workload` finds in manifests and templates, and how it edits and verifies."""
