"""A cluster that fails at any call, an operator that dies at any call, and two at once."""

import asyncio
from datetime import datetime

import pytest

from curfew.access.api import AccessRequest, AccessRequestStatus, Layer
from curfew.access.lifecycle import Phase
from curfew_kube.errors import Invalid
from curfew_operator.reconcile import Reconciler
from tests.unit.core.samples import DEADLINE, FENCE, request
from tests.unit.operator_edge.fake_cluster import Killed
from tests.unit.operator_edge.memory_api import away, no
from tests.unit.operator_edge.request_run import Run

TWO = request(namespaces=("payments", "shop"))


@pytest.mark.parametrize(
    "call", ["create", "record", "may_request", "identity_proved", "policy", "place", "binding"]
)
def test_a_cluster_that_does_not_answer_is_asked_again_and_nothing_is_decided(call: str) -> None:
    run = Run()
    run.cluster.failing[call] = away(call)
    with pytest.raises(type(run.cluster.failing[call])):
        run.look()
    assert run.history in ([], [Phase.GRANTING])
    assert run.cluster.bindings == {}
    run.cluster.failing.clear()
    assert run.look() == DEADLINE
    assert run.history == [Phase.GRANTING, Phase.ACTIVE]


def test_a_request_that_changed_meanwhile_is_not_written_over() -> None:
    run = Run()
    run.cluster.failing["record"] = no("PATCH", 422, "Invalid", "the request has changed")
    with pytest.raises(Invalid):
        run.look()
    assert run.cluster.bindings == {}
    assert run.phase is Phase.PENDING


def test_a_request_that_is_deleted_before_its_status_is_written_is_no_error() -> None:
    run = Run()
    record = run.cluster.record

    async def vanish(request: AccessRequest, status: AccessRequestStatus) -> None:
        run.cluster.stored.clear()
        await record(request, status)

    run.cluster.record = vanish  # type: ignore[method-assign] # one moment of bad luck
    assert run.look() is None
    assert run.cluster.bindings == {}


def test_an_operator_that_is_killed_at_any_call_grants_once_and_revokes_in_the_end() -> None:
    for first in range(30):
        run = Run(TWO)
        run.cluster.dies_after = first
        try:
            run.look()
        except Killed:
            run.restart()
        deadline = run.request.status.expires_at
        run.cluster.dies_after = None
        assert run.look() == DEADLINE
        assert deadline in (None, DEADLINE)
        assert run.history == [Phase.GRANTING, Phase.ACTIVE]
        assert len(run.cluster.bindings) == 2
        run.cluster.seconds = 3600
        run.cluster.dies_after = len(run.cluster.calls) + first
        try:
            run.look(Layer.TIMER)
        except Killed:
            run.restart()
        run.cluster.dies_after = None
        assert run.look(Layer.SWEEP) is None
        assert run.phase is Phase.EXPIRED
        assert run.cluster.bindings == {}


def test_two_operators_at_once_grant_once() -> None:
    run = Run(TWO)
    first, second = run.reconciler, Reconciler(run.cluster, run.cluster.clock, FENCE)

    async def both() -> None:
        for _ in range(5):
            looks = (one.reconcile("dana-1", Layer.REQUEST) for one in (first, second))
            found = await asyncio.gather(*looks, return_exceptions=True)
            assert all(isinstance(one, Invalid | datetime) for one in found)

    asyncio.run(both())
    assert run.history == [Phase.GRANTING, Phase.ACTIVE]
    assert len(run.cluster.bindings) == 2
