"""Timers, against the simplest thing that can be right: a dictionary."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from curfew_operator.timers import Timers

BASE = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
names = st.sampled_from(["a", "b", "c", "d"])
moments = st.integers(0, 9).map(lambda minutes: BASE + timedelta(minutes=minutes))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), names, st.none() | moments),
        st.tuples(st.just("due"), st.just(""), moments),
        st.tuples(st.just("next"), st.just(""), st.none()),
    ),
    max_size=60,
)


@given(steps)
def test_timers_are_a_dictionary_that_gives_what_is_due_earliest_first(
    done: list[tuple[str, str, datetime | None]],
) -> None:
    timers = Timers()
    model: dict[str, datetime] = {}
    for what, name, at in done:
        if what == "set" and at is not None:
            timers.set(name, at)
            model[name] = at
        elif what == "set":
            timers.set(name, None)
            model.pop(name, None)
        elif what == "due" and at is not None:
            due = sorted((moment, one) for one, moment in model.items() if moment <= at)
            assert timers.due(at) == [one for _, one in due]
            for _, one in due:
                del model[one]
        assert timers.next() == min(model.values(), default=None)


def test_a_timer_that_is_moved_later_does_not_fire_at_its_first_moment() -> None:
    timers = Timers()
    timers.set("a", BASE)
    timers.set("a", BASE + timedelta(hours=1))
    assert timers.due(BASE + timedelta(minutes=59)) == []
    assert timers.due(BASE + timedelta(hours=1)) == ["a"]


def test_a_timer_that_is_moved_there_and_back_fires_once() -> None:
    timers = Timers()
    for minutes in (0, 5, 0):
        timers.set("a", BASE + timedelta(minutes=minutes))
    assert timers.due(BASE) == ["a"]
    assert timers.due(BASE + timedelta(hours=1)) == []
    assert timers.next() is None
