"""Deploying in stages, without a patch: what each stage runs, checked before it is printed."""
