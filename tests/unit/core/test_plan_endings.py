"""The plan at the end: access is called over when the authorizer has said so, and by its cause."""

from datetime import timedelta

import msgspec
import pytest

from curfew.access.api import AccessRequest, ConditionStatus, Layer
from curfew.access.conditions import ConditionType, condition
from curfew.access.lifecycle import ENDS, Phase
from curfew.access.plan import Delete, Plan, Prove, plan
from curfew.access.world import Proof, World
from tests.unit.core.samples import DEADLINE, NOW, cancelled, lent, moved, request, said, world

BOTH = request(namespaces=("payments", "shop"))
SECOND = timedelta(seconds=1)


def revoking(why: str = "Expired") -> AccessRequest:
    false = ConditionStatus.FALSE
    record = condition(ConditionType.REVOKED, false, why, "being taken back", DEADLINE)
    found = moved(BOTH, Phase.REVOKING)
    status = msgspec.structs.replace(found.status, conditions=(record,))
    return msgspec.structs.replace(found, status=status)


def proved(*residual: str) -> World:
    proof = Proof(residual, 42)
    return msgspec.structs.replace(world(), proof=proof, layer=Layer.SWEEP)


def test_revoking_deletes_again_whatever_is_still_there_even_with_a_proof_in_hand() -> None:
    held = msgspec.structs.replace(proved(), bindings=lent(BOTH))
    planned = plan(revoking(), held, DEADLINE)
    assert planned.steps == tuple(Delete(binding) for binding in held.bindings)
    assert planned.status == revoking().status


def test_revoking_asks_the_authorizer_what_was_written_down_at_the_grant() -> None:
    status = plan(BOTH, world(), NOW).status
    assert status.resolved is not None
    found = msgspec.structs.replace(revoking().status, resolved=status.resolved)
    asked = msgspec.structs.replace(revoking(), status=found)
    assert plan(asked, world(), DEADLINE).steps == (Prove(status.resolved.questions),)
    lost = msgspec.structs.replace(found, resolved=None)
    asked = msgspec.structs.replace(revoking(), status=lost)
    assert plan(asked, world(), DEADLINE).steps == (Prove(()),)


@pytest.mark.parametrize(
    ("why", "phase"),
    [
        ("Expired", Phase.EXPIRED),
        ("Cancelled", Phase.CANCELLED),
        ("BindingGone", Phase.REVOKED),
        ("Refused", Phase.FAILED),
        ("WhateverElse", Phase.EXPIRED),
    ],
)
def test_the_end_is_called_after_what_ended_it_and_says_how_it_was_proved(
    why: str, phase: Phase
) -> None:
    planned = plan(revoking(why), proved(), DEADLINE + SECOND)
    assert (planned.steps, planned.status.phase, planned.wake_at) == ((), phase, None)
    assert said(planned.status, ConditionType.REVOKED)[0] == "True"
    proof = planned.status.verification
    assert proof is not None
    assert (proof.layer, proof.revoke_latency_ms) == (Layer.SWEEP, 42)
    assert (proof.verified_at, proof.residual) == (DEADLINE + SECOND, ())


def test_a_request_that_lost_the_record_of_its_ending_counts_as_expired() -> None:
    assert plan(moved(BOTH, Phase.REVOKING), proved(), DEADLINE).status.phase is Phase.EXPIRED


def test_other_access_that_stands_is_named() -> None:
    planned = plan(revoking(), proved("get pods in shop (by RoleBinding x)"), DEADLINE)
    assert planned.status.verification is not None
    assert planned.status.verification.residual == ("get pods in shop (by RoleBinding x)",)
    words = said(planned.status, ConditionType.REVOKED)[2]
    assert "other access stands: get pods in shop" in words


def test_where_nothing_could_be_asked_it_is_not_said_that_all_was_refused() -> None:
    words = said(plan(revoking(), proved(), DEADLINE).status, ConditionType.REVOKED)[2]
    assert "refused all of 0" not in words


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase in ENDS])
def test_an_ended_request_takes_away_what_is_still_there_and_changes_nothing(
    phase: Phase,
) -> None:
    ended = moved(cancelled(BOTH), phase)
    planned = plan(ended, world(*lent(BOTH)), NOW)
    assert planned == Plan(tuple(Delete(b) for b in lent(BOTH)), ended.status)
