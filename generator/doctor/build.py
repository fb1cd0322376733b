"""From API objects to a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from generator.doctor.cluster import Cluster, Csr, Event, Node, Pod, Workload
from generator.doctor.read import Thing, newest, seconds, thing_from

_Thing = TypeVar("_Thing", Node, Pod, Workload, Csr, Event)


def cluster_from(
    source: str,
    objects: Iterable[Mapping[str, Any]],
    now: int | None = None,
    unread: tuple[str, ...] = (),
    rights: tuple[str, ...] = (),
) -> Cluster:
    """Return the cluster that objects make up; of one that comes twice the last one counts.

    Without `now` it is the newest time stamp in the objects, so that the same dump always means
    the same.
    """
    latest = ""
    things: dict[tuple[str, str, str], Thing] = {}
    for number, data in enumerate(objects):
        thing = thing_from(data)
        if thing is None:
            continue
        if now is None:
            latest = max(latest, newest(data))
        if isinstance(thing, Event):
            things["Event", "", str(number)] = thing
        else:
            things[str(data.get("kind")), getattr(thing, "namespace", ""), thing.name] = thing
    found = list(things.values())
    return Cluster(
        source=source,
        now=seconds(latest) or 0 if now is None else now,
        nodes=_only(found, Node),
        pods=_only(found, Pod),
        workloads=_only(found, Workload),
        requests=_only(found, Csr),
        events=_only(found, Event),
        unread=unread,
        rights=rights,
    )


def _only(things: Iterable[Thing], sort: type[_Thing]) -> tuple[_Thing, ...]:
    return tuple(thing for thing in things if isinstance(thing, sort))
