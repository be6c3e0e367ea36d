"""A queue whose looks are noted instead of done."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from curfew.access.api import Layer
from curfew_operator.clock import ServerClock
from curfew_operator.metrics import Metrics
from curfew_operator.work import Work


class Looks:
    """What was looked at, and how: `gate` is awaited inside of each look."""

    def __init__(self, gate: Callable[[str], Awaitable[datetime | None]]) -> None:
        self.gate = gate
        self.begun: list[tuple[str, Layer]] = []
        self.done: list[str] = []
        self.inside: list[str] = []
        self.seconds = 0.0
        self.clock = ServerClock(lambda: self.seconds)
        self.metrics = Metrics()
        self.work = Work(self.reconcile, self.clock, self.metrics, lambda: 0.0)

    async def reconcile(self, name: str, layer: Layer) -> datetime | None:
        assert name not in self.inside, "one name is looked at twice at once"
        self.inside.append(name)
        self.begun.append((name, layer))
        try:
            return await self.gate(name)
        finally:
            self.inside.remove(name)
            self.done.append(name)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.begun]

    def run(self, scenario: Callable[[], Awaitable[None]]) -> None:
        """Run a scenario while the workers work; they must still do so at its end."""

        async def both() -> None:
            working = asyncio.create_task(self.work.run())
            try:
                await scenario()
                assert not working.done(), "the workers ended by themselves"
            finally:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)

        asyncio.run(both())


async def until(true: Callable[[], bool]) -> None:
    for _ in range(2000):
        if true():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it did not become so")
