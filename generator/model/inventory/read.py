"""An inventory's variables for the host that a deployment's control plane begins with.

Source of the order in which they are merged: Ansible documentation, "Understanding variable
precedence", numbers 3 to 10 without those beside playbooks, and "How variables are merged".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from generator.exits import UnusableInput
from generator.model.inventory import files
from generator.model.inventory.adjacent import Adjacent
from generator.model.inventory.graph import ALL, Graph
from generator.model.inventory.setting import Setting, Unread, encodable
from generator.model.inventory.source import (
    STANDARD_INPUT,
    Folder,
    read_named,
    read_standard_input,
)
from generator.model.inventory.statement import AddGroup, AddHost
from generator.text.document import Place

CONTROL_PLANE = ("kube_control_plane", "kube-master", "kube_master")
"""The groups whose first host counts: Kubespray's name for it, then its older names."""

CLUSTER = ("k8s_cluster", "k8s-cluster")

_GROUPED: Mapping[str, tuple[str, ...]] = {
    "kube_control_plane": ("kube-master",),
    "kube_node": ("kube-node",),
    "calico_rr": ("calico-rr",),
    "k8s_cluster": ("k8s-cluster", "kube_node", "kube_control_plane", "calico_rr"),
}
"""The groups into which Kubespray's playbooks put the hosts of others, before anything else.

By old names in every release; k8s_cluster is put together in this way by those whose sample
inventory does not have it, so that group_vars/k8s_cluster counts nevertheless.
"""

_NOT_LISTED = (
    "The listing was made without {}, into which Kubespray's playbooks put hosts when they run: "
    "what group_vars says for it is not known; name the inventory itself to have it read."
)


@dataclass(frozen=True)
class Inventory:
    """The variables of one host, as Ansible merges them from the files of an inventory.

    `source` is what the user named, `host` whose variables these are. `settings` are without
    the variables that Ansible makes itself (`inventory_hostname`, `groups`). `groups` has every
    group's hosts, sorted, those of its children included, and those that Kubespray's playbooks
    add to k8s_cluster and to the newer names of old groups. `unread` is what was left out, where
    and why. `vaulted` is true where a whole file is encrypted: there may be variables that
    nobody knows.
    """

    source: str
    host: str
    settings: Mapping[str, Setting]
    groups: Mapping[str, tuple[str, ...]]
    unread: tuple[Unread, ...]
    vaulted: bool


def read_inventory(named: str, stdin: Callable[[], bytes]) -> Inventory:
    """Read the inventory that the user named: a file, a folder, or `-` for standard input.

    `stdin` gives what `ansible-inventory --list` printed; it is called for `-` only. Such a
    listing is complete: what lies beside it is not read. Raises UnusableInput where there is no
    inventory, no host in it, or only a program could tell.
    """
    if not named:
        raise UnusableInput("the inventory has an empty name; name a file, a folder or -.")
    graph = Graph()
    unread: list[Unread] = []
    adjacent: Adjacent | None = None
    vaulted = False
    if named != "-" and files.is_folder(named):
        folder = Folder(graph)
        folder.read(named)
        unread, vaulted = folder.unread, folder.vaulted
        adjacent = Adjacent(named)
    else:
        said = read_standard_input(stdin) if named == "-" else read_named(named, graph.group_names)
        graph.apply(said.statements)
        unread.extend(said.unread)
        if not said.listing and named != "-":
            adjacent = Adjacent(files.folder_of(named))
    graph.settle()
    made = _group_as_kubespray(graph)
    if adjacent is None and made:
        unread.append((Place(_shown(named), 1), _NOT_LISTED.format(" and ".join(made))))
    host = _host(graph)
    if host is None:
        raise UnusableInput(_without_host(named, unread))
    settings = _merged(graph, host, adjacent)
    notes = [*unread, *graph.unread, *(adjacent.unread if adjacent else ())]
    return Inventory(
        source=named,
        host=host,
        settings=settings,
        groups=graph.members(),
        unread=tuple(dict.fromkeys(notes)),
        vaulted=vaulted or (adjacent is not None and adjacent.vaulted),
    )


def _host(graph: Graph) -> str | None:
    hosts = (host for group in (*CONTROL_PLANE, *CLUSTER, ALL) for host in graph.hosts_of(group))
    return next(hosts, None)


def _group_as_kubespray(graph: Graph) -> list[str]:
    """Put hosts into the groups of Kubespray's playbooks; return those that were not there."""
    made = []
    for group, sources in _GROUPED.items():
        present = frozenset(graph.hosts_of(group))
        hosts = dict.fromkeys(host for source in sources for host in graph.hosts_of(source))
        added = [AddHost(host, group) for host in hosts if host not in present]
        if added:
            if group not in graph.group_names:
                made.append(group)
            graph.apply([AddGroup(group), *added])
            graph.settle()
    return made


def _merged(graph: Graph, host: str, adjacent: Adjacent | None) -> dict[str, Setting]:
    """Merge the weakest first; a mapping replaces another one, as Ansible does by default."""
    groups = graph.groups_of(host)
    settings: dict[str, Setting] = {}
    # What inventory files say of any group is weaker than group_vars/all.
    for group in (ALL, *groups):
        settings.update(graph.group_variables(group))
    if adjacent:
        for group in (ALL, *groups):
            settings.update(adjacent.variables("group_vars", group))
    settings.update(graph.host_variables(host))
    if adjacent:
        settings.update(adjacent.variables("host_vars", host))
    return settings


def _shown(named: str) -> str:
    """Return how messages call what the user named."""
    return STANDARD_INPUT if named == "-" else encodable(named)


def _without_host(named: str, unread: list[Unread]) -> str:
    name = _shown(named)
    if not unread:
        return f"{name}: the inventory has no host; name the file that lists the hosts."
    place, why = unread[0]
    return f"{name}: the inventory has no host. {place}: {why}"
