"""When a name is looked at again: by the API server's clock, and by nothing else."""

import asyncio
from datetime import datetime, timedelta

import pytest

from curfew.access.api import Layer
from curfew_operator import work as work_module
from tests.unit.core.samples import NOW
from tests.unit.operator_edge.looks import Looks, until


def test_a_timer_fires_by_the_servers_clock_and_not_before_it_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(work_module, "_LONGEST_SLEEP", 0.005)
    wake = NOW + timedelta(hours=1)

    async def look(_: str) -> datetime | None:
        await asyncio.sleep(0)
        return None if len(looks.begun) > 1 else wake

    looks = Looks(look)

    async def scenario() -> None:
        await looks.work.nudge("a")
        await until(lambda: len(looks.done) == 1)
        await asyncio.sleep(0.03)
        assert len(looks.begun) == 1, "a timer fired though nobody knows the time"
        looks.clock.see(NOW)
        looks.seconds = 3599.9
        await asyncio.sleep(0.03)
        assert len(looks.begun) == 1, "a timer fired before its time"
        looks.seconds = 3600.0
        await until(lambda: len(looks.begun) == 2)
        looks.seconds = 10_000.0
        await asyncio.sleep(0.03)

    looks.run(scenario)
    assert looks.begun == [("a", Layer.REQUEST), ("a", Layer.TIMER)]


def waking(*wakes: datetime | None) -> Looks:
    """Looks that ask to be woken then, one after the other."""
    following = iter(wakes)

    async def look(_: str) -> datetime | None:
        await asyncio.sleep(0)
        return next(following)

    looks = Looks(look)
    looks.clock.see(NOW)
    return looks


async def looked_twice(looks: Looks) -> None:
    for count in (1, 2):
        await looks.work.nudge("a")
        await until(lambda count=count: len(looks.done) == count)  # type: ignore[misc] # bound now


def test_a_later_look_moves_the_timer() -> None:
    looks = waking(NOW + timedelta(seconds=60), NOW + timedelta(seconds=120), None)

    async def scenario() -> None:
        await looked_twice(looks)
        looks.seconds = 90.0
        looks.work._timer_set.set()  # noqa: SLF001 - wakes the look at the clock at once
        await asyncio.sleep(0.02)
        assert len(looks.done) == 2
        looks.seconds = 121.0
        looks.work._timer_set.set()  # noqa: SLF001 - as above
        await until(lambda: len(looks.done) == 3)

    looks.run(scenario)


def test_a_look_that_needs_no_other_takes_the_timer_away() -> None:
    looks = waking(NOW + timedelta(seconds=60), None)

    async def scenario() -> None:
        await looked_twice(looks)
        looks.seconds = 61.0
        looks.work._timer_set.set()  # noqa: SLF001 - wakes the look at the clock at once
        await asyncio.sleep(0.02)

    looks.run(scenario)
    assert len(looks.begun) == 2
