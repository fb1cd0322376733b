"""What the doctor found: causes, the root first, and the figures that go with them."""

from __future__ import annotations

from dataclasses import dataclass

from generator.doctor.cluster import Cluster, Csr, Pod
from generator.doctor.schedule import Verdict
from generator.doctor.state import Component, State

NO_CCM, CCM_PENDING, CCM_FAILING = "no-ccm", "ccm-pending", "ccm-failing"
NODE_STUCK, APPROVER_PENDING = "node-stuck", "approver-pending"
INEFFECTIVE = "toleration-ineffective"
CSR_PENDING, CSR_DENIED = "csr-pending", "csr-denied"

CODES = (
    NO_CCM, CCM_PENDING, CCM_FAILING, NODE_STUCK, INEFFECTIVE, APPROVER_PENDING, CSR_DENIED,
    CSR_PENDING,
)  # fmt: skip
"""All codes that a cause can have."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something is stuck: sentences, and the command to run next."""

    code: str
    message: str
    next: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A pod that is not scheduled because of the cloud provider's taint."""

    pod: Pod
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Findings:
    """The parts of a cluster that causes are made of.

    `asked` are the newest requests for a serving certificate, one of each node.
    """

    cluster: Cluster
    ccm: Component
    ccm_state: State
    approver: Component
    approver_state: State
    waiting: tuple[Waiting, ...]
    asked: tuple[Csr, ...]

    def requests(self, *states: str) -> tuple[Csr, ...]:
        """Return the newest requests that are in one of these states."""
        return tuple(each for each in self.asked if each.state in states)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found, the causes with the root first, and the verdict in one sentence."""

    findings: Findings
    causes: tuple[Cause, ...]
    sentence: str
    next: str

    @property
    def initialized(self) -> bool:
        """True where there are nodes and none has the taint."""
        nodes = self.findings.cluster.nodes
        return bool(nodes) and all(node.initialized for node in nodes)

    @property
    def healthy(self) -> bool:
        """True where every node is initialised and nothing is stuck."""
        return self.initialized and not self.causes
