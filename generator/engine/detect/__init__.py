"""Detection: what a run puts into the cluster, what waits there, and what comes too late."""
