"""The roles of the cluster, followed by list and watch; what is not known is read live.

The cache is believed only while its watch is open and up to date. A role that is not in it is read
from the API server (a quorum read), because it may be a moment old, or we may be.
"""

import asyncio
import logging

from curfew.admission.grants import Missing, Resolution, Resolved, Unreadable
from curfew.objects.rbac import CLUSTER_ROLES, ROLES, Role, RoleKind, RoleRef
from curfew.objects.resource import Resource
from curfew_kube.client import Client
from curfew_kube.errors import KubeError, NotFound
from curfew_kube.mirror import Deleted
from curfew_kube.watching import Follower, Outage, Synced, Told
from curfew_webhook.metrics import Metrics

_LOG = logging.getLogger("curfew.webhook")
_KINDS = {RoleKind.ROLE: ROLES, RoleKind.CLUSTER_ROLE: CLUSTER_ROLES}


class RoleCache:
    """Resolves roles. `patience` bounds a live read (seconds): less than the API server's own."""

    def __init__(self, client: Client, metrics: Metrics, patience: float = 3.0) -> None:
        self._client = client
        self._metrics = metrics
        self._patience = patience
        self._known: dict[tuple[str, str, str], Resolved] = {}
        self._synced: set[str] = set()
        self._away = False

    @property
    def behind(self) -> list[str]:
        """The kinds whose watch is not up to date."""
        return [kind.plural for kind in _KINDS.values() if kind.plural not in self._synced]

    async def follow(self) -> None:
        """Keep up with the cluster, for ever."""
        async with asyncio.TaskGroup() as group:
            for resource in _KINDS.values():
                group.create_task(self._follow(resource))

    async def resolve(self, ref: RoleRef, namespace: str) -> Resolution:
        """The role as it is now: from the cache, else live; Unreadable where neither knows."""
        resource = _KINDS[ref.kind]
        place = namespace if resource.namespaced else ""
        if resource.plural in self._synced:
            known = self._known.get((resource.plural, place, ref.name))
            if known is not None:
                return known
        return await self._read(resource, place, ref.name)

    async def _read(self, resource: Resource, namespace: str, name: str) -> Resolution:
        self._metrics.live_reads.inc()
        try:
            async with asyncio.timeout(self._patience):
                answer = await self._client.get(resource, Role, name, namespace or None)
        except NotFound:
            return Missing()
        except TimeoutError:
            return Unreadable(f"the API server did not answer within {self._patience:g} s")
        except (KubeError, ValueError) as error:
            return Unreadable(str(error))
        return _resolved(answer.value)

    async def _follow(self, resource: Resource) -> None:
        async for told in Follower(self._client, resource, Role).follow():
            self._take(resource.plural, told)

    def _take(self, plural: str, told: Told[Role]) -> None:
        if isinstance(told, Outage):
            self._lost(plural, told)
        elif isinstance(told, Synced):
            self._caught_up(plural, told)
        elif isinstance(told, Deleted):
            self._known.pop((plural, told.namespace, told.name), None)
        else:
            meta = told.object.metadata
            self._known[plural, meta.namespace, meta.name] = _resolved(told.object)

    def _lost(self, plural: str, outage: Outage) -> None:
        self._synced.discard(plural)
        self._metrics.synced.labels(plural).set(0)
        if not self._away:
            self._away = True
            self._metrics.outages.inc()
            _LOG.warning("roles cannot be watched, and are read live meanwhile: %s", outage.error)

    def _caught_up(self, plural: str, synced: Synced) -> None:
        self._synced.add(plural)
        self._metrics.synced.labels(plural).set(1)
        self._metrics.roles.labels(plural).set(synced.count)
        if self._away and not self.behind:
            self._away = False
            _LOG.info("roles are watched again")


def _resolved(role: Role) -> Resolved:
    return Resolved(role.rules or (), role.metadata.resource_version)
