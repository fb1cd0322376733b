"""The model: playbooks, plays, role uses, steps, taints, as a tree's files state them."""
