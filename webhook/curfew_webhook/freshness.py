"""Which followed kinds are up to date: told once when they stop being, and when all are again."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from curfew.objects.resource import Resource
from curfew_kube.client import Client, HasMetadata
from curfew_kube.mirror import Added, Deleted, Modified
from curfew_kube.watching import Follower, Outage, Synced, Told
from curfew_webhook.metrics import Metrics

T = TypeVar("T", bound=HasMetadata)

_LOG = logging.getLogger("curfew.webhook")


class Freshness:
    """Keeps count for a fixed set of kinds, by plural name."""

    def __init__(self, kinds: tuple[str, ...], metrics: Metrics) -> None:
        self._kinds = kinds
        self._metrics = metrics
        self._synced: set[str] = set()
        self._away = False
        for kind in kinds:
            metrics.synced.labels(kind).set(0)

    @property
    def behind(self) -> list[str]:
        """The kinds that are not up to date."""
        return [kind for kind in self._kinds if kind not in self._synced]

    def holds(self, kind: str) -> bool:
        """Whether what is known of a kind may be believed."""
        return kind in self._synced

    def hear(
        self, kind: str, told: Told[T], changed: Callable[[Added[T] | Modified[T] | Deleted], None]
    ) -> None:
        """Take one thing that the watch of a kind told; `changed` gets it if it is a change."""
        if isinstance(told, Outage):
            self.lost(kind, told)
        elif isinstance(told, Synced):
            self.caught_up(kind, told)
        else:
            if isinstance(told, Added):
                self._metrics.known.labels(kind).inc()
            elif isinstance(told, Deleted):
                self._metrics.known.labels(kind).dec()
            changed(told)

    def lost(self, kind: str, outage: Outage) -> None:
        """The watch of a kind broke: what is known of it may be old."""
        self._synced.discard(kind)
        self._metrics.synced.labels(kind).set(0)
        if not self._away:
            self._away = True
            self._metrics.outages.inc()
            _LOG.warning("the cluster cannot be watched, and is read live: %s", outage.error)

    def caught_up(self, kind: str, synced: Synced) -> None:
        """Everything of a kind up to now is known, and its watch is open."""
        self._synced.add(kind)
        self._metrics.synced.labels(kind).set(1)
        self._metrics.known.labels(kind).set(synced.count)
        if self._away and not self.behind:
            self._away = False
            _LOG.info("the cluster is watched again")


async def follow(
    client: Client,
    resources: Iterable[Resource],
    kind: type[T],
    take: Callable[[str, Told[T]], None],
) -> None:
    """Follow several collections of one type for ever; `take` gets each plural name and event."""

    async def one(resource: Resource) -> None:
        async for told in Follower(client, resource, kind).follow():
            take(resource.plural, told)

    async with asyncio.TaskGroup() as group:
        for resource in resources:
            group.create_task(one(resource))
