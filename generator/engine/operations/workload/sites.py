"""Reads the sites of named workloads in a manifest of the tree."""

from __future__ import annotations

import re

from generator.engine.operations.workload.site import Site
from generator.engine.operations.workload.site_check import Manifest
from generator.engine.operations.workload.spec import pod_specs
from generator.exits import Unsafe, UnusableInput
from generator.model.kubespray import WORKLOAD
from generator.text.template import Template, is_template, lex, parse_each
from generator.text.yaml import decode

_NAME = r"name[\"']?[ \t]*:[ \t]*[\"']?"

MAX_BYTES = 2 * 1024 * 1024
"""A larger manifest is not edited; the largest of upstream's has 0.9 MiB."""


def manifest_of(path: str, data: bytes, names: tuple[str, ...], what: str) -> Manifest | None:
    """Return a manifest with the sites of the workloads of some names, None where it has none.

    Raises Unsafe where it cannot be read although one of them seems to be in it.
    """
    if not any(re.search(_named(name).encode(), data) for name in names):
        return None
    try:
        if len(data) > MAX_BYTES:
            raise UnusableInput(f"{path}:1: the file has {len(data)} bytes; the limit is 2 MiB.")
        return manifest_in(path, decode(path, data), names)
    except UnusableInput as error:
        raise Unsafe(f"Cannot {what} safely: {error} Mend this, or edit it by hand.") from None


def manifest_in(path: str, text: str, names: tuple[str, ...]) -> Manifest | None:
    """Return the same from a text; raises UnusableInput where it cannot be read."""
    template = lex(path, text) if is_template(path) else Template(path, text, (), (), (), (), ())
    begins = "|".join(map(re.escape, names))
    document, errors = parse_each(template, about=re.compile(rf"{_NAME}(?:{begins})"))
    pods = pod_specs(document, names, text, "{{")
    sites = tuple(Site(template, document, pod) for pod in pods)
    manifest = Manifest(template, template.masked(), sites)
    for start, end in manifest.spans if errors else ():
        inside = any(start <= site.pod.key.start < end for site in sites)
        if not inside and _may_hold(manifest.masked, text, start, end, names):
            raise errors[0]
    return manifest if sites else None


def _may_hold(masked: str, text: str, start: int, end: int, names: tuple[str, ...]) -> bool:
    named = any(re.search(_named(name), text[start:end]) for name in names)
    return named and WORKLOAD.search(masked, start, end) is not None


def _named(name: str) -> str:
    return rf"{_NAME}{re.escape(name)}[\"' \t\r\n{{,}}]"
