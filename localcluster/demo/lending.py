"""Act two: a developer is lent `curfew:edit` in one namespace for 20 seconds, and not longer."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from localcluster.chart import Done, curfew
from localcluster.cluster import LocalCluster
from localcluster.demo.telling import Teller

_SECONDS = 20
_LONGEST = _SECONDS + 15.0
_OPERATOR = "system:serviceaccount:curfew-system:curfew-operator"

Clock = Callable[[], datetime]


def play(cluster: LocalCluster, tell: Teller, clock: Clock) -> None:
    """Ask, use, and be refused when the time is over."""
    tell.title("Access: lent for a while, gone on time, with proof")
    dana = cluster.kubeconfig_for("dana")
    _allow(cluster, tell)
    _must_be_refused(cluster, tell, dana)
    tell.step(f"dana: $ kubectl curfew request curfew:edit -n payments --for {_SECONDS}s")
    asked = curfew(cluster, dana, "request", "curfew:edit", "-n", "payments", *_WHY)
    tell.quote(asked.stdout + asked.stderr)
    tell.must("it is lent", so=asked.returncode == 0, found=asked.stderr)
    request = asked.stdout.partition(":")[0]
    _use(cluster, tell, dana)
    _wait_for_the_end(cluster, tell, dana, request, clock)


_WHY = ("--for", f"{_SECONDS}s", "--reason", "the payments queue is stuck")


def _allow(cluster: LocalCluster, tell: Teller) -> None:
    tell.step("an administrator writes an AccessPolicy, and lets dana ask under it: ordinary RBAC")
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(_POLICY))
    allow = ("create", "clusterrole", "ask-for-payments", "--verb=request")
    which = ("--resource=accesspolicies.curfew.dev", "--resource-name=payments-edit")
    cluster.kubectl(*allow, *which)
    for role in ("ask-for-payments", "curfew:requester"):
        name = f"dana-{role.replace(':', '-')}"
        cluster.kubectl(
            "create", "clusterrolebinding", name, f"--clusterrole={role}", "--user=dana"
        )


def _must_be_refused(cluster: LocalCluster, tell: Teller, dana: Path) -> None:
    tell.step("dana, with her own client certificate: $ kubectl create configmap -n payments")
    before = _create(cluster, dana, "too-early")
    refused = before.returncode != 0 and "forbidden" in before.stderr
    tell.must("not yet: the API server refuses", so=refused, found=before.stderr or before.stdout)


def _use(cluster: LocalCluster, tell: Teller, dana: Path) -> None:
    listed = cluster.kubectl("get", "pods", "-n", "payments", kubeconfig=dana, check=False)
    tell.must("dana lists pods", so=listed.returncode == 0, found=listed.stderr)
    created = _create(cluster, dana, "unstuck")
    tell.must("dana creates a ConfigMap", so=created.returncode == 0, found=created.stderr)


def _wait_for_the_end(
    cluster: LocalCluster, tell: Teller, dana: Path, request: str, clock: Clock
) -> None:
    deadline = _deadline(cluster, request)
    tell.step(f"dana goes on until she is refused; the deadline is {_time(deadline)}")
    first_refusal = _first_refusal(cluster, dana, clock)
    tell.step("the API server refuses dana")
    in_time = first_refusal is not None and first_refusal >= deadline
    tell.must("never before the deadline", so=in_time, found=str(first_refusal or "no refusal"))
    ended = curfew(cluster, dana, "show", request)
    for _ in range(50):
        if "Proof:" in ended.stdout:
            break
        time.sleep(0.1)
        ended = curfew(cluster, dana, "show", request)
    deleted = _deleted(cluster)
    tell.quote(f"deadline            {_time(deadline)}")
    tell.quote(f"binding deleted     {_after(deadline, deleted)}")
    tell.quote(f"first refusal seen  {_after(deadline, first_refusal)}")
    tell.quote("\n".join(line for line in ended.stdout.splitlines() if line.startswith(_PROOF)))
    on_time = deleted is not None and deleted >= deadline
    tell.must("the operator deleted it, and not too early", so=on_time, found=str(deleted))
    proved = _is_proved(ended.stdout)
    tell.must("the request says Expired, with proof", so=proved, found=ended.stdout)
    left = cluster.kubectl("get", "rolebindings", "-n", "payments", "-l", "curfew.dev/request-uid")
    tell.must("no binding is left", so=left.stdout == "", found=left.stdout)


_PROOF = ("Phase:", "Revoked=", "Proof:")


def _is_proved(shown: str) -> bool:
    return "Expired" in shown and "Revoked=True" in shown and "Proof: ended by" in shown


def _create(cluster: LocalCluster, kubeconfig: Path, name: str) -> Done:
    create = ("create", "configmap", name, "-n", "payments", "--from-literal=a=b")
    return cluster.kubectl(*create, kubeconfig=kubeconfig, check=False)


def _deadline(cluster: LocalCluster, request: str) -> datetime:
    path = "jsonpath={.status.expiresAt}"
    return datetime.fromisoformat(cluster.kubectl("get", "areq", request, "-o", path).stdout)


def _first_refusal(cluster: LocalCluster, dana: Path, clock: Clock) -> datetime | None:
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until:
        tried = cluster.kubectl("get", "pods", "-n", "payments", kubeconfig=dana, check=False)
        if tried.returncode != 0 and "forbidden" in tried.stderr:
            return clock()
    return None


def _deleted(cluster: LocalCluster) -> datetime | None:
    found = [
        event.request_received_timestamp
        for event in cluster.audit()
        if event.verb == "delete"
        and event.user.username == _OPERATOR
        and event.object_ref is not None
        and event.object_ref.resource == "rolebindings"
    ]
    return found[-1] if found else None


def _time(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def _after(deadline: datetime, moment: datetime | None) -> str:
    if moment is None:
        return "never"
    return f"{_time(moment)}  ({(moment - deadline).total_seconds() * 1000:+.0f} ms)"


_POLICY = {
    "apiVersion": "curfew.dev/v1alpha1",
    "kind": "AccessPolicy",
    "metadata": {"name": "payments-edit"},
    "spec": {
        "access": {"roles": [{"kind": "ClusterRole", "name": "curfew:edit"}]},
        "scope": {"namespaces": ["payments"]},
        "duration": {"default": "15m", "max": "1h"},
    },
}
