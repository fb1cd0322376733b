"""What else can go wrong: the DNS that the approver asks, and the variables themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from generator.engine.detect.chart import known_chart, workload_of
from generator.engine.detect.codes import codes
from generator.engine.detect.cures import fixed_by
from generator.engine.detect.events import Released
from generator.engine.detect.needs import Missing
from generator.engine.detect.provide import entry_place
from generator.engine.detect.ran import NEW, Ran
from generator.engine.finding import Evidence, Finding
from generator.engine.patch import SemanticPatch
from generator.model.expression import render_data, truth
from generator.model.facts import DNS, INITIALIZED, READY
from generator.model.role import same_role
from generator.model.toleration import UNINITIALIZED, tolerates
from generator.model.value import Undefined, Unknown, Value
from generator.model.variables import Scope
from generator.text.document import Place

ROLE = "kubernetes-apps/kubelet-csr-approver"
CONTROLLER = "kubernetes-apps/external_cloud_controller"

_ASKING = {"cloud_provider": CONTROLLER, "external_cloud_provider": CONTROLLER}
"""The roles that ask for variables that may have no default; for all others the approver's."""

VALUES = "kubelet_csr_approver_values"
ENABLED = "kubelet_csr_approver_enabled"
ROTATION = "kubelet_rotate_server_certificates"

_TOLERATION = f"{{key: {UNINITIALIZED.key}, operator: Exists, effect: {UNINITIALIZED.effect}}}"


def before_dns(ran: Ran, patches: Iterable[SemanticPatch]) -> Iterator[Finding]:
    """Give a warning for each release that asks the cluster's DNS before it is there."""
    provision = ran.provisions[DNS]
    if ran.nodes != NEW or provision is None:
        return
    for released in asking_dns(ran):
        if released.moment.at >= provision.moment.at:
            continue
        lacking = Missing(DNS, workload_of(released), provision)
        yield Finding(
            code="approver-before-dns",
            severity="warning",
            playbook=ran.playbook,
            place=entry_place(released.moment),
            message=f"{released.name or 'The approver'} runs before the cluster's DNS.",
            why="It looks the names in certificate requests up and denies a request for good where "
            "the lookup fails; CoreDNS comes only with " + f"{provision.place}.",
            cure=f"Run it after {provision.place}, or set bypassDnsResolution: true and "
            f"providerRegex in {VALUES}.",
            conditions=ran.conditions(released.moment, DNS),
            fixed_by=fixed_by(released.moment, (lacking,), patches),
            references=codes()["approver-before-dns"].references,
            evidence=(
                Evidence(released.place, "the release is written out here"),
                Evidence(provision.place, "what provides it: CoreDNS"),
            ),
        )


def of_variables(ran: Ran, patches: Iterable[SemanticPatch]) -> Iterator[Finding]:
    """Give what is wrong with the variables themselves; each says what to write where."""
    yield from _without_provider(ran)
    plugin = ran.unknown_choice(READY)
    if plugin is not None:
        yield _about(
            ran, "no-network-plugin", "kube_network_plugin",
            f"kube_network_plugin is '{plugin}', for which the tree has no role.",
            "When nodes become ready cannot be told, so nothing is said of what waits for that.",
            "Set kube_network_plugin to one that the tree has below roles/network_plugin.",
        )  # fmt: skip
    scope = ran.scope(ROLE)
    if scope is None:
        return
    if truth(scope(ROTATION)) is not True:
        return
    if truth(scope(ENABLED)) is False:
        yield _about(
            ran, "approver-off", ENABLED,
            f"{ROTATION} is on, but {ENABLED} is off.",
            "The kubelets' requests for serving certificates wait until somebody approves them.",
            f"Set {ENABLED}: true, or approve the requests yourself with kubectl certificate "
            "approve.",
        )  # fmt: skip
    yield from _about_values(ran, scope, patches)
    if ran.provisions[DNS] is None and scope("dns_mode") != "manual":
        for released in asking_dns(ran):
            yield _about(
                ran, "approver-without-dns", "dns_mode",
                "The approver looks names up, but the cluster gets no DNS.",
                "It denies every request whose name it cannot look up.",
                f"Let CoreDNS be deployed (dns_mode), or set bypassDnsResolution: true and "
                f"providerRegex in {VALUES}.",
                (Evidence(released.place, "the release is written out here"),),
            )  # fmt: skip


def _without_provider(ran: Ran) -> Iterator[Finding]:
    scope = ran.scope()
    if scope is None or INITIALIZED not in ran.needed or ran.provisions[INITIALIZED] is not None:
        return
    if not ran.uses(CONTROLLER):
        return
    folder = ran.kubespray.role_named(CONTROLLER)
    provider = scope("external_cloud_provider")
    if folder is None or isinstance(provider, Unknown) or provider == "manual":
        return
    known = ", ".join(ran.kubespray.roles_below(folder))
    unset = isinstance(provider, Undefined) or not provider
    what = "is not set" if unset else f"is '{provider}', for which this release has no role"
    yield _about(
        ran, "no-ccm", "external_cloud_provider",
        f"cloud_provider is external, but external_cloud_provider {what}.",
        "Kubespray deploys no cloud controller manager, so nobody takes the taint "
        f"{UNINITIALIZED.key} off the nodes.",
        f"Set external_cloud_provider to one of {known}; or to manual, and install the cloud "
        "controller manager yourself.",
    )  # fmt: skip


def _about_values(ran: Ran, scope: Scope, patches: Iterable[SemanticPatch]) -> Iterator[Finding]:
    setting = ran.scenario.setting(VALUES)
    values = render_data(setting.value, scope) if setting else None
    if not isinstance(values, dict):
        return
    blocked = [
        one for one in ran.events.released
        if any(same_role(role, ROLE) for role in one.moment.run.roles)
        and workload_of(one).pod.tolerates(UNINITIALIZED) is False
    ]  # fmt: skip
    entries = values.get("tolerations") if blocked and INITIALIZED in ran.needed else None
    if isinstance(entries, list) and not tolerates(entries, UNINITIALIZED):
        # Whatever the order: only a toleration cures the values.
        lacking = Missing(INITIALIZED, workload_of(blocked[0]), None)
        cures = fixed_by(blocked[0].moment, (lacking,), patches)
        yield replace(_about_tolerations(ran, entries), fixed_by=cures)
    if truth(values.get("bypassDnsResolution")) is True and not values.get("providerRegex"):
        yield _about(
            ran, "provider-regex-missing", VALUES,
            f"{VALUES} sets bypassDnsResolution, but no providerRegex.",
            "Then a request's addresses are not compared with those of its name, and every name "
            "that begins with the node's own is taken.",
            f"Set providerRegex in {VALUES} to a pattern that only the names of your nodes match.",
        )  # fmt: skip


def _about_tolerations(ran: Ran, entries: list[Value]) -> Finding:
    near = [e for e in entries if isinstance(e, dict) and e.get("key") == UNINITIALIZED.key]
    if near:
        return _about(
            ran, "toleration-ineffective", VALUES,
            f"A toleration in {VALUES} names {UNINITIALIZED.key} but does not match the taint.",
            f'The taint has the value "true" and the effect {UNINITIALIZED.effect}; Equal, which '
            "is the default operator, compares the value, and the effect must be the same.",
            f"Write it as {_TOLERATION}.",
        )  # fmt: skip
    return _about(
        ran, "values-drop-toleration", VALUES,
        f"The tolerations in {VALUES} do not tolerate {UNINITIALIZED.key}.",
        "Helm replaces lists, so these are all that the pods have: what the role or the chart "
        "tolerates by default is gone.",
        f"Add {_TOLERATION} to them, or use the semantic patch approver-tolerations, which merges.",
    )  # fmt: skip


def asking_dns(ran: Ran) -> Iterator[Released]:
    """Give the releases of a run whose pods look names up in the cluster's DNS."""
    for released in ran.events.released:
        chart = known_chart(released.chart)
        if chart is None or chart.asks_dns_unless is None:
            continue
        values = released.values if isinstance(released.values, dict) else {}
        if truth(values.get(chart.asks_dns_unless)) is False:
            yield released


def _about(
    ran: Ran, code: str, name: str, message: str, why: str, cure: str,
    evidence: tuple[Evidence, ...] = (),
) -> Finding:  # fmt: skip
    setting = ran.scenario.setting(name)
    source = "here" if setting and setting.place else f"by {setting.source}" if setting else "here"
    said = Evidence(place_of(ran, name), f"{name} is set {source}")
    return Finding(
        code=code,
        severity=codes()[code].severity,
        playbook=None,
        place=place_of(ran, name),
        message=message,
        why=why,
        cure=cure,
        conditions=(f"{name}={ran.text_of(name, ROLE)}",),
        references=codes()[code].references,
        evidence=(said, *evidence),
        outside=setting is not None and setting.place is not None,
    )


def place_of(ran: Ran, name: str) -> Place:
    """Return where a variable is set: in the inventory, else in the tree's defaults.

    Without either, where the playbook uses the role that asks for it.
    """
    setting = ran.scenario.setting(name)
    if setting is not None and setting.place is not None:
        return setting.place
    scope = ran.scope(ROLE) or ran.scope()
    written = scope.default(name) if scope else None
    if written is not None:
        return Place(written.path, written.line)
    asking = _ASKING.get(name, ROLE)
    for run in ran.order.tasks:
        if run.chain and any(same_role(role, asking) for role in run.roles):
            return run.chain[0].place
    return Place(ran.playbook, 1)
