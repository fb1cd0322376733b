"""The embedded sample tree: Kubespray's shape, our own words, no network.

Its shape stands in `templates/sample/sample.yml` and follows the figures of release v2.24.0:
the same playbooks, plays, role uses, tags and conditions, so that the approver comes before the
cloud controller manager at the same places. What more than shape matters (the approver's meta,
defaults, the inventory) stands whole under `templates/sample/tree/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from generator.resources import resource_dir
from generator.text.document import data_of
from generator.text.yaml import parse


def sample_files() -> dict[str, bytes]:
    """Return the whole sample tree: POSIX path to content, sorted, the same on every call."""
    # Heavy, and needed for the sample only.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    home = resource_dir("templates") / "sample"
    document = parse("sample.yml", (home / "sample.yml").read_text("utf-8"))
    shape = data_of(document.root, trusted=document)
    env = Environment(
        loader=FileSystemLoader(home),
        # The files rendered hold Jinja2 of their own.
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        keep_trailing_newline=True,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    pages = {path: (template, context) for path, template, context in _pages(shape)}
    for template in env.list_templates(filter_func=lambda name: name.startswith("tree/")):
        pages[template.removeprefix("tree/")] = (template, {})
    return {
        path: env.get_template(template).render(shape, **context).encode()
        for path, (template, context) in sorted(pages.items())
    }


def _pages(shape: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, template and context of each file that only has a shape."""
    for path, plays in shape["playbooks"].items():
        yield path, "playbook.yml.j2", {"plays": plays}
    for name, role in shape["roles"].items():
        if "dependencies" in role:
            yield f"roles/{name}/meta/main.yml", "meta.yml.j2", {"role": role}
        if role.keys() & {"tasks", "manifests", "apply"}:
            yield f"roles/{name}/tasks/main.yml", "tasks.yml.j2", {"role": role}
        for manifest in role.get("manifests", ()):
            path = f"roles/{name}/templates/{manifest['file']}.j2"
            yield path, "manifest.yml.j2", {"manifest": manifest}
