"""One request through its life, against a cluster in memory."""

import asyncio

import msgspec
import pytest

from curfew.access.api import Layer
from curfew.access.binding import REQUEST_UID, LentBinding, bindings_for
from curfew.access.conditions import ConditionType
from curfew.access.lifecycle import Phase
from curfew_operator.reconcile import Reconciler
from tests.unit.core.samples import (
    DEADLINE,
    EDIT,
    FENCE,
    cancelled,
    deleted,
    request,
    said,
)
from tests.unit.operator_edge.fake_cluster import Killed, written
from tests.unit.operator_edge.memory_api import no
from tests.unit.operator_edge.request_run import Run

TWO = request(namespaces=("payments", "shop"))


def test_a_request_is_granted_in_one_look_with_its_deadline_on_record_first() -> None:
    run = Run()
    assert run.look() == DEADLINE
    assert written(run.cluster.calls) == [
        "record Granting",
        "create payments/curfew-7f3a-0",
        "record Active",
    ]
    (binding,) = run.cluster.bindings.values()
    assert binding.expires_at == run.request.status.expires_at == DEADLINE
    assert [granted.uid for granted in run.request.status.bindings] == ["binding-1"]


def test_a_second_look_at_a_granted_request_changes_nothing() -> None:
    run = Run().granted()
    assert run.look() == DEADLINE
    assert written(run.cluster.calls) == []


def test_a_request_that_is_gone_needs_no_look() -> None:
    run = Run()
    del run.cluster.stored["dana-1"]
    assert run.look() is None
    assert run.cluster.calls == ["request dana-1"]


def test_before_its_deadline_nothing_is_taken_back() -> None:
    run = Run().granted()
    run.cluster.seconds = 3599.9
    assert run.look(Layer.TIMER) == DEADLINE
    assert written(run.cluster.calls) == []


def test_at_its_deadline_access_is_taken_back_and_proved_to_be_gone() -> None:
    run = Run().granted()
    run.cluster.seconds = 3600
    assert run.look(Layer.TIMER) is None
    calls = [call for call in run.cluster.calls if call.split()[0] in ("delete", "ask", "record")]
    assert calls == [
        "delete payments/curfew-7f3a-0",
        "record Revoking",
        "ask patch pods",
        "ask get pods",
        "record Expired",
    ]
    assert run.cluster.bindings == {}
    proof = run.request.status.verification
    assert proof is not None
    assert (proof.layer, proof.residual) == (Layer.TIMER, ())
    assert said(run.request.status, ConditionType.REVOKED)[:2] == ("True", "Expired")


def test_access_that_is_given_back_ends_as_cancelled() -> None:
    run = Run().granted()
    run.cluster.change(cancelled(run.request))
    assert run.look() is None
    assert run.history == [Phase.GRANTING, Phase.ACTIVE, Phase.REVOKING, Phase.CANCELLED]
    assert run.cluster.bindings == {}


def test_a_request_that_is_given_back_before_it_is_decided_is_never_granted() -> None:
    run = Run(request(cancel=True))
    assert run.look() is None
    assert run.history == [Phase.CANCELLED]
    assert written(run.cluster.calls) == ["record Cancelled"]


def test_a_request_that_is_being_deleted_loses_its_access() -> None:
    run = Run().granted()
    run.cluster.change(deleted(run.request))
    run.look()
    assert run.phase is Phase.CANCELLED
    assert run.cluster.bindings == {}


def test_a_binding_that_somebody_took_away_ends_the_rest_of_the_grant() -> None:
    run = Run(TWO).granted()
    del run.cluster.bindings["payments", "curfew-7f3a-0"]
    assert run.look() is None
    assert run.phase is Phase.REVOKED
    assert run.cluster.bindings == {}


def test_a_request_that_no_policy_allows_fails_with_every_reason_and_no_binding() -> None:
    run = Run(request(namespaces=("payments", "nowhere")))
    run.cluster.allowed = False
    assert run.look() is None
    assert run.phase is Phase.FAILED
    words = said(run.request.status, ConditionType.ACCEPTED)[2]
    assert "dana may not use AccessPolicy oncall" in words
    assert "there is no namespace nowhere" in words
    assert written(run.cluster.calls) == ["record Failed"]


def test_a_binding_that_another_operator_made_meanwhile_is_taken_as_ours() -> None:
    run = Run()
    create = run.cluster.create

    async def raced(binding: LentBinding) -> None:
        run.cluster.make(binding)
        await create(binding)

    run.cluster.create = raced  # type: ignore[method-assign] # the other one is always first
    assert run.look() == DEADLINE
    assert run.history == [Phase.GRANTING, Phase.ACTIVE]
    assert len(run.cluster.bindings) == 1


def test_our_name_on_a_binding_with_another_deadline_is_no_grant() -> None:
    run = Run()
    run.cluster.failing["create"] = Killed()
    with pytest.raises(Killed):
        run.look()
    assert run.history == [Phase.GRANTING]
    run.cluster.failing.clear()
    run.cluster.make(*bindings_for(request(), DEADLINE.replace(year=2027)))
    assert run.look() is None
    assert run.history == [Phase.GRANTING, Phase.REVOKING, Phase.FAILED]
    assert run.cluster.bindings == {}


@pytest.mark.parametrize("labels", [{}, {REQUEST_UID: "another"}], ids=["nobody's", "another's"])
def test_our_name_on_a_binding_of_somebody_else_fails_in_words_and_is_left_alone(
    labels: dict[str, str],
) -> None:
    run = Run()
    (ours,) = bindings_for(request(), DEADLINE)
    bare = msgspec.structs.replace(ours.metadata, labels=labels, annotations={})
    run.cluster.make(msgspec.structs.replace(ours, metadata=bare))
    assert run.look() is None
    assert run.history == [Phase.GRANTING, Phase.REVOKING, Phase.FAILED]
    assert said(run.request.status, ConditionType.GRANTED) == (
        "False",
        "Refused",
        "RoleBinding payments/curfew-7f3a-0 is there already, and is not Curfew's",
    )
    assert len(run.cluster.bindings) == 1


def test_a_name_that_was_taken_for_a_moment_only_is_no_refusal() -> None:
    run = Run()
    create, taken = run.cluster.create, [True]

    async def taken_once(binding: LentBinding) -> None:
        if taken and taken.pop():
            raise no("POST", 409, "AlreadyExists", "already exists")
        await create(binding)

    run.cluster.create = taken_once  # type: ignore[method-assign] # gone when it is looked at
    assert run.look() == DEADLINE
    assert run.history == [Phase.GRANTING, Phase.ACTIVE]


@pytest.mark.parametrize(
    ("code", "reason"), [(403, "Forbidden"), (422, "Invalid"), (404, "NotFound")]
)
def test_a_binding_that_is_refused_fails_the_request_with_the_words_of_the_refusal(
    code: int, reason: str
) -> None:
    run = Run()
    run.cluster.failing["create"] = no("POST", code, reason, "ValidatingAdmissionPolicy says no")
    assert run.look() is None
    assert run.history == [Phase.GRANTING, Phase.REVOKING, Phase.FAILED]
    refused = said(run.request.status, ConditionType.GRANTED)
    assert refused == ("False", "Refused", "ValidatingAdmissionPolicy says no")


def test_where_one_of_two_bindings_is_refused_the_other_is_taken_back() -> None:
    run = Run(TWO)
    create = run.cluster.create

    async def refuse_shop(binding: LentBinding) -> None:
        if binding.metadata.namespace == "shop":
            raise no("POST", 403, "Forbidden", "not in shop")
        await create(binding)

    run.cluster.create = refuse_shop  # type: ignore[method-assign] # one namespace refuses
    run.look()
    assert run.phase is Phase.FAILED
    assert run.cluster.bindings == {}
    assert said(run.request.status, ConditionType.GRANTED)[2] == "not in shop"


def test_where_both_bindings_are_refused_the_first_words_are_told() -> None:
    run = Run(TWO)

    async def refuse(binding: LentBinding) -> None:
        await asyncio.sleep(0)
        raise no("POST", 403, "Forbidden", f"not in {binding.metadata.namespace}")

    run.cluster.create = refuse  # type: ignore[method-assign] # each namespace refuses
    run.look()
    assert said(run.request.status, ConditionType.GRANTED)[2] == "not in payments"


def test_a_role_outside_the_fence_is_not_lent_though_the_policy_says_so() -> None:
    run = Run()
    run.reconciler = Reconciler(
        run.cluster, run.cluster.clock, msgspec.structs.replace(FENCE, entries=())
    )
    run.look()
    assert run.phase is Phase.FAILED
    words = said(run.request.status, ConditionType.ACCEPTED)[2]
    assert f"ClusterRole {EDIT.name} is not lendable in namespace payments" in words
    assert run.request.status.starts_at is None
