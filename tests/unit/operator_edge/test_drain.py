"""The drain: everything is taken back before nobody is left to do it."""

import asyncio

import msgspec
import pytest

from curfew.access.api import AccessRequest
from curfew.access.binding import bindings_for
from curfew.access.lifecycle import ENDS, Phase
from curfew_operator import drain as drain_module
from curfew_operator.drain import drain
from tests.unit.core.samples import DEADLINE, moved, request
from tests.unit.operator_edge.fake_cluster import FakeCluster
from tests.unit.operator_edge.memory_api import away

BOTH = request(namespaces=("payments", "shop"))
HOLDING = (Phase.GRANTING, Phase.ACTIVE, Phase.REVOKING)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once."""
    monkeypatch.setattr(drain_module, "_AGAIN", 0.001)


def holding(*requests: AccessRequest, lent: bool = True) -> FakeCluster:
    """A cluster with requests, and the bindings of the sample request."""
    cluster = FakeCluster(*requests)
    if lent:
        cluster.make(*bindings_for(BOTH, DEADLINE))
    return cluster


def drained(cluster: FakeCluster, looks: int = 3) -> list[str]:
    return asyncio.run(drain(cluster, looks * 0.001))


def named(name: str, phase: Phase) -> AccessRequest:
    found = moved(BOTH, phase)
    meta = msgspec.structs.replace(found.metadata, name=name, uid=name)
    return msgspec.structs.replace(found, metadata=meta)


def test_where_nothing_is_lent_one_look_is_enough() -> None:
    cluster = FakeCluster()
    assert drained(cluster) == []
    assert cluster.calls.count("requests") == 1


@pytest.mark.parametrize("phase", sorted(ENDS, key=str))
def test_every_binding_is_deleted_though_its_request_is_over_or_gone(phase: Phase) -> None:
    for cluster in (holding(), holding(moved(BOTH, phase))):
        assert drained(cluster) == []
        assert cluster.bindings == {}


@pytest.mark.parametrize("phase", HOLDING)
def test_a_request_whose_end_is_not_proved_is_waited_for_and_then_named(phase: Phase) -> None:
    cluster = holding(moved(BOTH, phase))
    assert drained(cluster) == [f"AccessRequest dana-1 ({phase.value})"]
    assert cluster.bindings == {}
    assert cluster.calls.count("requests") == 3


def test_a_request_that_is_pending_does_not_hold_it_up() -> None:
    cluster = holding(named("waits", Phase.PENDING), lent=False)
    assert drained(cluster) == []
    assert cluster.calls.count("requests") == 1


def test_what_the_operator_proves_meanwhile_is_waited_for() -> None:
    cluster = holding(moved(BOTH, Phase.ACTIVE))
    requests, phases = cluster.requests, [Phase.ACTIVE, Phase.REVOKING, Phase.EXPIRED]

    async def proving() -> tuple[AccessRequest, ...]:
        cluster.change(moved(cluster.stored["dana-1"], phases.pop(0)))
        return await requests()

    cluster.requests = proving  # type: ignore[method-assign] # the operator still runs
    assert drained(cluster, looks=5) == []
    assert phases == []


def test_a_binding_that_a_finalizer_keeps_is_named() -> None:
    cluster = holding()
    cluster.held = {"shop"}
    assert drained(cluster) == ["RoleBinding shop/curfew-7f3a-0"]


def test_a_binding_that_was_made_meanwhile_is_deleted_by_the_next_look() -> None:
    cluster = holding()
    requests, late = cluster.requests, [True]

    async def granting() -> tuple[AccessRequest, ...]:
        if late and late.pop():
            cluster.make(*bindings_for(request(), DEADLINE))
        return await requests()

    cluster.requests = granting  # type: ignore[method-assign] # one moment of bad luck
    assert drained(cluster) == []
    assert cluster.bindings == {}


def test_requests_and_bindings_that_are_left_are_all_named() -> None:
    cluster = holding(*(named(phase.value.lower(), phase) for phase in Phase))
    cluster.held = {"payments", "shop"}
    assert drained(cluster) == [
        "AccessRequest granting (Granting)",
        "AccessRequest active (Active)",
        "AccessRequest revoking (Revoking)",
        "RoleBinding payments/curfew-7f3a-0",
        "RoleBinding shop/curfew-7f3a-0",
    ]


def test_without_patience_it_still_tries_once() -> None:
    cluster = holding()
    assert drained(cluster, looks=0) == []
    assert cluster.bindings == {}


def test_a_cluster_that_is_away_is_an_error_and_no_success() -> None:
    cluster = holding()
    cluster.failing["delete"] = away("DELETE binding")
    with pytest.raises(type(cluster.failing["delete"])):
        drained(cluster)
