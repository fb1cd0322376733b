"""Small trees in memory for tests of `check`: playbooks, roles, manifests, all in our own words.

A tree is a mapping of paths to texts, so that a test changes a file by `tree | {path: text}`.
`kubespray_like` has Kubespray's shape in small: the approver through helm-apps, a cloud controller
manager, a network plugin, CoreDNS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from textwrap import dedent, indent
from typing import Any

from generator.engine.check import check
from generator.engine.detect.events import Events
from generator.engine.detect.interpret import run_through
from generator.engine.detect.manifest import Manifests
from generator.engine.detect.ran import Ran, nodes_at_start
from generator.engine.finding import Finding, Report
from generator.engine.patch import SemanticPatch, load_patches
from generator.engine.series import plan
from generator.model.flatten import Following
from generator.model.kubespray import Kubespray, playbook_stem
from generator.model.scenario import Scenario, Setting, reported
from generator.model.variables import naming
from generator.model.written import Files
from generator.resources import resource_dir
from generator.text.document import Place
from generator.tree.memory import MemoryTree

Tree = dict[str, str]

TAINT = "node.cloudprovider.kubernetes.io/uninitialized"

EXISTS = f"{{key: {TAINT}, operator: Exists, effect: NoSchedule}}"
EVERYTHING = "{operator: Exists}"

APPROVER = "kubernetes-apps/kubelet-csr-approver"
CCM = "kubernetes-apps/external_cloud_controller"

FIRST_NODE = "inventory_hostname == groups['kube_control_plane'][0]"


def text(source: str) -> str:
    """Return a text without the indentation of the test around it, with one ending newline."""
    return dedent(source).strip("\n") + "\n"


def kubespray(files: Mapping[str, str | bytes]) -> Kubespray:
    """Return a tree of these files."""
    data = {
        path: content if isinstance(content, bytes) else text(content).encode()
        for path, content in files.items()
    }
    return Kubespray(MemoryTree(data, "the tree"))


def role(
    name: str,
    tasks: str = "",
    *,
    defaults: str = "",
    variables: str = "",
    meta: str = "",
    **templates: str,
) -> Tree:
    """Return a role's files; a template `app` is `templates/app.yml.j2`."""
    given = {"tasks": tasks, "defaults": defaults, "vars": variables, "meta": meta}
    found = {f"roles/{name}/{where}/main.yml": text(said) for where, said in given.items() if said}
    named = {
        f"roles/{name}/templates/{stem}.yml.j2": text(said) for stem, said in templates.items()
    }
    return found | named or {f"roles/{name}/tasks/main.yml": "- debug:\n"}


def play(*roles: str, hosts: str = "all", more: str = "") -> str:
    """Return a play; `roles` are entries as they stand behind the dash, `more` other keywords."""
    lines = [f"- hosts: {hosts}", *indent(dedent(more).strip("\n"), "  ").splitlines()]
    lines += ["  roles:", *(f"    - {entry}" for entry in roles)] if roles else []
    return "\n".join(lines) + "\n"


def manifest(
    kind: str = "Deployment",
    name: str = "app",
    tolerations: Iterable[str] | str = (),
    *,
    namespace: str = "kube-system",
    host_network: bool | str = False,
    pod: str = "",
) -> str:
    """Return a workload's manifest; `tolerations` are flow mappings, or the whole value."""
    listed = tolerations if isinstance(tolerations, str) else f"[{', '.join(tolerations)}]"
    lines = [
        f"apiVersion: apps/v1\nkind: {kind}",
        f"metadata: {{name: {name}, namespace: {namespace}}}",
    ]
    spec = ["containers: [{name: a, image: b}]"]
    spec += [f"tolerations: {listed}"] if listed != "[]" else []
    spec += [f"hostNetwork: {str(host_network).lower()}"] if host_network else []
    spec += dedent(pod).strip("\n").splitlines()
    lines += ["spec:", "  template:", f"    metadata: {{labels: {{k8s-app: {name}}}}}", "    spec:"]
    return "\n".join([*lines, *(f"      {line}" for line in spec)]) + "\n"


def applying(template: str = "app") -> str:
    """Return tasks that lay a template down and apply it."""
    return text(
        f"""
        - template: {{src: {template}.yml.j2, dest: /etc/{template}.yml}}
        - kube: {{filename: /etc/{template}.yml, state: latest}}
        """
    )


def scenario(
    given: Mapping[str, Any] | None = None,
    base: Mapping[str, Any] | None = None,
    nodes: str | None = None,
) -> Scenario:
    """Return a scenario: `given` as by --set, `base` as by an inventory; without, the reported."""
    place = Place("inventory/all.yml", 3)
    settings = {name: Setting(value, f"--set {name}") for name, value in (given or {}).items()}
    if base is None:
        return Scenario(settings, reported(), nodes)
    listed = {name: Setting(value, "inventory", place) for name, value in base.items()}
    return Scenario(settings, listed, nodes)


def ignored(place: Place, message: str) -> None:
    """Take what cannot be read, and say nothing."""


def run(
    files: Mapping[str, str | bytes],
    playbook: str = "cluster.yml",
    base: Mapping[str, Any] | None = None,
    nodes: str | None = None,
    **given: Any,
) -> Ran:
    """Return a playbook that was run through."""
    tree = kubespray(files)
    wanted = scenario(given, base, nodes)
    found = Files(tree, ignored)
    order = tree.run(playbook, Following(naming(wanted, found), ignored))
    events = run_through(tree, order, wanted, Manifests(tree, ignored), found)
    starts = nodes_at_start(playbook_stem(playbook), wanted)
    return Ran(tree, playbook, order, events, starts, wanted, found)


def events(files: Mapping[str, str | bytes], **given: Any) -> Events:
    """Return what happens in a run of cluster.yml."""
    return run(files, **given).events


@cache
def patches() -> Mapping[str, SemanticPatch]:
    """Return the semantic patches that ship."""
    return load_patches([resource_dir("patches")])


def report(
    files: Mapping[str, str | bytes] | Kubespray,
    *playbooks: str,
    base: Mapping[str, Any] | None = None,
    nodes: str | None = None,
    **given: Any,
) -> Report:
    """Return the report on some playbooks, cluster.yml without more."""
    tree = files if isinstance(files, Kubespray) else kubespray(files)
    wanted = scenario(given, base, nodes)
    return check(tree, playbooks or ("cluster.yml",), wanted, patches().values())


def patched(files: Mapping[str, str | bytes], *ids: str) -> Kubespray:
    """Return the tree as it is with some semantic patches."""
    return plan(kubespray(files), [patches()[name] for name in ids]).after


def codes(found: Report) -> list[str]:
    """Return the codes of a report's findings, in order."""
    return [finding.code for finding in found.findings]


def of_code(found: Report, code: str) -> list[Finding]:
    """Return the findings with a code."""
    return [finding for finding in found.findings if finding.code == code]


def one(found: Report, code: str) -> Finding:
    """Return the only finding with a code."""
    (finding,) = of_code(found, code)
    return finding


HELM_APPS = role(
    "helm-apps",
    tasks="""
    - kubernetes.core.helm: "{{ helm_defaults | combine(release_common_opts, item) }}"
      loop: "{{ releases }}"
    """,
    variables="""
    helm_defaults: {atomic: true, binary_path: "{{ bin_dir }}/helm"}
    """,
)

APPROVER_ROLE = role(
    APPROVER,
    defaults="""
    kubelet_csr_approver_enabled: "{{ kubelet_rotate_server_certificates }}"
    kubelet_csr_approver_chart_version: 0.2.8
    kubelet_csr_approver_values: {}
    """,
    meta=f"""
    dependencies:
      - role: helm-apps
        when:
          - {FIRST_NODE}
          - kubelet_csr_approver_enabled
        release_common_opts: {{}}
        releases:
          - name: kubelet-csr-approver
            namespace: kube-system
            chart_ref: approver/kubelet-csr-approver
            chart_version: "{{{{ kubelet_csr_approver_chart_version }}}}"
            wait: true
            values: "{{{{ kubelet_csr_approver_values }}}}"
    """,
)

CCM_META = f"""
dependencies:
  - role: {CCM}/vsphere
    when:
      - cloud_provider is defined
      - cloud_provider == "external"
      - external_cloud_provider is defined
      - external_cloud_provider == "vsphere"
      - {FIRST_NODE}
"""

CCM_TASKS = f"""
- template: {{src: controller.yml.j2, dest: "{{{{ kube_config_dir }}}}/controller.yml"}}
  when: {FIRST_NODE}
- kube: {{filename: "{{{{ kube_config_dir }}}}/controller.yml", state: latest}}
  when: {FIRST_NODE}
"""

DNS_TASKS = """
- template: {src: "{{ item.file }}.j2", dest: "/etc/kubernetes/{{ item.file }}"}
  loop:
    - {file: coredns.yml, kind: Deployment}
  register: manifests
  when: dns_mode in ['coredns', 'coredns_dual']
- kube: {filename: "/etc/kubernetes/{{ item.item.file }}", state: latest}
  loop: "{{ manifests.results }}"
  when: item is not skipped
"""

OPEN = (EVERYTHING,)


def kubespray_like(
    *,
    approver_first: bool = True,
    ccm: Iterable[str] = OPEN,
    plugin_last: bool = False,
    tolerate: Iterable[str] = OPEN,
) -> Tree:
    """Return a tree of Kubespray's shape.

    `approver_first` puts the approver before the cloud controller manager. `ccm` are the
    tolerations of the latter's pods. With `plugin_last` the network plugin's DaemonSet is put in
    by kubernetes-apps/network_plugin, behind the approver. `tolerate` are those of the plugin.
    """
    approver = [f"{{role: {APPROVER}, tags: kubelet-csr-approver}}"]
    first, last = (approver, []) if approver_first else ([], approver)
    started = "kubernetes-apps/network_plugin/flannel" if plugin_last else "network_plugin/flannel"
    dependency = "\ndependencies:\n  - {role: %s, when: kube_network_plugin == 'flannel'}\n"
    apps = play(
        "kubespray-defaults", f"{{role: {CCM}, tags: external-cloud-controller}}",
        "{role: kubernetes-apps/network_plugin, tags: network}",
        "{role: kubernetes-apps, tags: apps}", *last, hosts="kube_control_plane",
    )  # fmt: skip
    nodes = play(
        "kubespray-defaults", "kubernetes/control-plane",
        "{role: network_plugin, tags: network}", *first,
        hosts="k8s_cluster",
    )  # fmt: skip
    files = {
        "cluster.yml": nodes + apps,
        "upgrade_cluster.yml": play(
            "kubespray-defaults",
            "{role: network_plugin, tags: network}",
            *approver,
            hosts="kube_control_plane",
        )
        + apps,
        "recover_control_plane.yml": "- import_playbook: cluster.yml\n",
        **role(
            "kubespray-defaults",
            defaults="""
            kube_network_plugin: flannel
            kubelet_rotate_server_certificates: false
            dns_mode: coredns
            bin_dir: /usr/local/bin
            kube_config_dir: /etc/kubernetes
            """,
        ),
        **role("kubernetes/control-plane"),
        **role("network_plugin", meta=dependency % "network_plugin/flannel"),
        **role("network_plugin/flannel"),
        **role(
            "kubernetes-apps/network_plugin",
            meta=dependency % "kubernetes-apps/network_plugin/flannel" if plugin_last else "",
        ),
        **role(
            started, applying(), app=manifest("DaemonSet", "flannel", tolerate, host_network=True)
        ),
        **role(CCM, meta=CCM_META),
        **role(
            f"{CCM}/vsphere",
            CCM_TASKS,
            controller=manifest("DaemonSet", "vsphere-ccm", ccm, host_network=True),
        ),
        **role("kubernetes-apps", meta="\ndependencies:\n  - kubernetes-apps/ansible\n"),
        **role(
            "kubernetes-apps/ansible",
            DNS_TASKS,
            coredns=manifest(name="coredns"),
        ),
        **HELM_APPS,
        **APPROVER_ROLE,
    }
    return {path: text(content) for path, content in files.items()}
