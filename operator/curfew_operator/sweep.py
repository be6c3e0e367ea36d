"""The sweep: every ten seconds, list what is lent, and end what is past its deadline.

It needs no event, no memory and no leader: whatever the timers missed, because of a restart, a lost
watch or a defect, goes here. It also brings every open request and every policy back to mind.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from curfew.access.api import Layer
from curfew.access.binding import LentBinding
from curfew.access.lifecycle import ENDS
from curfew_kube.errors import KubeError
from curfew_operator.clock import ServerClock
from curfew_operator.cluster import Cluster
from curfew_operator.metrics import Metrics

_LOG = logging.getLogger("curfew.operator")
EVERY = 10.0
_AWAY_EVERY = 2.0

End = Callable[[LentBinding, Layer], Awaitable[None]]
Nudge = Callable[[str, Layer], Awaitable[None]]


class Sweep:
    """`end` deletes a binding; `nudge` has a request looked at, `look_at_policy` a policy."""

    def __init__(  # noqa: PLR0913 - it is where all parts meet
        self,
        cluster: Cluster,
        clock: ServerClock,
        metrics: Metrics,
        *,
        end: End,
        nudge: Nudge,
        look_at_policy: Callable[[str], Awaitable[None]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._metrics = metrics
        self._end = end
        self._nudge = nudge
        self._look_at_policy = look_at_policy
        self._monotonic = monotonic
        self._tried = monotonic()
        self._done: float | None = None
        self._away = False

    @property
    def age(self) -> float | None:
        """Seconds since the last whole sweep; None before the first."""
        return None if self._done is None else self._monotonic() - self._done

    @property
    def since_tried(self) -> float:
        """Seconds since one was begun: that is whether this process still works."""
        return self._monotonic() - self._tried

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            self._tried = self._monotonic()
            try:
                await self.once()
                self._back()
            except KubeError as error:
                self._lost(error)
            except Exception:  # noqa: BLE001 - nothing may end the sweep
                _LOG.exception("a sweep failed, and is tried again")
            await asyncio.sleep(_AWAY_EVERY if self._away else EVERY)

    async def once(self) -> None:
        """One sweep. What is due goes first; then the rest is brought to mind."""
        bindings = await self._cluster.lent_bindings()
        now = self._clock.now()
        failed = await self._take_back([one for one in bindings if one.is_due(now)])
        requests = await self._cluster.requests()
        # Listed after the bindings: what belongs to none of these outlived its request.
        known = {request.metadata.uid for request in requests}
        strays = [one for one in bindings if one.request_uid not in known]
        failed = await self._take_back(strays) or failed
        held = {binding.request_uid for binding in bindings}
        for request in requests:
            if request.status.phase not in ENDS or request.metadata.uid in held:
                await self._nudge(request.metadata.name, Layer.SWEEP)
        for policy in await self._cluster.policies():
            await self._look_at_policy(policy.metadata.name)
        if failed is not None:
            raise failed
        self._done = self._monotonic()

    async def _take_back(self, bindings: list[LentBinding]) -> KubeError | None:
        failed: KubeError | None = None
        for binding in bindings:
            try:
                await self._end(binding, Layer.SWEEP)
                self._metrics.swept.inc()
            except KubeError as error:  # the next one must go all the same
                failed = error
        return failed

    def _lost(self, error: KubeError) -> None:
        if not self._away:
            self._away = True
            self._metrics.outages.inc()
            self._metrics.away.set(1)
            _LOG.warning("the cluster cannot be swept, and is tried again: %s", error)

    def _back(self) -> None:
        if self._away:
            self._away = False
            _LOG.info("the cluster is swept again")
        self._metrics.away.set(0)

    @property
    def away(self) -> bool:
        """Whether the last try failed."""
        return self._away
