"""The queue: names to look at, each by one worker at a time, and again after a failure."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from curfew.access.api import Layer
from curfew_kube.backoff import Backoff
from curfew_kube.errors import ClusterFault, KubeError
from curfew_operator.clock import NoTimeYet, ServerClock
from curfew_operator.metrics import Metrics
from curfew_operator.reconcile import NotProvedYet
from curfew_operator.timers import Timers

_LOG = logging.getLogger("curfew.operator")
_WORKERS = 8
_LONGEST_SLEEP = 1.0

Reconcile = Callable[[str, Layer], Awaitable[datetime | None]]


class Work:
    """Calls `reconcile` for every name that was nudged, and when a timer says so.

    `chance` gives a random number in [0, 1) for the backoff.
    """

    def __init__(
        self,
        reconcile: Reconcile,
        clock: ServerClock,
        metrics: Metrics,
        chance: Callable[[], float],
    ) -> None:
        self._reconcile = reconcile
        self._clock = clock
        self._metrics = metrics
        self._chance = chance
        self._backoff = Backoff(first=0.2)
        self._timers = Timers()
        self._waiting: dict[str, Layer] = {}
        self._busy: set[str] = set()
        self._failures: dict[str, int] = {}
        self._more = asyncio.Condition()
        self._timer_set = asyncio.Event()
        self._retries: set[asyncio.Task[None]] = set()

    async def nudge(self, name: str, layer: Layer = Layer.REQUEST) -> None:
        """Look at this name soon; the first of several nudges says why."""
        async with self._more:
            self._waiting.setdefault(name, layer)
            self._more.notify()

    async def run(self) -> None:
        """Work for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_the_clock())
            for _ in range(_WORKERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            name, layer = await self._take()
            try:
                await self._one(name, layer)
            finally:
                async with self._more:
                    self._busy.discard(name)
                    self._more.notify_all()

    async def _take(self) -> tuple[str, Layer]:
        async with self._more:
            await self._more.wait_for(self._next)
            name = self._next()
            assert name is not None  # noqa: S101 - what was waited for, for the type checker
            self._busy.add(name)
            return name, self._waiting.pop(name)

    def _next(self) -> str | None:
        return next((name for name in self._waiting if name not in self._busy), None)

    async def _one(self, name: str, layer: Layer) -> None:
        try:
            wake_at = await self._reconcile(name, layer)
        except Exception as error:  # noqa: BLE001 - nothing may end the worker that revokes
            self._failed(name, error)
            return
        self._failures.pop(name, None)
        self._timers.set(name, wake_at)
        self._timer_set.set()

    def _failed(self, name: str, error: Exception) -> None:
        attempt = self._failures.get(name, 0)
        self._failures[name] = attempt + 1
        self._metrics.failures.inc()
        # Once with its cause; a cluster that is away is told of by the sweep, not by each request.
        if attempt == 0 and not isinstance(error, ClusterFault | NoTimeYet):
            cause = None if isinstance(error, KubeError | NotProvedYet) else error
            _LOG.warning("%s: to be tried again: %s", name, error, exc_info=cause)
        pause = self._backoff.delay(attempt, self._chance())
        asyncio.get_running_loop().call_later(pause, self._again, name)

    def _again(self, name: str) -> None:
        task = asyncio.get_running_loop().create_task(self.nudge(name, Layer.TIMER))
        self._retries.add(task)
        task.add_done_callback(self._retries.discard)

    async def _watch_the_clock(self) -> None:
        while True:
            self._timer_set.clear()
            for name in self._due():
                await self.nudge(name, Layer.TIMER)
            try:
                async with asyncio.timeout(self._pause()):
                    await self._timer_set.wait()
            except TimeoutError:
                continue

    def _due(self) -> list[str]:
        try:
            return self._timers.due(self._clock.now())
        except NoTimeYet:
            return []

    def _pause(self) -> float:
        following = self._timers.next()
        if following is None:
            return _LONGEST_SLEEP
        try:
            left = following - self._clock.now()
        except NoTimeYet:
            return _LONGEST_SLEEP
        return min(max(left, timedelta()).total_seconds(), _LONGEST_SLEEP)
