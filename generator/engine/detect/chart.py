"""Helm releases as workloads: what is known of their charts, read from charts.yml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from generator.engine.detect.events import Released
from generator.model.value import OpenMapping, Unknown, Value
from generator.model.workload import RELEASE, Pod, Workload
from generator.text.document import data_of
from generator.text.yaml import parse

_EVERYTHING = {"operator": "Exists"}

_MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Chart:
    """What is known of a chart; see charts.yml."""

    tolerations: str
    tolerates_all: bool
    host_network: bool
    asks_dns_unless: str | None = None


@cache
def charts() -> Mapping[str, Chart]:
    """Return the charts that are known, by the last part of their reference."""
    path = Path(__file__).with_name("charts.yml")
    data = data_of(parse(path.name, path.read_text("utf-8")).root)
    return {
        name: Chart(
            facts["tolerations"], facts["tolerate"] == "all", facts["host-network"],
            facts.get("asks-dns-unless"),
        )
        for name, facts in data.items()
    }  # fmt: skip


def workload_of(released: Released) -> Workload:
    """Return a release as a workload whose pods stand for all that Helm waits for."""
    chart = known_chart(released.chart)
    return Workload(
        RELEASE, released.name, released.namespace, released.place,
        Pod(tuple(_tolerations(chart, released.values)), chart.host_network if chart else None),
    )  # fmt: skip


def known_chart(reference: str | None) -> Chart | None:
    """Return what is known of the chart that a reference names."""
    return charts().get(reference.rstrip("/").rsplit("/", 1)[-1]) if reference else None


def _tolerations(chart: Chart | None, values: Value) -> list[Value]:
    if chart is None:
        # Where the values hold a list of tolerations, the chart may be taken to use it.
        return [*_anywhere(values, 0), Unknown()]
    listed = values
    for key in chart.tolerations.split("."):
        if isinstance(listed, Unknown):
            break
        missing = Unknown() if isinstance(listed, OpenMapping) else None
        listed = listed.get(key, missing) if isinstance(listed, dict) else None
    if isinstance(listed, Unknown):
        return [listed]
    if listed is None or (chart.tolerates_all and not listed):
        return [_EVERYTHING] if chart.tolerates_all else []
    return listed if isinstance(listed, list) else []


def _anywhere(values: Value, depth: int) -> list[Value]:
    if not isinstance(values, dict) or depth > _MAX_DEPTH:
        return []
    found: list[Value] = []
    for key, value in values.items():
        if key == "tolerations" and isinstance(value, list):
            found += value
        else:
            found += _anywhere(value, depth + 1)
    return found
