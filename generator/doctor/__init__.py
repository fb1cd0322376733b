"""Doctor: who is uninitialised in a cluster, who waits for what, and what to do about it."""
