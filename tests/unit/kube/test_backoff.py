"""Waiting: never in a tight loop, never longer than the bound, never less than asked."""

from hypothesis import given
from hypothesis import strategies as st

from curfew_kube.backoff import Backoff

CHANCES = st.floats(0, 1, exclude_max=True)


@given(st.integers(0, 10_000), CHANCES)
def test_a_delay_is_bounded_on_both_sides(attempt: int, chance: float) -> None:
    backoff = Backoff(first=0.1, longest=10)
    assert 0.01 <= backoff.delay(attempt, chance) <= 10


@given(st.integers(0, 100), CHANCES, st.floats(0, 3600))
def test_what_the_server_asks_for_is_never_shortened(
    attempt: int, chance: float, after: float
) -> None:
    assert Backoff().delay(attempt, chance, after) >= after


def test_the_bound_doubles_until_the_longest() -> None:
    bounds = [Backoff(first=1, longest=5).delay(attempt, 1.0) for attempt in range(5)]
    assert bounds == [1, 2, 4, 5, 5]
