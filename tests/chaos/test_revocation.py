"""Whatever is killed, paused or doubled: no deadline moves later, and no revoke is lost."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from localcluster import LocalCluster, RigError, chart, temporary
from tests.installed import (
    ENDS,
    SYSTEM,
    ask,
    deadline,
    lend_to,
    lent_bindings,
    look,
    phase,
    request,
    wait_for_phase,
    wait_until,
    wait_until_armed,
)

_OPERATOR = "system:serviceaccount:curfew-system:curfew-operator"
_ROUNDS = 12 if os.environ.get("CURFEW_LONG") == "1" else 3


@pytest.fixture(scope="module")
def unruly() -> Iterator[LocalCluster]:
    with temporary() as cluster:
        chart.install(cluster)
        wait_until_armed(cluster)
        for user in ("ann", "bob", "cyd"):
            lend_to(cluster, user, f"for-{user}", user)
        yield cluster


def _kill_the_operator(cluster: LocalCluster) -> None:
    for pod in cluster.pods(SYSTEM):
        if pod.startswith("curfew-operator"):
            with contextlib.suppress(RigError, ProcessLookupError):
                os.kill(cluster.pod_process_id(SYSTEM, pod), signal.SIGKILL)


def _must_be_gone(cluster: LocalCluster, deadlines: dict[str, str]) -> None:
    for name, expected in deadlines.items():
        wait_until(lambda: phase(cluster, name) in ENDS, f"{name} has ended", 90)  # noqa: B023 - used at once
        found = look(cluster, name)["status"]
        assert (found["expiresAt"], found["phase"]) == (expected, "Expired")
        proved = datetime.fromisoformat(found["verification"]["verifiedAt"])
        assert proved >= datetime.fromisoformat(expected)
    for user in ("ann", "bob", "cyd"):
        assert lent_bindings(cluster, user) == []


def _none_was_early(cluster: LocalCluster, deadlines: dict[str, str]) -> None:
    earliest = datetime.fromisoformat(min(deadlines.values()))
    names = {f"curfew-{look(cluster, name)['metadata']['uid']}-0" for name in deadlines}
    deletes = [
        event.request_received_timestamp
        for event in cluster.audit()
        if event.verb == "delete"
        and event.user.username == _OPERATOR
        and event.object_ref is not None
        and event.object_ref.name in names
    ]
    assert deletes
    assert min(deletes) >= earliest


@pytest.mark.parametrize("seed", range(_ROUNDS))
def test_an_operator_that_is_killed_again_and_again_moves_no_deadline_and_loses_no_revoke(
    unruly: LocalCluster, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice of moments
    deadlines: dict[str, str] = {}
    for user in ("ann", "bob", "cyd"):
        body = request(f"{user}-{seed}", f"for-{user}", user, duration=f"{chance.randint(4, 8)}s")
        done = ask(unruly, unruly.kubeconfig_for(user), body)
        assert done.returncode == 0, done.stderr
        time.sleep(chance.random() * 0.1)
        _kill_the_operator(unruly)
    for _ in range(6):
        time.sleep(chance.random() * 1.5)
        _kill_the_operator(unruly)
        for user in ("ann", "bob", "cyd"):
            seen = deadline(unruly, f"{user}-{seed}")
            if seen:
                assert deadlines.setdefault(f"{user}-{seed}", seen) == seen
    for user in ("ann", "bob", "cyd"):
        name = f"{user}-{seed}"
        wait_until(lambda: deadline(unruly, name) != "", f"{name} is decided")  # noqa: B023 - used at once
        found = deadline(unruly, name)
        assert deadlines.setdefault(f"{user}-{seed}", found) == found
    _must_be_gone(unruly, deadlines)
    _none_was_early(unruly, deadlines)


@pytest.mark.parametrize("how", ["pause", "kill"])
def test_an_api_server_that_is_away_at_the_deadline_delays_the_end_and_does_not_lose_it(
    unruly: LocalCluster, how: str
) -> None:
    name = f"away-{how}"
    ask(unruly, unruly.kubeconfig_for("ann"), request(name, "for-ann", "ann", duration="4s"))
    wait_for_phase(unruly, name, "Active")
    expected = deadline(unruly, name)
    getattr(unruly, how)("kube-apiserver")
    while datetime.now(UTC) < datetime.fromisoformat(expected):  # noqa: TID251 - the API server's clock is this machine's
        time.sleep(0.1)
    (unruly.resume if how == "pause" else unruly.start)("kube-apiserver")
    _must_be_gone(unruly, {name: expected})
    _none_was_early(unruly, {name: expected})


def test_two_operators_grant_once_and_revoke_once(unruly: LocalCluster) -> None:
    unruly.kubectl("scale", "deployment", "curfew-operator", "-n", SYSTEM, "--replicas=2")
    wait_until(
        lambda: len([pod for pod in unruly.pods(SYSTEM) if "operator" in pod]) == 2, "two operators"
    )
    time.sleep(3)
    deadlines = {}
    for number in range(5):
        name = f"twice-{number}"
        body = request(name, "for-ann", "ann", duration="4s")
        ask(unruly, unruly.kubeconfig_for("ann"), body)
    for number in range(5):
        name = f"twice-{number}"
        found = wait_for_phase(unruly, name, "Active", *ENDS)
        deadlines[name] = found["status"]["expiresAt"]
        assert len(found["status"]["bindings"]) == 1
    _must_be_gone(unruly, deadlines)
    unruly.kubectl("scale", "deployment", "curfew-operator", "-n", SYSTEM, "--replicas=1")
