"""The sweep: every ten seconds, list what is lent, and end what is past its deadline.

It needs no event, no memory and no leader: whatever the timers missed, because of a restart, a lost
watch or a defect, goes here. It also brings every open request back to mind.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from curfew.access.api import Layer
from curfew.access.binding import LentBinding
from curfew.access.lifecycle import ENDS
from curfew.access.strays import is_stray
from curfew_kube.errors import ClusterFault, CredentialFault, KubeError
from curfew_operator.clock import ServerClock
from curfew_operator.cluster import Cluster
from curfew_operator.metrics import Metrics

_LOG = logging.getLogger("curfew.operator")
EVERY = 10.0
_AWAY_EVERY = 2.0

End = Callable[[LentBinding, Layer], Awaitable[None]]
Nudge = Callable[[str, Layer], Awaitable[None]]


class Sweep:
    """`end` deletes a binding; `nudge` has a request looked at."""

    def __init__(
        self,
        cluster: Cluster,
        clock: ServerClock,
        metrics: Metrics,
        *,
        end: End,
        nudge: Nudge,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._metrics = metrics
        self._end = end
        self._nudge = nudge
        self._ended_before: dict[str, bool] = {}
        self._monotonic = monotonic
        self._tried = monotonic()
        self._done: float | None = None
        self._away = False
        self._refusal = ""

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
                self._refusal = ""
            except (ClusterFault, CredentialFault) as error:
                self._lost(error)
            except KubeError as error:
                self._refused(error)
            except Exception:  # noqa: BLE001 - nothing may end the sweep
                _LOG.exception("a sweep failed, and is tried again")
            await asyncio.sleep(_AWAY_EVERY if self._away else EVERY)

    async def once(self) -> None:
        """One sweep. What is due goes first; then the rest is brought to mind."""
        bindings = await self._cluster.lent_bindings()
        now = self._clock.now()
        deleted: list[LentBinding] = []
        due = [one for one in bindings if one.is_due(now)]
        failed = await self._take_back(due, deleted)
        # Listed after the bindings, so that whatever was granted meanwhile is known.
        requests = await self._cluster.requests()
        by_uid = {request.metadata.uid: request for request in requests}
        rest = [one for one in bindings if not one.is_due(now)]
        strays = [one for one in rest if is_stray(one, by_uid.get(one.request_uid))]
        failed = await self._take_back(strays, deleted) or failed
        self._tell_what_stays(deleted)
        for request in requests:
            if request.status.phase not in ENDS:
                await self._nudge(request.metadata.name, Layer.SWEEP)
        if failed is not None:
            raise failed
        self._done = self._monotonic()

    async def _take_back(
        self, bindings: list[LentBinding], deleted: list[LentBinding]
    ) -> Exception | None:
        failed: Exception | None = None
        for binding in bindings:
            try:
                await self._end(binding, Layer.SWEEP)
                deleted.append(binding)
                self._metrics.swept.inc()
            except Exception as error:  # noqa: BLE001 - the next one must go all the same
                failed = error
        return failed

    def _tell_what_stays(self, ended: list[LentBinding]) -> None:
        """A finalizer may keep what was deleted, and it still grants: somebody has to know."""
        staying = [one for one in ended if one.metadata.uid in self._ended_before]
        self._metrics.staying.set(len(staying))
        for binding in staying:
            if self._ended_before[binding.metadata.uid]:
                continue
            meta = binding.metadata
            _LOG.error(
                "RoleBinding %s/%s was deleted and is still there, and still grants: a finalizer"
                " keeps it; remove that by kubectl edit",
                meta.namespace,
                meta.name,
            )
        told = {binding.metadata.uid for binding in staying}
        self._ended_before = {one.metadata.uid: one.metadata.uid in told for one in ended}

    def _lost(self, error: KubeError) -> None:
        if not self._away:
            self._away = True
            self._metrics.outages.inc()
            self._metrics.away.set(1)
            _LOG.warning("the cluster cannot be swept, and is tried again: %s", error)

    def _refused(self, error: KubeError) -> None:
        """The cluster is there, and did not let us: told once, until a whole sweep or another."""
        self._back()
        if str(error) != self._refusal:
            self._refusal = str(error)
            _LOG.error("a part of the sweep was refused, and is tried again: %s", error)

    def _back(self) -> None:
        if self._away:
            self._away = False
            _LOG.info("the cluster is swept again")
        self._metrics.away.set(0)

    @property
    def away(self) -> bool:
        """Whether the last try failed."""
        return self._away
