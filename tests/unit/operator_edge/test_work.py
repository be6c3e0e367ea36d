"""The queue: each name by one worker at a time, again after a failure, and when it is time."""

import asyncio
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curfew.access.api import Layer
from curfew_kube.errors import CredentialFault
from curfew_operator.clock import NoTimeYet
from curfew_operator.reconcile import NotProvedYet
from tests.unit.operator_edge.looks import Looks, until
from tests.unit.operator_edge.memory_api import away, no


async def _at_once(_: str) -> None:
    await asyncio.sleep(0)


@settings(max_examples=60, deadline=None)
@given(
    nudges=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=25),
    pace=st.integers(0, 4),
)
def test_no_name_is_looked_at_twice_at_once_and_each_nudge_is_followed_by_a_look(
    nudges: list[tuple[str, int]], pace: int
) -> None:
    async def turns(_: str) -> None:
        for _turn in range(pace):
            await asyncio.sleep(0)

    looks = Looks(turns)
    owed: dict[str, int] = {}

    async def scenario() -> None:
        for name, pause in nudges:
            await looks.work.nudge(name)
            owed[name] = len([one for one in looks.names if one == name]) + 1
            for _turn in range(pause):
                await asyncio.sleep(0)
        await until(lambda: all(looks.names.count(name) >= due for name, due in owed.items()))

    looks.run(scenario)
    assert len(looks.begun) <= len(nudges)


def test_nudges_while_a_look_is_on_lead_to_one_more_look() -> None:
    gate = asyncio.Event()

    async def wait(_: str) -> None:
        await gate.wait()

    looks = Looks(wait)

    async def scenario() -> None:
        await looks.work.nudge("a")
        await until(lambda: looks.inside == ["a"])
        for _ in range(5):
            await looks.work.nudge("a", Layer.SWEEP)
        await looks.work.nudge("b")
        await until(lambda: "b" in looks.inside)
        assert looks.names == ["a", "b"]
        gate.set()
        await until(lambda: len(looks.done) == 3)
        await asyncio.sleep(0.02)

    looks.run(scenario)
    assert looks.begun == [("a", Layer.REQUEST), ("b", Layer.REQUEST), ("a", Layer.SWEEP)]


def test_the_first_of_several_nudges_says_why() -> None:
    looks = Looks(_at_once)

    async def scenario() -> None:
        await looks.work.nudge("a", Layer.TIMER)
        await looks.work.nudge("a", Layer.SWEEP)
        await until(lambda: bool(looks.done))

    looks.run(scenario)
    assert looks.begun == [("a", Layer.TIMER)]


def test_eight_looks_that_hang_leave_no_worker_but_seven_leave_one() -> None:
    async def hang(name: str) -> None:
        if name.startswith("stuck"):
            await asyncio.Event().wait()

    looks = Looks(hang)

    async def scenario() -> None:
        for number in range(7):
            await looks.work.nudge(f"stuck-{number}")
        await looks.work.nudge("quick")
        await until(lambda: "quick" in looks.done)

    looks.run(scenario)


def test_a_look_that_crashes_is_told_once_and_tried_again_and_ends_no_worker(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "curfew.operator")
    left = 3

    async def crash(name: str) -> None:
        nonlocal left
        await asyncio.sleep(0)
        if name == "bad" and left:
            left -= 1
            raise ZeroDivisionError("a defect of ours")

    looks = Looks(crash)

    async def scenario() -> None:
        await looks.work.nudge("bad")
        await until(lambda: looks.names.count("bad") == 4)
        await looks.work.nudge("good")
        await until(lambda: "good" in looks.done)

    looks.run(scenario)
    assert looks.begun[1] == ("bad", Layer.TIMER)
    (told,) = caplog.records
    assert told.getMessage() == "bad: to be tried again: a defect of ours"
    assert looks.metrics.registry.get_sample_value("curfew_reconcile_failures_total") == 3


def test_a_cluster_that_is_away_is_not_told_of_for_each_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(_: str) -> None:
        await asyncio.sleep(0)
        raise away("GET request")

    looks = Looks(fail)

    async def scenario() -> None:
        await looks.work.nudge("a")
        await until(lambda: len(looks.begun) == 2)

    looks.run(scenario)
    assert caplog.records == []


def fail_until(error: Exception, count: int) -> None:
    """Looks that fail with an error, until that many have begun."""

    async def fail(_: str) -> None:
        await asyncio.sleep(0)
        raise error

    looks = Looks(fail)

    async def scenario() -> None:
        await looks.work.nudge("a")
        await until(lambda: len(looks.begun) == count)

    looks.run(scenario)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (no("PATCH request", 403, "Forbidden", "not for you"), "403 Forbidden: not for you"),
        (no("PATCH request", 422, "Invalid", "changed"), "422 Invalid: changed"),
        (CredentialFault("the token file is empty"), "the token file is empty"),
        (NotProvedYet("still allowed"), "still allowed"),
    ],
    ids=["forbidden", "invalid", "credentials", "not proved"],
)
def test_what_the_cluster_refuses_is_told_once_and_without_a_traceback(
    caplog: pytest.LogCaptureFixture, error: Exception, words: str
) -> None:
    fail_until(error, 3)
    (told,) = caplog.records
    assert told.levelname == "WARNING"
    assert told.getMessage().startswith("a: to be tried again: ")
    assert told.getMessage().endswith(words)
    assert told.exc_info is None


@pytest.mark.parametrize(
    "error",
    [no("GET request", 503, "ServiceUnavailable", "away"), NoTimeYet("no answer yet")],
    ids=["503", "no time"],
)
def test_a_cluster_that_cannot_answer_yet_is_not_told_of_either(
    caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    fail_until(error, 2)
    assert caplog.records == []


def test_each_failure_in_a_row_waits_longer_and_a_success_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    later = asyncio.base_events.BaseEventLoop.call_later

    def soon(loop: asyncio.BaseEventLoop, delay: float, *what: object) -> asyncio.TimerHandle:
        if getattr(what[0], "__name__", "") == "_again":
            pauses.append(delay)
            delay = 0.0
        return later(loop, delay, *what)  # type: ignore[arg-type] # passed on as it came

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "call_later", soon)
    outcomes = [False, False, False, True, False, True]

    async def fail(_: str) -> None:
        await asyncio.sleep(0)
        if not outcomes.pop(0):
            raise away("GET request")

    looks = Looks(fail)

    async def scenario() -> None:
        await looks.work.nudge("a")
        await until(lambda: len(looks.done) == 4)
        await looks.work.nudge("a")
        await until(lambda: len(looks.done) == 6)

    looks.run(scenario)
    assert pauses == pytest.approx([0.02, 0.04, 0.08, 0.02])
