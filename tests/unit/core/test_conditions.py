"""Conditions: one of each type, and a time that moves only with the status."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from curfew.access.api import Condition, ConditionStatus
from curfew.access.conditions import ConditionType, condition, find, put
from tests.unit.core.samples import HOUR, NOW

LATER = NOW + HOUR


def granted(status: ConditionStatus, now: datetime, message: str = "m") -> Condition:
    return condition(ConditionType.GRANTED, status, "Reason", message, now)


MANY = st.lists(
    st.builds(
        condition,
        st.sampled_from(ConditionType),
        st.sampled_from(ConditionStatus),
        st.sampled_from(["One", "Two"]),
        st.text(max_size=5),
        st.integers(0, 9).map(lambda hours: NOW + timedelta(hours=hours)),
    )
)


def test_a_condition_that_was_never_set_is_not_found() -> None:
    only = (granted(ConditionStatus.TRUE, NOW),)
    assert find(only, ConditionType.REVOKED) is None
    assert find(only, ConditionType.GRANTED) == only[0]


def test_the_time_stays_while_the_status_stays_and_the_words_are_the_new_ones() -> None:
    first = put((), granted(ConditionStatus.TRUE, NOW, "old"))
    (found,) = put(first, granted(ConditionStatus.TRUE, LATER, "new"))
    assert (found.last_transition_time, found.message) == (NOW, "new")


def test_the_time_moves_when_the_status_does() -> None:
    first = put((), granted(ConditionStatus.TRUE, NOW))
    (found,) = put(first, granted(ConditionStatus.FALSE, LATER))
    assert (found.last_transition_time, found.status) == (LATER, ConditionStatus.FALSE)


def test_other_conditions_and_their_order_are_left_alone() -> None:
    accepted = condition(ConditionType.ACCEPTED, ConditionStatus.TRUE, "Auto", "", NOW)
    both = put((accepted,), granted(ConditionStatus.TRUE, NOW))
    again = condition(ConditionType.ACCEPTED, ConditionStatus.FALSE, "No", "", LATER)
    assert put(both, again) == (again, both[1])


def test_a_message_is_cut_to_what_the_schema_takes() -> None:
    assert len(granted(ConditionStatus.TRUE, NOW, "x" * 10**6).message) == 4096


@given(MANY)
def test_however_often_conditions_are_set_there_is_one_of_each_type(many: list[Condition]) -> None:
    held: tuple[Condition, ...] = ()
    for fresh in many:
        held = put(held, fresh)
        assert put(held, fresh) == held
    types = [found.type for found in held]
    assert types == list(dict.fromkeys(fresh.type for fresh in many))
    for found in held:
        last = [fresh for fresh in many if fresh.type == found.type][-1]
        assert (found.status, found.message) == (last.status, last.message)
