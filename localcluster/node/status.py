"""What the API server is told about a Pod. Pure.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from localcluster.node.container import Container, Running, State, Terminated, Waiting
from localcluster.node.fields import LOOPBACK

Json = dict[str, object]


def status(containers: Sequence[Container], address: str, start: datetime, *, going: bool) -> Json:
    """A Pod's status, without the conditions; `going` Pods are to end."""
    words = phase(containers, going=going)
    return {
        "phase": words,
        "hostIP": LOOPBACK,
        "hostIPs": [{"ip": LOOPBACK}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": stamp(start),
        "containerStatuses": [_container(container) for container in containers],
    }


def phase(containers: Sequence[Container], *, going: bool) -> str:
    """The phase: it is final only when every container has ended for good."""
    if all(container.finished for container in containers):
        codes = [c.state.code if isinstance(c.state, Terminated) else None for c in containers]
        return "Succeeded" if codes == [0] * len(codes) else "Failed"
    begun = [isinstance(c.state, Running) or c.last is not None or c.finished for c in containers]
    return "Running" if going or all(begun) else "Pending"


def conditions(containers: Sequence[Container], *, going: bool) -> dict[str, bool]:
    """Each condition, and whether it holds."""
    ready = all(container.ready for container in containers)
    always = ("PodScheduled", "PodReadyToStartContainers", "Initialized")
    return {**dict.fromkeys(always, True), "ContainersReady": ready, "Ready": ready and not going}


def stamp(moment: datetime) -> str:
    """A time as the API writes it (UTC, whole seconds)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _container(container: Container) -> Json:
    last = {} if container.last is None else _state(container.last)
    return {
        "name": container.spec.name,
        "image": container.spec.image,
        "imageID": "",
        "ready": container.ready,
        "started": container.started,
        "restartCount": container.restarts,
        "state": _state(container.state),
        "lastState": last,
    }


def _state(state: State) -> Json:
    if isinstance(state, Waiting):
        return {"waiting": {"reason": state.reason, "message": state.message}}
    if isinstance(state, Running):
        return {"running": {"startedAt": stamp(state.since)}}
    return {
        "terminated": {
            "exitCode": state.code,
            "reason": "Error" if state.code else "Completed",
            "startedAt": stamp(state.since),
            "finishedAt": stamp(state.until),
        }
    }
