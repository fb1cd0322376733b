"""Pictures of a deployment: in which order its steps run, what they need, and what comes late."""
