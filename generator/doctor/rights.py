"""Which resources the doctor reads, and the ClusterRole that allows no more than that."""

from __future__ import annotations

from dataclasses import dataclass

from generator.text.yaml import dump


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of the API; `call` lists it, by the official client's class and method."""

    name: str
    kind: str
    group: str
    call: tuple[str, str]

    @property
    def right(self) -> str:
        """The right to list it, as `kubectl auth can-i` takes it."""
        return f"list {self.name}.{self.group}" if self.group else f"list {self.name}"


RESOURCES = (
    Resource("nodes", "Node", "", ("CoreV1Api", "list_node")),
    Resource("pods", "Pod", "", ("CoreV1Api", "list_pod_for_all_namespaces")),
    Resource("events", "Event", "", ("CoreV1Api", "list_event_for_all_namespaces")),
    Resource("deployments", "Deployment", "apps",
             ("AppsV1Api", "list_deployment_for_all_namespaces")),
    Resource("daemonsets", "DaemonSet", "apps",
             ("AppsV1Api", "list_daemon_set_for_all_namespaces")),
    Resource("certificatesigningrequests", "CertificateSigningRequest", "certificates.k8s.io",
             ("CertificatesV1Api", "list_certificate_signing_request")),
)  # fmt: skip
"""Everything that is read, and nothing else is."""


def cluster_role() -> str:
    """Return the ClusterRole as a manifest; `list` is the only verb that is used."""
    groups = dict.fromkeys(resource.group for resource in RESOURCES)
    return dump(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "kubespray-patchgen-doctor"},
            "rules": [
                {
                    "apiGroups": [group],
                    "resources": [each.name for each in RESOURCES if each.group == group],
                    "verbs": ["list"],
                }
                for group in groups
            ],
        }
    )
