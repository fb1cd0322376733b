"""On random small trees the deadlocks are those of a definition that fits into ten lines.

Roles come in any order: one may apply a workload, wait for one, be the cloud controller manager
or the network plugin, or stand under a condition. What is expected is worked out from the drawn
roles alone, without a tree.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from unit.trees import CCM, Tree, applying, kubespray_like, manifest, play, report, role

from generator.exits import UnusableInput

UNINITIALIZED = "node.cloudprovider.kubernetes.io/uninitialized"
NOT_READY = "node.kubernetes.io/not-ready"

PROVIDERS = {"cloud": f"{CCM}/vsphere", "network": "network_plugin/flannel"}


@dataclass(frozen=True)
class App:
    """A role that applies a workload of its own and may wait for it, or for another's."""

    name: str
    cloud: bool
    network: bool
    host: bool
    wait: str
    patient: bool
    runs: bool


@st.composite
def apps(draw: st.DrawFn) -> list[App]:
    names = [f"app{number}" for number in range(draw(st.integers(1, 4)))]
    return [
        App(
            name, draw(st.booleans()), draw(st.booleans()), draw(st.booleans()),
            draw(st.sampled_from(["", *names, *names])), draw(st.booleans()),
            draw(st.sampled_from([True, True, True, False])),
        )
        for name in names
    ]  # fmt: skip


@st.composite
def orders(draw: st.DrawFn) -> list[App | str]:
    kept = draw(st.sampled_from([("cloud", "network"), ("cloud",), ("network",)]))
    return draw(st.permutations([*draw(apps()), *kept]))


HOWS = st.sampled_from(
    [
        "- command: kubectl -n kube-system rollout status deploy/%s\n",
        "- command: kubectl wait --for=condition=ready pod -l k8s-app=%s --timeout=60s\n",
        "- shell: |\n    set -e\n"
        "    kubectl wait \\\n      --for=condition=ready pod -l k8s-app=%s\n",
        "- kubernetes.core.k8s_info: {kind: Deployment, name: '%s', wait: true}\n",
        "- command: kubectl get pods -l k8s-app=%s\n  register: seen\n"
        "  until: \"'1/1' in seen.stdout\"\n",
    ]
)


def tree(order: list[App | str], how: str, split: bool) -> Tree:
    files: Tree = {}
    uses = []
    for item in order:
        name = PROVIDERS[item] if isinstance(item, str) else item.name
        uses.append(
            play(name if isinstance(item, str) or item.runs else f"{{role: {name}, when: off}}")
        )
        if isinstance(item, str):
            anything = ["{operator: Exists}"]
            app = manifest("DaemonSet", item, anything, host_network=True)
            files |= role(name, applying(), app=app)
            continue
        tolerated = [key for key, there in ((UNINITIALIZED, item.cloud), (NOT_READY, item.network))
                     if there]  # fmt: skip
        entries = [f"{{key: {key}, operator: Exists}}" for key in tolerated]
        waits = how % item.wait + ("" if item.patient else "  ignore_errors: true\n")
        files |= role(
            name, applying() + (waits if item.wait else ""),
            app=manifest(name=name, tolerations=entries, host_network=item.host),
        )  # fmt: skip
    entries_of_plays = "".join(uses)
    if not split:
        lines = [line for use in uses for line in use.splitlines()[2:]]
        entries_of_plays = "\n".join(["- hosts: all", "  roles:", *lines]) + "\n"
    return files | {"cluster.yml": entries_of_plays.replace("when: off", "when: switched_on")}


def expected(order: list[App | str], cloud: bool) -> list[tuple[str, str]]:
    """Return the place of each wait that cannot end, with what it comes to.

    A wait in role i for a workload that was applied in role 0 to i blocks where the workload
    needs what is provided in role j > i, or in none.
    """
    running = [item for item in order if isinstance(item, str) or item.runs]
    found = []
    for at, here in enumerate(running):
        if isinstance(here, str) or not here.wait:
            continue
        for other in running[: at + 1]:
            if isinstance(other, str) or other.name != here.wait:
                continue
            needs = ["cloud"] if cloud and not other.cloud else []
            needs += ["network"] if not (other.host and other.network) else []
            missing = [fact for fact in needs if fact not in running[:at]]
            if missing:
                never = any(fact not in running for fact in missing)
                kind = "deadlock-unprovided" if never else "deadlock-order"
                found.append((here.name, kind if here.patient else "slow-wait"))
    return found


@settings(max_examples=120, deadline=None)
@given(orders(), HOWS, st.booleans(), st.booleans())
def test_deadlocks_are_those_of_the_definition(
    order: list[App | str], how: str, cloud: bool, split: bool
) -> None:
    files = tree(order, how, split)
    found = report(
        files, switched_on=False, cloud_provider="external" if cloud else "",
        kube_network_plugin="flannel" if "network" in order else "cni",
        external_cloud_provider="vsphere" if "cloud" in order else "manual",
    )  # fmt: skip
    lines = files["cluster.yml"].splitlines()
    told = []
    for finding in found.findings:
        if finding.code in ("deadlock-order", "deadlock-unprovided", "slow-wait"):
            entry = lines[finding.place.line - 1].strip("- {")
            told.append((entry.removeprefix("role: ").split(",")[0], finding.code))
            assert (
                (finding.severity == "error") == finding.blocking == (finding.code != "slow-wait")
            )
    assert told == expected(order, cloud)
    assert found.unread == ()


@settings(max_examples=60, deadline=None)
@given(orders(), HOWS, st.booleans())
def test_nothing_is_missing_on_nodes_that_have_all(
    order: list[App | str], how: str, split: bool
) -> None:
    found = report(tree(order, how, split), nodes="initialized", switched_on=False,
                   kube_network_plugin="flannel")  # fmt: skip
    assert found.count("error") == 0
    assert all(finding.code != "pending" for finding in found.findings)


LIKE = kubespray_like()
WORDS = """
{{ }} {% %} [ ] { } : <<: ' " # !x é \ufeff \0 item 5 null when: loop: &a *a - |
""".split()  # noqa: SIM905
PHRASES = ["{% if x %}", "{% endif %}", "{{ item }}", "- ", "&a ", "*a", "|\n", "\n", "  ", "\t"]
JUNK = st.sampled_from([*WORDS, *PHRASES, "kind: List\n"])


@st.composite
def damaged(draw: st.DrawFn) -> Tree:
    """Return the tree with junk in the place of some text in one file or two."""
    files = dict(LIKE)
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(sorted(files)))
        content = files[path]
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.sampled_from([0, 0, 1, 3, 10, 40, 1000])))
        files[path] = content[:start] + draw(JUNK) + content[end:]
    return files


@settings(max_examples=150, deadline=None)
@given(damaged(), st.sampled_from(["vsphere", "manual"]))
def test_no_damage_to_a_file_makes_the_check_stumble(files: Tree, provider: str) -> None:
    raw = {path: content.encode() for path, content in files.items()}
    try:
        found = report(raw, "cluster.yml", "upgrade_cluster.yml", external_cloud_provider=provider)
    except UnusableInput as error:
        # Only what the order itself hangs on may end the check.
        assert str(error).startswith(("cluster.yml", "upgrade_cluster.yml"))
        return
    for finding in found.findings:
        for place in (finding.place, *(evidence.place for evidence in finding.evidence)):
            assert place.path in files and place.line <= files[place.path].count("\n") + 1
