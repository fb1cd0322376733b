"""How a component of the cluster is: whether it works and, if not, what keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from generator.doctor.cluster import Cluster, Container, Event, Pod, Workload
from generator.doctor.known import sorts
from generator.doctor.schedule import Verdict, judge, workload_rules
from generator.model.toleration import Taint

WORKING, FAILING, PENDING, OFF, ABSENT = "working", "failing", "pending", "off", "absent"
"""Ready; started and broken; not started; scaled to zero on purpose; not there."""

_HARMLESS = ("", "ContainerCreating", "PodInitializing")
_LOOP = 3
_RECENT = 600


@dataclass(frozen=True, slots=True)
class Component:
    """What belongs together: workloads and pods of one sort."""

    workloads: tuple[Workload, ...]
    pods: tuple[Pod, ...]

    @property
    def kind(self) -> str:
        """The kind of the object to look at, in lower case as kubectl takes it."""
        return self.workloads[0].kind.lower() if self.workloads else "pod"

    @property
    def namespace(self) -> str:
        """The namespace of that object."""
        return self._first.namespace

    @property
    def name(self) -> str:
        """The name of that object."""
        return self._first.name

    @property
    def _first(self) -> Workload | Pod:
        return self.workloads[0] if self.workloads else self.pods[0]


@dataclass(frozen=True, slots=True)
class State:
    """How a component is.

    `why` is what keeps a pod, as a reason of Kubernetes or empty; `pod` the one to look at;
    `verdict` where scheduling keeps it; `event` the last warning about it.
    """

    state: str
    why: str = ""
    pod: Pod | None = None
    verdict: Verdict | None = None
    event: Event | None = None

    @property
    def taints(self) -> tuple[Taint, ...]:
        """The taints that keep every node from it; none where something else does."""
        return self.verdict.taints if self.verdict and not self.verdict.free else ()


def component(cluster: Cluster, sort: str) -> Component:
    """Return the workloads and pods of a sort of known.yml; pods that have ended are left out.

    So are those that failed, as an evicted one, where others have taken their place.
    """
    fits = sorts()[sort].fits
    workloads = tuple(
        each for each in cluster.workloads if fits(each.name, each.labels, each.images)
    )
    pods = tuple(
        pod
        for pod in cluster.pods
        if pod.phase != "Succeeded"
        and pod.owner != "Job"
        and (fits(pod.name, pod.labels, pod.images) or any(_selects(w, pod) for w in workloads))
    )
    return Component(workloads, tuple(p for p in pods if p.phase != "Failed") or pods)


def owner_of(cluster: Cluster, pod: Pod) -> Workload | None:
    """Return the workload whose selector takes a pod, None where there is none."""
    return next((each for each in cluster.workloads if _selects(each, pod)), None)


def state_of(cluster: Cluster, part: Component) -> State:
    """Return how a component is; it works where one of its pods does."""
    if not part.workloads and not part.pods:
        return State(ABSENT)
    if not part.pods:
        return _without_pods(cluster, part)
    broken = [pod for pod in part.pods if _broken(pod, cluster.now)]
    if any(pod.ready and pod not in broken for pod in part.pods):
        return State(WORKING, pod=next(p for p in part.pods if p.ready and p not in broken))
    if broken:
        return State(FAILING, _reason(broken[0]), broken[0], event=_warning(cluster, broken[0]))
    started = [pod for pod in part.pods if pod.phase == "Running"]
    if started:
        return State(FAILING, "NotReady", started[0], event=_warning(cluster, started[0]))
    bound = [pod for pod in part.pods if pod.node]
    pod = (bound or part.pods)[0]
    verdict = None if bound else judge([pod.rules], cluster.nodes)[pod.rules]
    return State(PENDING, _reason(pod), pod, verdict, _warning(cluster, pod))


def _without_pods(cluster: Cluster, part: Component) -> State:
    """Judge by the workloads alone: no pod was made, or the user may not see pods."""
    if any(each.ready for each in part.workloads):
        return State(WORKING)
    if all(each.kind == "Deployment" and not each.wanted for each in part.workloads):
        return State(OFF)
    workload = part.workloads[0]
    event = _warning(cluster, workload)
    if "pods" in cluster.unread and workload.wanted:
        return State(PENDING, "unknown", event=event)
    # A DaemonSet makes no pod for a node whose taints it does not tolerate.
    rules = workload_rules(workload)
    return State(PENDING, verdict=judge([rules], cluster.nodes)[rules], event=event)


def _selects(workload: Workload, pod: Pod) -> bool:
    return (
        bool(workload.selector)
        and workload.namespace == pod.namespace
        and all(pod.labels.get(key) == value for key, value in workload.selector)
    )


def _broken(pod: Pod, now: int) -> bool:
    if pod.phase == "Failed":
        return True
    return any(_fails(each, now) for each in pod.containers)


def _fails(container: Container, now: int) -> bool:
    if container.waiting not in _HARMLESS:
        return True
    if not container.running:
        return bool(container.exit_code) and not container.waiting
    # One that crashes again and again is Ready for a moment each time.
    finished = container.finished
    return (
        bool(container.exit_code)
        and container.restarts >= _LOOP
        and finished is not None
        and now - finished <= _RECENT
    )


def _reason(pod: Pod) -> str:
    """Return the first reason that a container gives, with its exit code where it has one."""
    for container in pod.containers:
        code = f", exit code {container.exit_code}" if container.exit_code else ""
        if container.waiting not in _HARMLESS:
            return container.waiting + code
        if code:
            return f"Error{code}"
    return next((each.waiting for each in pod.containers if each.waiting), "")


def _warning(cluster: Cluster, thing: Pod | Workload) -> Event | None:
    """Return the newest warning about an object or, of a Deployment, about its ReplicaSets."""
    kind = thing.kind if isinstance(thing, Workload) else "Pod"
    found = [event for event in cluster.events if _is_about(event, kind, thing)]
    return max(found, key=lambda event: event.at or 0, default=None)


def _is_about(event: Event, kind: str, thing: Pod | Workload) -> bool:
    if event.namespace != thing.namespace or event.reason == "FailedScheduling":
        return False
    if (event.kind, event.name) == (kind, thing.name):
        return True
    own = kind == "Deployment" and event.kind == "ReplicaSet"
    return own and event.name.rpartition("-")[0] == thing.name


def ready_pods(part: Component) -> tuple[int, int]:
    """Return how many pods are ready, and how many there should be."""
    wanted = sum(each.wanted for each in part.workloads)
    if part.pods:
        return sum(pod.ready for pod in part.pods), max(wanted, len(part.pods))
    return sum(each.ready for each in part.workloads), wanted
