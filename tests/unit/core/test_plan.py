"""The plan, phase by phase: what is done, what is written, and when to look again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from curfew.access.api import (
    AccessRequest,
    GrantedBinding,
)
from curfew.access.binding import EXPIRES_AT, bindings_for
from curfew.access.conditions import ConditionType
from curfew.access.lifecycle import Phase
from curfew.access.plan import Create, Delete, Plan, plan
from tests.unit.core.samples import (
    DEADLINE,
    EDIT,
    HOUR,
    NOW,
    annotated,
    cancelled,
    deleted,
    lent,
    moved,
    policy,
    request,
    said,
    world,
)

BOTH = request(namespaces=("payments", "shop"))
SECOND = timedelta(seconds=1)
HALF = NOW + HOUR / 2


def granting() -> AccessRequest:
    return moved(BOTH, Phase.GRANTING)


def active(**changes: object) -> AccessRequest:
    """Granted, with both bindings on record."""
    found = moved(BOTH, Phase.ACTIVE)
    held = tuple(
        GrantedBinding(b.metadata.namespace, b.metadata.name, b.metadata.uid) for b in lent(BOTH)
    )
    status = msgspec.structs.replace(found.status, bindings=held, **changes)
    return msgspec.structs.replace(found, status=status)


def ends(planned: Plan) -> str:
    """Why the plan ends the access; it deletes every binding in the world of both."""
    assert planned.status.phase is Phase.REVOKING
    status, reason, _ = said(planned.status, ConditionType.REVOKED)
    assert status == "False"
    return reason


def test_a_good_request_has_its_deadline_on_record_before_anything_is_created() -> None:
    planned = plan(BOTH, world(), NOW)
    assert planned.steps == ()
    assert planned.wake_at == DEADLINE
    status = planned.status
    assert (status.phase, status.starts_at, status.expires_at) == (Phase.GRANTING, NOW, DEADLINE)
    assert status.resolved is not None
    assert (status.resolved.policy_uid, status.resolved.policy_generation) == ("policy-uid", 3)
    assert {one.namespace for one in status.resolved.questions} == {"payments", "shop"}
    words = "by AccessPolicy oncall, until 2026-03-01T10:00:00Z"
    assert said(status, ConditionType.ACCEPTED) == ("True", "Auto", words)
    assert [(one.phase, one.at) for one in status.history] == [(Phase.GRANTING, NOW)]


@pytest.mark.parametrize("micro", [1, 500_000, 999_999])
def test_a_deadline_is_a_whole_second_and_never_less_than_was_asked(micro: int) -> None:
    started = NOW + timedelta(microseconds=micro)
    status = plan(request(duration="90s"), world(), started).status
    assert status.expires_at == NOW + timedelta(seconds=91)
    assert status.starts_at == started


def test_a_request_with_problems_fails_with_all_of_them_and_is_lent_nothing() -> None:
    asked = request(namespaces=("ledger",), duration="9h")
    planned = plan(asked, world(), NOW)
    assert (planned.steps, planned.wake_at, planned.status.phase) == ((), None, Phase.FAILED)
    status, reason, words = said(planned.status, ConditionType.ACCEPTED)
    assert (status, reason) == ("False", "NamespaceNotInPolicy")
    assert words.split("; ") == [
        "spec.scope.namespaces[0]: AccessPolicy oncall lends in payments, shop, not in ledger",
        "spec.duration: 9h is longer than AccessPolicy oncall allows: ask for 8h or less",
        "spec.scope.namespaces[0]: there is no namespace ledger: name one that exists",
    ]
    assert planned.status.expires_at is None


def test_a_request_without_a_policy_fails() -> None:
    found = plan(BOTH, msgspec.structs.replace(world(), policy=None), NOW)
    assert said(found.status, ConditionType.ACCEPTED)[1] == "PolicyNotFound"


@pytest.mark.parametrize("longest", ["99999999h", "80000000h"])
def test_a_policy_past_the_calendar_gives_an_answer_and_not_an_error(longest: str) -> None:
    far = msgspec.structs.replace(world(), policy=policy(longest=longest))
    assert plan(request(duration=longest), far, NOW).status.phase is Phase.FAILED


@pytest.mark.parametrize("asked", [cancelled(BOTH), deleted(BOTH)])
def test_a_request_that_is_taken_back_before_it_is_decided_is_cancelled(
    asked: AccessRequest,
) -> None:
    planned = plan(asked, world(), NOW)
    assert planned.status.phase is Phase.CANCELLED
    assert said(planned.status, ConditionType.ACCEPTED)[0] == "False"


@pytest.mark.parametrize("asked", [BOTH, cancelled(BOTH), request(duration="soon")])
def test_a_binding_that_stands_before_the_decision_is_taken_away(asked: AccessRequest) -> None:
    (stray,) = lent(request())
    assert plan(asked, world(stray), NOW).steps == (Delete(stray),)


def test_granting_creates_what_is_missing_and_only_that() -> None:
    first, second = bindings_for(BOTH, DEADLINE)
    planned = plan(granting(), world(), NOW)
    assert planned.steps == (Create(first), Create(second))
    assert (planned.status, planned.wake_at) == (granting().status, DEADLINE)
    assert plan(granting(), world(lent(BOTH)[0]), NOW).steps == (Create(second),)


def test_granting_is_over_when_every_binding_is_there_as_it_was_meant() -> None:
    planned = plan(granting(), world(*lent(BOTH)), HALF)
    assert planned.steps == ()
    assert planned.status.phase is Phase.ACTIVE
    assert [(b.namespace, b.uid) for b in planned.status.bindings] == [
        ("payments", "binding-0"),
        ("shop", "binding-1"),
    ]
    words = "2 binding(s), until 2026-03-01T10:00:00Z"
    assert said(planned.status, ConditionType.GRANTED) == ("True", "Granted", words)
    assert planned.wake_at == DEADLINE


def test_a_binding_of_our_name_that_gives_something_else_ends_the_grant() -> None:
    first, second = lent(BOTH)
    other = msgspec.structs.replace(second, subjects=())
    planned = plan(granting(), world(first, other), HALF)
    assert ends(planned) == "Refused"
    assert planned.steps == (Delete(first), Delete(other))


@pytest.mark.parametrize("found", [granting(), active()])
def test_the_deadline_ends_it_at_that_very_moment_and_not_before(found: AccessRequest) -> None:
    both = world(*lent(BOTH))
    assert plan(found, both, DEADLINE - SECOND).status.phase is Phase.ACTIVE
    planned = plan(found, both, DEADLINE)
    assert ends(planned) == "Expired"
    assert planned.steps == tuple(Delete(binding) for binding in both.bindings)


@pytest.mark.parametrize("found", [granting(), active()])
@pytest.mark.parametrize("back", [cancelled, deleted])
def test_whoever_gives_it_back_or_deletes_the_request_ends_it(
    found: AccessRequest, back: Callable[[AccessRequest], AccessRequest]
) -> None:
    planned = plan(back(found), world(*lent(BOTH)), HALF)
    assert ends(planned) == "Cancelled"
    assert len(planned.steps) == 2


def test_a_refused_binding_ends_the_grant_with_the_words_of_the_refusal() -> None:
    (first, _) = lent(BOTH)
    refused = msgspec.structs.replace(world(first), refused="a quota " + "x" * 10_000)
    planned = plan(granting(), refused, HALF)
    assert ends(planned) == "Refused"
    assert planned.steps == (Delete(first),)
    status, reason, words = said(planned.status, ConditionType.GRANTED)
    assert (status, reason) == ("False", "Refused")
    assert words.startswith("a quota x")
    assert len(words) <= 4096


def test_a_grant_without_a_deadline_on_record_is_ended_and_not_completed() -> None:
    lost = moved(BOTH, Phase.GRANTING, deadline=None)
    planned = plan(lost, world(*lent(BOTH)), NOW)
    assert ends(planned) == "Expired"
    assert len(planned.steps) == 2


def test_active_access_is_left_alone_until_its_deadline() -> None:
    planned = plan(active(), world(*lent(BOTH)), HALF)
    assert planned == Plan((), active().status, DEADLINE)


def test_active_access_without_bindings_on_record_waits_for_the_deadline_on_record() -> None:
    found = moved(BOTH, Phase.ACTIVE)
    assert plan(found, world(), HALF).wake_at == DEADLINE


def test_where_a_binding_says_an_earlier_deadline_the_earlier_counts() -> None:
    first, second = lent(BOTH)
    sooner = annotated(second, {EXPIRES_AT: "2026-03-01T09:30:00Z"})
    assert plan(active(), world(first, sooner), HALF - SECOND).wake_at == HALF
    planned = plan(active(), world(first, sooner), HALF)
    assert ends(planned) == "Expired"
    assert planned.steps == (Delete(first), Delete(sooner))


def test_where_every_binding_says_a_later_deadline_the_one_on_record_counts() -> None:
    later = [annotated(b, {EXPIRES_AT: "2027-01-01T00:00:00Z"}) for b in lent(BOTH)]
    assert plan(active(), world(*later), HALF).wake_at == DEADLINE
    assert ends(plan(active(), world(*later), DEADLINE)) == "Expired"


def test_a_binding_without_a_readable_deadline_ends_the_whole_grant() -> None:
    first, second = lent(BOTH)
    assert ends(plan(active(), world(first, annotated(second, {})), HALF)) == "Expired"


def test_a_binding_that_somebody_took_away_takes_the_rest_of_the_grant_with_it() -> None:
    first, second = lent(BOTH)
    planned = plan(active(), world(first), HALF)
    assert ends(planned) == "BindingGone"
    assert planned.steps == (Delete(first),)
    again = msgspec.structs.replace(
        second, metadata=msgspec.structs.replace(second.metadata, uid="another")
    )
    assert ends(plan(active(), world(first, again), HALF)) == "BindingGone"


def test_a_moment_is_written_in_utc_wherever_the_clock_that_told_it_is() -> None:
    deadline = plan(request(roles=(EDIT,)), world(), NOW.astimezone()).status.expires_at
    assert deadline == datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
    assert deadline.tzinfo is UTC
