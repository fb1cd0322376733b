"""Adds an entry to the tolerations of workloads, file by file, each edit verified."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from generator.engine.operations.workload.default_list import Default, default_of, uses_of
from generator.engine.operations.workload.inserted import Inserted, inserted
from generator.engine.operations.workload.site import Site
from generator.engine.operations.workload.site_check import (
    Manifest,
    comes_out,
    difference,
    gives_pods,
    tolerated,
)
from generator.engine.operations.workload.site_edit import has_surely, ways
from generator.engine.operations.workload.sites import manifest_in, manifest_of
from generator.exits import Unsafe, UnusableInput
from generator.model.expression import condition
from generator.model.kubespray import Kubespray
from generator.model.value import Unknown, Value
from generator.text.document import Place, Scalar
from generator.text.edit import refuse, splice
from generator.tree.base import find, read


@dataclass
class WorkloadEdits:
    """Edits of one operation.

    `kubespray` is the tree with what changed so far, all of it in `files`. `found` are sentences
    on what was wrong; `already` are places with the entry, `broken` those whose manifest is never
    YAML, whatever is chosen: they are left alone. `what` names the edit in errors.
    """

    kubespray: Kubespray
    role: str
    names: tuple[str, ...]
    entry: dict[str, Any]
    what: str
    files: dict[str, bytes] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    already: list[Place] = field(default_factory=list)
    broken: list[Place] = field(default_factory=list)
    manifests: dict[str, tuple[bytes, Manifest | None]] = field(default_factory=dict)

    def file(self, path: str) -> None:
        """Edit the workloads of one manifest, one after the other.

        Raises Unsafe where one of them cannot be edited for sure.
        """
        first = self._manifest(path)
        sites = first.sites if first else ()
        bases = [self._base(site) for site in sites]
        for site, manifest in self._one_by_one(path, sites):
            self._site(manifest, site.place(site.pod.key), bases.count(self._base(site)) > 1)
        if path not in self.files:
            return
        for site, manifest in self._one_by_one(path, sites):
            left = site.place(site.pod.key) in self.broken
            if not left and not self._has(manifest) and self._default(manifest) is None:
                raise refuse(site.document, site.pod.key, self.what,
                             "the entry would be missing in some case")  # fmt: skip

    def _one_by_one(self, path: str, sites: tuple[Site, ...]) -> Iterator[tuple[Site, Manifest]]:
        """Give each site as it was, with the manifest as it is by now and that site alone."""
        for number, site in enumerate(sites):
            manifest = self._manifest(path)
            if manifest is None or len(manifest.sites) != len(sites):
                raise refuse(site.document, site.pod.key, self.what,
                             "the result would hold other workloads")  # fmt: skip
            yield site, replace(manifest, sites=(manifest.sites[number],))

    def _base(self, site: Site) -> str:
        """Return the workload's name as the operation gives it."""
        return site.pod.name.partition("{{")[0]

    def _has(self, manifest: Manifest) -> bool:
        (site,) = manifest.sites
        return tolerated(manifest, (self._base(site),), self.entry)

    def _manifest(self, path: str) -> Manifest | None:
        """Return a manifest as it is by now, read once for each change."""
        data = read(self.kubespray.tree, path)
        known = self.manifests.get(path)
        if known is None or known[0] != data:
            known = self.manifests[path] = data, manifest_of(path, data, self.names, self.what)
        return known[1]

    def _site(self, manifest: Manifest, place: Place, twins: bool) -> None:
        """Edit one workload, in its template or by the default of a variable.

        `place` is where it was in the tree. `twins` where others in the file have the same name,
        in other branches, say.
        """
        (site,) = manifest.sites
        if self._has(manifest) or (twins and has_surely(site, self.entry)):
            self.already.append(place)
            return
        if not gives_pods(manifest, (self._base(site),)):
            self.broken.append(place)
            return
        default = self._default(manifest)
        if default is None:
            self._template(manifest, place, twins)
        elif default.has(self.entry):
            self.already.append(default.place)
        else:
            self._extend(site, default)

    def _template(self, manifest: Manifest, place: Place, twins: bool) -> None:
        """Edit a template; raises Unsafe where no way to do so can be verified."""
        (site,) = manifest.sites
        path = manifest.template.path
        why: str | None = None
        for way in ways(site, self.entry, self.what):
            text = splice(site.text, way.edits)
            try:
                whole = manifest_in(path, text, self.names)
            except UnusableInput:
                why = why or "the result would not be YAML"
                continue
            after = _same_site(manifest, whole)
            if after is None:
                why = why or "the result would hold other workloads"
                continue
            names = (self._base(site),)
            wrong = difference(manifest, after, names, self.entry, way.guards, everywhere=not twins)
            if wrong is None:
                self._put({path: text.encode()})
                self.found.append(f"{place}: {site.pod.kind} '{site.pod.name}' does not tolerate "
                                  "the taint")  # fmt: skip
                return
            why = why or wrong
        raise refuse(site.document, site.pod.key, self.what, why or "there is no way")

    def _default(self, manifest: Manifest) -> Default | None:
        """Return the default of the variable that gives all tolerations of a site.

        None where they come from elsewhere, or where an entry in the default would not come out.
        """
        (site,) = manifest.sites
        listed = _variable_of(site)
        if listed is None or listed.variable is None:
            return None
        default = default_of(self.kubespray, self.role, listed.variable)
        if default is None or not default.is_list:
            return None

        def known(name: str) -> Value:
            return [self.entry] if name == listed.variable else Unknown(frozenset({name}))

        (key, _), *_ = site.pod.tolerations()
        around = [branch.conditions[-1] for branch in site.around(key.start)]
        if not all(wanted and condition(source, known) is True for source, wanted in around):
            return None
        holding = frozenset(source for source, _ in around)
        comes = comes_out(manifest, (self._base(site),), listed.value, holding)
        return default if comes else None

    def _extend(self, site: Site, default: Default) -> None:
        """Extend a default; raises Unsafe where the variable is used elsewhere."""
        name = default.name
        own = {default.document.path: self._lines_of_default(default)}
        for path, lines in self._lines_of_sites(name):
            own[path] = own.get(path, set()) | lines
        for place in uses_of(self.kubespray, name):
            if place.line not in own.get(place.path, set()):
                raise Unsafe(
                    f"{place}: cannot {self.what} safely: '{name}', from which its "
                    "tolerations come, is used here for something else. Edit this by hand."
                )
        document = default.extended(self.entry, self.what)
        self._put({document.path: document.text.encode()})
        self.found.append(
            f"{default.place}: '{name}', from which the tolerations of {site.pod.kind} "
            f"'{site.pod.name}' come, does not tolerate the taint; an inventory that sets it "
            "replaces this list, and must have the entry, too"
        )

    def _lines_of_default(self, default: Default) -> set[int]:
        document, root = default.document, default.document.root
        pairs = getattr(root, "pairs", ())
        return {
            document.line(key.start)
            for key, _ in pairs
            if getattr(key, "value", "") == default.name
        }

    def _lines_of_sites(self, name: str) -> list[tuple[str, set[int]]]:
        """Return the lines on which the operation's own workloads use a variable."""
        found = []
        folder = self.kubespray.role_named(self.role)
        for path in self.kubespray.manifests(folder) if folder else ():
            real = find(self.kubespray.tree, path)
            manifest = self._manifest(real) if real else None
            for site in manifest.sites if manifest else ():
                listed = _variable_of(site)
                if real is None or listed is None or listed.variable != name:
                    continue
                (key, _), *_ = site.pod.tolerations()
                around = site.around(key.start)
                first = around[0].block if around else key.start
                lists = [one.end for one, _ in site.lists_in(key)] or [key.end]
                lines = range(site.document.line(first), site.document.line(max(lists)) + 1)
                found.append((real, set(lines)))
        return found

    def _put(self, files: dict[str, bytes]) -> None:
        self.files.update(files)
        self.kubespray = self.kubespray.changed(files)


def _same_site(before: Manifest, after: Manifest | None) -> Manifest | None:
    """Return a changed manifest with the one site that was edited."""
    (old,) = before.sites
    sites = after.sites if after else ()
    # All edits are behind the key of the pod specification.
    same = [site for site in sites if site.pod.key.start == old.pod.key.start]
    return replace(after, sites=tuple(same)) if after and len(same) == 1 else None


def _variable_of(site: Site) -> Inserted | None:
    """Return the list from which all tolerations of a site come, None where there are others."""
    listed = site.pod.tolerations()
    if len(listed) != 1:
        return None
    key, value = listed[0]
    if not isinstance(value, Scalar):
        return None
    inline = site.template.expression_at(value.start, value.end)
    if inline is not None:
        bare = site.text[value.start : value.end].strip("\"'").strip()
        whole = bare == site.text[inline.start : inline.end]
        return inserted(inline.source) if whole else None
    beside = [
        known for expression, known in site.lists_in(key)
        if site.around(expression.start) == site.around(key.start)
        and not site.in_loop(expression.start, key.start)
    ]  # fmt: skip
    return beside[0] if beside else None
