"""The API server's clock, read from answers that say only whole seconds and come when they come."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curfew_operator.clock import NoTimeYet, ServerClock

BASE = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
# Floating point and microseconds: nothing that a whole second would notice.
CLOSE = timedelta(microseconds=2)


class Ticks:
    """A monotonic clock that is turned by hand; it began at some moment of no meaning."""

    def __init__(self, began: float = 0.0) -> None:
        self.now = began

    def __call__(self) -> float:
        return self.now


def said(true: datetime) -> datetime:
    """The Date header: whole seconds, cut."""
    return true.replace(microsecond=0)


waits = st.floats(0, 100, allow_nan=False)
answers = st.lists(
    st.tuples(
        st.floats(0, 3600, allow_nan=False),  # until the answer is given
        waits,  # until it arrives
        st.integers(0, 2),  # by which server
    ),
    min_size=1,
    max_size=60,
)
skews = st.tuples(*[st.floats(-300, 300, allow_nan=False) for _ in range(3)])


@given(began=st.floats(0, 1e7), given_answers=answers, skew=skews, later=waits)
def test_it_is_never_ahead_of_the_latest_server_and_never_behind_the_last_answer(
    began: float,
    given_answers: list[tuple[float, float, int]],
    skew: tuple[float, ...],
    later: float,
) -> None:
    ticks = Ticks(began)
    clock = ServerClock(ticks)
    passed, last = 0.0, BASE
    for pause, on_the_way, server in given_answers:
        passed += pause
        last = said(BASE + timedelta(seconds=skew[server] + passed))
        passed += on_the_way
        ticks.now = began + passed
        clock.see(last)
        assert clock.now() >= last - CLOSE
    ticks.now = began + passed + later
    asked = {server for _, _, server in given_answers}
    latest = BASE + timedelta(seconds=passed + later + max(skew[one] for one in asked))
    assert clock.now() <= latest + CLOSE
    assert clock.now() >= last + timedelta(seconds=later) - CLOSE


@given(st.lists(st.floats(0, 0.999, allow_nan=False), min_size=1, max_size=32))
def test_it_is_as_close_as_the_answer_that_came_soonest_after_a_whole_second(
    fractions: list[float],
) -> None:
    ticks = Ticks()
    clock = ServerClock(ticks)
    for number, fraction in enumerate(fractions):
        ticks.now = number + fraction
        clock.see(BASE + timedelta(seconds=number))
    behind = BASE + timedelta(seconds=ticks.now) - clock.now()
    assert math.isclose(behind.total_seconds(), min(fractions), abs_tol=1e-5)


def test_of_several_servers_the_latest_counts() -> None:
    ticks = Ticks()
    clock = ServerClock(ticks)
    for ahead in (0, 7, 3):
        clock.see(BASE + timedelta(seconds=ahead))
    assert clock.now() == BASE + timedelta(seconds=7)
    ticks.now = 2.5
    assert clock.now() == BASE + timedelta(seconds=9.5)


def test_an_answer_is_forgotten_after_thirty_two_others() -> None:
    clock = ServerClock(Ticks())
    clock.see(BASE + timedelta(hours=1))
    for _ in range(31):
        clock.see(BASE)
    assert clock.now() == BASE + timedelta(hours=1)
    clock.see(BASE)
    assert clock.now() == BASE


def test_before_the_first_answer_there_is_no_time() -> None:
    with pytest.raises(NoTimeYet, match="the API server has not answered yet"):
        ServerClock(Ticks()).now()
