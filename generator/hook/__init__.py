"""What the pre-commit hooks do: hold what is being committed against the patches."""
