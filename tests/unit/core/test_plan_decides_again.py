"""A status is a record and no authority: what says Granting is decided again before it is lent."""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import pytest

from curfew.access.api import AccessRequest, LentRole
from curfew.access.conditions import ConditionType
from curfew.access.ending import is_what_was_asked
from curfew.access.lifecycle import Phase
from curfew.access.plan import Create, Delete, plan
from curfew.access.world import World
from curfew.objects.rbac import RoleKind
from tests.unit.core.cluster_model import ModelCluster, ModelOperator
from tests.unit.core.samples import (
    DEADLINE,
    EDIT,
    HOUR,
    NOW,
    lent,
    moved,
    place,
    policy,
    request,
    said,
    world,
)

ADMIN = LentRole(RoleKind.CLUSTER_ROLE, "cluster-admin")
SECOND = timedelta(seconds=1)
LATER = NOW + timedelta(minutes=1)
TICK = timedelta(microseconds=1)
YEARS = timedelta(days=3650)


def claiming(
    asked: AccessRequest,
    *,
    starts: datetime | None = NOW,
    ends: datetime | None = DEADLINE,
    created: datetime | None = NOW,
) -> AccessRequest:
    """A request whose status says, by whomever it was written, that it is being granted."""
    found = moved(asked, Phase.GRANTING, deadline=ends)
    return msgspec.structs.replace(
        found,
        status=msgspec.structs.replace(found.status, starts_at=starts),
        metadata=msgspec.structs.replace(found.metadata, creation_timestamp=created),
    )


def under(**changes: object) -> World:
    return msgspec.structs.replace(world(), **changes)


FORGED: dict[str, tuple[AccessRequest, World, str]] = {
    "longer than was asked": (
        claiming(request(), ends=DEADLINE + 2 * SECOND),
        under(),
        "status.expiresAt: it is later than what was asked for",
    ),
    "longer than the policy allows": (
        claiming(request(duration="9h"), ends=NOW + 9 * HOUR),
        under(),
        "9h is longer than AccessPolicy oncall allows",
    ),
    "started before it was created": (
        claiming(request(), created=NOW + 2 * SECOND),
        under(),
        "status.expiresAt: ",
    ),
    "never started": (claiming(request(), starts=None), under(), "status.expiresAt: "),
    "no policy": (claiming(request()), under(policy=None), "there is no AccessPolicy oncall"),
    "a policy that cannot be used": (
        claiming(request()),
        under(policy=policy(longest="soon")),
        "AccessPolicy oncall cannot be used",
    ),
    "a role that is not in the policy": (
        claiming(request(roles=(ADMIN,))),
        under(places=(place(roles=(ADMIN,)),)),
        "AccessPolicy oncall does not lend ClusterRole cluster-admin",
    ),
    "a namespace that is not in the policy": (
        claiming(request(namespaces=("ledger",))),
        under(places=(place("ledger"),)),
        "AccessPolicy oncall lends in payments, shop, not in ledger",
    ),
    "a namespace that is gone": (
        claiming(request()),
        under(places=()),
        "there is no namespace payments",
    ),
    "not allowed to ask": (
        claiming(request()),
        under(may_request=False),
        "dana may not use AccessPolicy oncall",
    ),
    "nobody knows who asked": (
        claiming(request()),
        under(identity_proved=False),
        "who asked cannot be proved",
    ),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_status_that_nobody_can_have_decided_is_refused_in_words(forged: str) -> None:
    asked, seen, words = FORGED[forged]
    planned = plan(asked, seen, NOW)
    assert planned.steps == ()
    assert planned.status.phase is Phase.REVOKING
    assert said(planned.status, ConditionType.REVOKED)[1] == "Refused"
    status, reason, told = said(planned.status, ConditionType.GRANTED)
    assert (status, reason) == ("False", "Refused")
    assert words in told


@pytest.mark.parametrize("forged", FORGED)
def test_a_status_that_nobody_can_have_decided_never_makes_a_binding(forged: str) -> None:
    asked, seen, _ = FORGED[forged]
    cluster = ModelCluster(asked)
    cluster.seen_by_planning, cluster.cause = seen, True
    operator = ModelOperator(cluster)
    for _round in range(4):
        assert not any(isinstance(step, Create) for step in operator.round().steps)
        assert cluster.bindings == {}
    assert cluster.request.status.phase is Phase.FAILED


@pytest.mark.parametrize("forged", FORGED)
def test_what_was_made_for_it_by_then_is_taken_back(forged: str) -> None:
    asked, seen, _ = FORGED[forged]
    assert asked.status.expires_at is not None
    found = lent(asked, asked.status.expires_at)
    planned = plan(asked, msgspec.structs.replace(seen, bindings=found), NOW)
    assert planned.steps == tuple(Delete(binding) for binding in found)
    assert planned.status.phase is Phase.REVOKING


@pytest.mark.parametrize(
    "still_to_come", [HOUR / 60, HOUR, YEARS], ids=["a minute", "an hour", "ten years"]
)
def test_a_status_that_starts_in_the_future_is_not_lent_until_its_end(
    still_to_come: timedelta,
) -> None:
    later = NOW + still_to_come
    forged = claiming(request(), starts=later, ends=later + HOUR)
    planned = plan(forged, world(), NOW)
    assert planned.steps == ()
    assert planned.status.phase is Phase.REVOKING
    assert said(planned.status, ConditionType.REVOKED)[1] == "Refused"


@pytest.mark.parametrize("micro", [0, 1, 500_000, 999_999])
@pytest.mark.parametrize("duration", ["", "1s", "8h"])
def test_what_the_plan_itself_wrote_is_lent_when_it_is_decided_again(
    duration: str, micro: int
) -> None:
    now = NOW + timedelta(microseconds=micro)
    asked = request(duration=duration)
    meta = msgspec.structs.replace(asked.metadata, creation_timestamp=NOW)
    fresh = msgspec.structs.replace(asked, metadata=meta)
    granting = msgspec.structs.replace(fresh, status=plan(fresh, world(), now).status)
    (step,) = plan(granting, world(), now).steps
    assert isinstance(step, Create)


def _started(earlier: timedelta) -> AccessRequest:
    return claiming(request(), starts=NOW - earlier, ends=NOW - earlier + HOUR)


def _ended(later: timedelta) -> AccessRequest:
    return claiming(request(), ends=DEADLINE + later)


@pytest.mark.parametrize("moved_by", [_started, _ended])
def test_times_are_held_to_the_second_to_which_they_are_rounded(
    moved_by: Callable[[timedelta], AccessRequest],
) -> None:
    assert is_what_was_asked(moved_by(timedelta()), HOUR, LATER)
    assert is_what_was_asked(moved_by(SECOND), HOUR, LATER)
    assert not is_what_was_asked(moved_by(SECOND + TICK), HOUR, LATER)


def test_a_request_whose_creation_is_not_known_is_held_to_its_length_alone() -> None:
    assert is_what_was_asked(claiming(request(), created=None), HOUR, LATER)
    assert not is_what_was_asked(
        claiming(request(), created=None, ends=NOW + 2 * HOUR), HOUR, NOW + timedelta(minutes=1)
    )


def test_a_grant_that_ends_sooner_than_was_asked_takes_nothing_from_anybody_else() -> None:
    assert is_what_was_asked(
        claiming(request(), ends=NOW + SECOND), HOUR, NOW + timedelta(minutes=1)
    )


@pytest.mark.parametrize("missing", ["starts", "ends"])
def test_a_grant_without_one_of_its_times_was_never_decided(missing: str) -> None:
    asked = request()
    found = claiming(asked, starts=None) if missing == "starts" else claiming(asked, ends=None)
    assert not is_what_was_asked(found, HOUR, LATER)


def test_active_access_stands_though_its_policy_is_gone() -> None:
    active = moved(request(roles=(EDIT,)), Phase.ACTIVE)
    gone = under(policy=None, may_request=False, identity_proved=False, places=())
    kept = msgspec.structs.replace(gone, bindings=lent(request()))
    assert plan(active, kept, NOW).steps == ()
    assert plan(active, kept, NOW).status.phase is Phase.ACTIVE
