"""What is being granted is decided again by each operator that comes to it; what is, stands."""

import pytest

from curfew.access.conditions import ConditionType
from curfew.access.lifecycle import Phase
from tests.unit.core.samples import DEADLINE, moved, request, said
from tests.unit.operator_edge.fake_cluster import Killed, written
from tests.unit.operator_edge.request_run import Run


def test_a_requester_who_cannot_be_proved_is_lent_nothing() -> None:
    run = Run()
    run.cluster.proved = False
    assert run.look() is None
    assert written(run.cluster.calls) == ["record Failed"]
    _, reason, words = said(run.request.status, ConditionType.ACCEPTED)
    assert reason == "IdentityNotProven"
    assert "who asked cannot be proved" in words


def half_granted() -> Run:
    """The deadline is on record, and the operator was killed; another takes over."""
    run = Run()
    run.cluster.failing["create"] = Killed()
    with pytest.raises(Killed):
        run.look()
    assert run.history == [Phase.GRANTING]
    run.restart()
    run.cluster.failing.clear()
    run.cluster.calls.clear()
    return run


def test_a_grant_that_still_may_be_is_completed() -> None:
    run = half_granted()
    assert run.look() == DEADLINE
    assert run.phase is Phase.ACTIVE


@pytest.mark.parametrize("wrong", ["policy", "verb", "identity", "namespace"])
def test_a_request_that_is_half_granted_is_decided_again_before_it_is_lent(wrong: str) -> None:
    run = half_granted()
    if wrong == "policy":
        run.cluster.known.clear()
    elif wrong == "namespace":
        run.cluster.places_there.clear()
    run.cluster.allowed = wrong != "verb"
    run.cluster.proved = wrong != "identity"
    assert run.look() is None
    assert run.history == [Phase.GRANTING, Phase.REVOKING, Phase.FAILED]
    assert written(run.cluster.calls) == ["record Revoking", "record Failed"]


def test_a_status_that_claims_a_longer_grant_than_was_asked_is_refused() -> None:
    run = Run(moved(request(), Phase.GRANTING, deadline=DEADLINE.replace(year=2036)))
    assert run.look() is None
    assert run.phase is Phase.FAILED
    assert not [call for call in run.cluster.calls if call.startswith("create")]


def test_active_access_is_not_decided_again() -> None:
    run = Run().granted()
    run.cluster.known.clear()
    run.cluster.allowed = run.cluster.proved = False
    assert run.look() == DEADLINE
    assert {call.split()[0] for call in run.cluster.calls} == {"request", "binding"}
