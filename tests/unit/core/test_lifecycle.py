"""The life of a request: a walk through the table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curfew.access.lifecycle import ENDS, TRANSITIONS, IllegalTransition, Phase, step

LEGAL = [
    (Phase.PENDING, Phase.GRANTING),
    (Phase.PENDING, Phase.CANCELLED),
    (Phase.PENDING, Phase.FAILED),
    (Phase.GRANTING, Phase.ACTIVE),
    (Phase.GRANTING, Phase.REVOKING),
    (Phase.ACTIVE, Phase.REVOKING),
    (Phase.REVOKING, Phase.EXPIRED),
    (Phase.REVOKING, Phase.REVOKED),
    (Phase.REVOKING, Phase.CANCELLED),
    (Phase.REVOKING, Phase.FAILED),
]
ILLEGAL = [
    (before, after)
    for before in Phase
    for after in Phase
    if before is not after and (before, after) not in LEGAL
]
WALKS = st.lists(st.sampled_from(Phase), max_size=20)


def walk(phases: list[Phase]) -> list[Phase]:
    """Where a request has been that was asked to go to each of these."""
    been = [Phase.PENDING]
    for phase in phases:
        try:
            been.append(step(been[-1], phase))
        except IllegalTransition:
            continue
    return been


@pytest.mark.parametrize(("before", "after"), LEGAL)
def test_a_move_that_the_table_holds_is_made(before: Phase, after: Phase) -> None:
    assert step(before, after) is after


@pytest.mark.parametrize(("before", "after"), ILLEGAL)
def test_a_move_that_the_table_does_not_hold_raises(before: Phase, after: Phase) -> None:
    words = f"is {before.value} cannot become {after.value}"
    with pytest.raises(IllegalTransition, match=words) as caught:
        step(before, after)
    assert (caught.value.before, caught.value.after) == (before, after)


@pytest.mark.parametrize("phase", Phase)
def test_staying_is_always_allowed_and_every_phase_is_in_the_table(phase: Phase) -> None:
    assert step(phase, phase) is phase
    assert phase in TRANSITIONS


def test_the_ends_are_the_four_from_which_nothing_follows() -> None:
    assert {phase.value for phase in ENDS} == {"Expired", "Revoked", "Cancelled", "Failed"}


@given(WALKS)
def test_an_end_is_never_left(phases: list[Phase]) -> None:
    been = walk(phases)
    first = next((index for index, phase in enumerate(been) if phase in ENDS), len(been))
    assert set(been[first:]) <= {*been[first : first + 1]}


@given(WALKS)
def test_from_granting_every_way_to_an_end_goes_through_revoking(phases: list[Phase]) -> None:
    been = walk(phases)
    if been[-1] in ENDS and Phase.GRANTING in been:
        ending = been[been.index(Phase.GRANTING) :]
        assert Phase.REVOKING in ending


@pytest.mark.parametrize("phase", Phase)
def test_an_end_can_be_reached_from_everywhere(phase: Phase) -> None:
    reached = {phase}
    for _ in Phase:
        reached |= {after for before in reached for after in TRANSITIONS[before]}
    assert reached & ENDS
