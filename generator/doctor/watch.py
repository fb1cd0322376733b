"""Following a cluster until every node is initialised."""

from __future__ import annotations

import time
from collections.abc import Callable

from generator.doctor.cluster import Cluster
from generator.doctor.live import Unreachable

_BROKEN = 3
"""Answers that may be missing one after the other, as while an API server starts anew."""


def watch(
    read: Callable[[], Cluster],
    show: Callable[[Cluster], None],
    timeout: float,
    interval: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Read again and again; return True once every node is initialised, False at the timeout.

    `read` gives the nodes and `show` tells the user. Raises UnusableInput where the first answer
    or several after each other cannot be had.
    """
    end = clock() + timeout
    broken = _BROKEN
    while True:
        try:
            cluster = read()
        except Unreachable:
            broken += 1
            if broken > _BROKEN:
                raise
        else:
            broken = 0
            show(cluster)
            if cluster.nodes and all(node.initialized for node in cluster.nodes):
                return True
        left = end - clock()
        if left <= 0:
            return False
        sleep(min(interval, left))
