"""Whether staging helps a tree in a scenario, and the stages if it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from generator.engine.detect.approver import ENABLED, ROLE
from generator.engine.detect.cures import left_alone
from generator.engine.detect.provide import Provision
from generator.engine.detect.ran import NEW, Ran
from generator.engine.finding import Finding
from generator.engine.patch import SemanticPatch
from generator.engine.runs import run_playbooks
from generator.exits import Unsafe, UnusableInput
from generator.model.expression import truth
from generator.model.facts import INITIALIZED, READY
from generator.model.kubespray import Kubespray
from generator.model.scenario import Scenario
from generator.model.step import Order
from generator.model.variables import naming
from generator.stage.blocked import Stuck, blocking, of_stuck, stuck_approver
from generator.stage.selection import order_with_tags, tagged
from generator.stage.tag import Chosen, choose_tag
from generator.text.document import Place
from generator.tree.base import Base

_TOLERATE = "kubespray-patchgen patch --only approver-tolerations"

_WHO = {
    INITIALIZED: "no step of {playbook} deploys a cloud controller manager for these variables, "
    "so no node is ever initialised and stage 2 never ends",
    READY: "no step of {playbook} starts a network plugin for these variables, so no node becomes "
    "ready and stage 3 fails",
}


@dataclass(frozen=True)
class Needless:
    """There is nothing to stage; `reason` is a sentence, `others` are errors of a check."""

    base: Base
    playbook: str
    reason: str
    others: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Staged:
    """A playbook that is run in stages.

    `findings` are what a whole run would fail by. `needs` are the facts that stage 2 waits for.
    `controller` is what takes the taint off, None where `own_ccm` says that the user installs
    it. `order` and `run` are what the choice was made by.
    """

    base: Base
    playbook: str
    chosen: Chosen
    findings: tuple[Finding, ...]
    needs: frozenset[str]
    controller: Provision | None
    own_ccm: bool
    order: Order = field(repr=False)
    run: Ran = field(repr=False)

    @property
    def conditions(self) -> tuple[str, ...]:
        """The variables under which the playbook blocks."""
        return tuple(dict.fromkeys(text for one in self.findings for text in one.conditions))


@dataclass(frozen=True)
class Asked:
    """What is asked of a tree; `unread` is told of what could not be read."""

    kubespray: Kubespray
    playbook: str
    scenario: Scenario
    patches: tuple[SemanticPatch, ...]
    own_ccm: bool = False
    unread: Callable[[Place, str], None] = lambda place, message: None


def decide(asked: Asked) -> Staged | Needless:
    """Return the stages of a playbook, or why there is nothing to stage.

    Raises Unsafe where stages would not help, or where the approver cannot be selected by a tag;
    UnusableInput where the playbook cannot be read.
    """
    kubespray, playbook = asked.kubespray, asked.playbook
    through = run_playbooks(kubespray, (playbook,), asked.scenario)
    for left in through.unread:
        asked.unread(left.place, left.message)
    if through.blind:
        raise UnusableInput(
            f"{through.blind[0].place}: without this nothing can be said of the approver's order; "
            "mend it first."
        )
    (run,) = through.runs
    stuck = stuck_approver(run)
    errors = blocking(run, asked.patches)
    own = of_stuck(errors, stuck)
    others = tuple(finding for finding in errors if finding not in own)
    base = kubespray.tree.base
    for one in stuck:
        for patch, _ in left_alone(one.waited.moment, run, asked.patches):
            raise Unsafe(_left_alone(playbook, patch.id))
    if not stuck or run.nodes != NEW:
        return Needless(base, playbook, _reason(run, bool(stuck)), others)
    needs = frozenset(one.fact for found in stuck for one in found.lacking)
    _require_providers(asked, stuck)
    if others:
        raise Unsafe(_blocked_anyway(playbook, others))
    names = naming(asked.scenario, through.files)
    order = order_with_tags(kubespray, playbook, names)
    chosen = choose_tag(order, tagged(order, kubespray, names), ROLE)
    controller = run.provisions[INITIALIZED] if INITIALIZED in run.needed else None
    return Staged(
        base, playbook, chosen, own, needs, controller, asked.own_ccm and controller is None,
        order, run,
    )  # fmt: skip


def _reason(run: Ran, stuck: bool) -> str:
    if not run.uses(ROLE):
        return f"{run.playbook} does not run kubelet-csr-approver."
    scope = run.scope(ROLE)
    if scope is not None and truth(scope(ENABLED)) is False:
        return f"{run.playbook} installs no kubelet-csr-approver for these variables ({ENABLED})."
    if stuck:
        return f"{run.playbook} starts from nodes that are initialised already."
    return f"kubelet-csr-approver does not block in {run.playbook} for these variables."


def _require_providers(asked: Asked, stuck: tuple[Stuck, ...]) -> None:
    """Raise Unsafe where nobody provides what the approver waits for."""
    never = {one.fact for found in stuck for one in found.lacking if one.provision is None}
    if asked.own_ccm:
        never.discard(INITIALIZED)
    if not never:
        return
    why = "; ".join(text.format(playbook=asked.playbook)
                    for fact, text in _WHO.items() if fact in never)  # fmt: skip
    cure = (
        "It would help only if you install your own between the stages (--own-ccm gives the "
        f"runbook for that); the cure is the toleration ({_TOLERATE})."
    )
    if INITIALIZED not in never:
        cure = f"Deploy with {ENABLED}=false, install your network, then run the playbook again."
    raise Unsafe(f"staging does not help: {why}. {cure}")


def _left_alone(playbook: str, patch: str) -> str:
    return (
        f"staging is not for {playbook}: the nodes of a running cluster block nothing, and where "
        "an upgrade newly turns on the rotation of serving certificates the approver must come "
        f"first (kubespray-patchgen patches show {patch} tells why). Run it whole; with new nodes "
        f"among them use the toleration ({_TOLERATE})."
    )


def _blocked_anyway(playbook: str, others: tuple[Finding, ...]) -> str:
    named = " ".join(f"{finding.message} [{finding.code}, {finding.place}]" for finding in others)
    return (
        f"staging does not help: leaving the approver out does not cure what else blocks in "
        f"{playbook}. {named} See kubespray-patchgen check for the cures."
    )
