"""The proof that access is gone: the authorizer's word, waited for, and told with what remains."""

import asyncio

import msgspec
import pytest

from curfew.access.api import Layer, Verification
from curfew.access.binding import LentBinding
from curfew.access.conditions import ConditionType
from curfew.access.lifecycle import Phase
from curfew_operator import reconcile
from curfew_operator.reconcile import NotProvedYet, Reconciler
from tests.unit.core.samples import FENCE, request, said
from tests.unit.operator_edge.fake_cluster import FakeCluster
from tests.unit.operator_edge.memory_api import away

STANDING = 'RBAC: allowed by ClusterRoleBinding "admins" of ClusterRole "admin" to User "dana"'

NEVER = away("DELETE binding")


def due(*namespaces: str) -> tuple[FakeCluster, Reconciler]:
    """A granted request at its deadline."""
    cluster = FakeCluster(request(namespaces=namespaces or ("payments",)))
    reconciler = Reconciler(cluster, cluster.clock, FENCE, lambda: cluster.seconds)
    asyncio.run(reconciler.reconcile("dana-1", Layer.REQUEST))
    cluster.seconds = 3600
    cluster.calls.clear()
    return cluster, reconciler


def proof_of(cluster: FakeCluster) -> Verification:
    found = cluster.stored["dana-1"].status.verification
    assert found is not None
    return found


def phase_of(cluster: FakeCluster) -> Phase:
    return cluster.stored["dana-1"].status.phase


def questions(cluster: FakeCluster) -> int:
    return sum(call.startswith("ask ") for call in cluster.calls)


def test_the_proof_waits_while_the_authorizer_still_answers_by_our_binding() -> None:
    cluster, reconciler = due()
    cluster.behind = 4
    assert asyncio.run(reconciler.reconcile("dana-1", Layer.TIMER)) is None
    assert questions(cluster) == 6
    assert proof_of(cluster).residual == ()
    assert phase_of(cluster) is Phase.EXPIRED


def test_an_authorizer_that_stays_behind_leaves_the_request_revoking_until_it_has_caught_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "_ASK_AGAIN", 0.0)
    cluster, reconciler = due()
    cluster.behind, cluster.asking_takes = 1_000, 1.0
    with pytest.raises(NotProvedYet, match="still allowed by a deleted binding: patch pods in"):
        asyncio.run(reconciler.reconcile("dana-1", Layer.TIMER))
    assert phase_of(cluster) is Phase.REVOKING
    assert cluster.stored["dana-1"].status.verification is None
    assert cluster.bindings == {}
    cluster.behind = 0
    assert asyncio.run(reconciler.reconcile("dana-1", Layer.SWEEP)) is None
    assert phase_of(cluster) is Phase.EXPIRED


def test_an_authorizer_that_could_not_tell_proves_nothing_until_it_can() -> None:
    cluster, reconciler = due()
    cluster.evaluation_error = "the role of some binding is gone"
    with pytest.raises(NotProvedYet, match="could not tell: the role of some binding is gone"):
        asyncio.run(reconciler.reconcile("dana-1", Layer.TIMER))
    assert phase_of(cluster) is Phase.REVOKING
    assert cluster.stored["dana-1"].status.verification is None
    assert cluster.bindings == {}
    cluster.evaluation_error = ""
    assert asyncio.run(reconciler.reconcile("dana-1", Layer.SWEEP)) is None
    assert phase_of(cluster) is Phase.EXPIRED


def test_access_that_somebody_else_gave_is_named_as_what_remains() -> None:
    cluster, reconciler = due()
    cluster.standing = STANDING
    asyncio.run(reconciler.reconcile("dana-1", Layer.TIMER))
    assert proof_of(cluster).residual == (
        f"patch pods in payments ({STANDING})",
        f"get pods in payments ({STANDING})",
    )
    words = said(cluster.stored["dana-1"].status, ConditionType.REVOKED)
    assert words[:2] == ("True", "Expired")
    assert words[2].startswith("the binding is gone; other access stands: patch pods in payments")


def test_other_access_without_a_reason_is_named_all_the_same() -> None:
    cluster, reconciler = due()
    cluster.standing = " "
    asyncio.run(reconciler.reconcile("dana-1", Layer.TIMER))
    assert proof_of(cluster).residual[0] == "patch pods in payments ( )"


def test_the_record_names_the_layer_that_deleted_first_and_not_the_one_that_proved() -> None:
    cluster, reconciler = due("payments", "shop")

    async def sweep_first() -> None:
        first, _ = await cluster.lent_bindings()
        await reconciler.end(first, Layer.SWEEP)
        await reconciler.reconcile("dana-1", Layer.TIMER)

    asyncio.run(sweep_first())
    assert cluster.bindings == {}
    assert proof_of(cluster).layer is Layer.SWEEP


def test_an_end_that_this_process_did_not_see_is_by_somebody_elsewhere() -> None:
    cluster, reconciler = due()
    cluster.bindings.clear()
    asyncio.run(reconciler.reconcile("dana-1", Layer.TIMER))
    assert proof_of(cluster).layer is Layer.ELSEWHERE


def test_the_latency_counts_from_the_delete_to_the_refusal() -> None:
    cluster, reconciler = due()
    cluster.asking_takes = 0.25
    asyncio.run(reconciler.reconcile("dana-1", Layer.TIMER))
    assert proof_of(cluster).revoke_latency_ms == 500


def test_a_delete_that_fails_does_not_hold_up_the_other_bindings_of_the_request() -> None:
    cluster, reconciler = due("payments", "shop")
    delete = cluster.delete

    async def stubborn(binding: LentBinding) -> bool:
        if binding.metadata.namespace == "payments":
            raise NEVER
        return await delete(binding)

    cluster.delete = stubborn  # type: ignore[method-assign] # one namespace does not let go
    with pytest.raises(type(NEVER)):
        asyncio.run(reconciler.reconcile("dana-1", Layer.TIMER))
    assert [place for place, _ in cluster.bindings] == ["payments"]


def test_a_deadline_that_this_process_knows_of_is_kept_before_anything_is_read() -> None:
    cluster, reconciler = due()
    cluster.failing["request"] = NEVER
    with pytest.raises(type(NEVER)):
        asyncio.run(reconciler.reconcile("dana-1", Layer.TIMER))
    assert cluster.bindings == {}
    assert cluster.calls[0] == "delete payments/curfew-7f3a-0"


def test_a_delete_that_fails_is_not_remembered_as_done() -> None:
    cluster, reconciler = due()
    cluster.failing["delete"] = NEVER
    with pytest.raises(type(NEVER)):
        asyncio.run(reconciler.reconcile("dana-1", Layer.TIMER))
    assert phase_of(cluster) is Phase.ACTIVE
    cluster.failing.clear()
    asyncio.run(reconciler.reconcile("dana-1", Layer.SWEEP))
    assert proof_of(cluster).layer is Layer.SWEEP


def test_what_is_remembered_of_ended_requests_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "_REMEMBERED", 1)
    cluster, reconciler = due()
    (binding,) = cluster.bindings.values()

    async def end_many() -> None:
        for uid in ("a", "b", "c"):
            labels = {"curfew.dev/request-uid": uid}
            meta = msgspec.structs.replace(binding.metadata, labels=labels)
            await reconciler.end(msgspec.structs.replace(binding, metadata=meta), Layer.SWEEP)

    asyncio.run(end_many())
    assert len(reconciler._ended) == 1  # noqa: SLF001 - memory has no other face
