"""The roles of the cluster, followed by list and watch; what is not known is read live.

The cache is believed only while its watch is open and up to date. A role that is not in it is read
from the API server (a quorum read), because it may be a moment old, or we may be.
"""

import asyncio
from functools import partial

from curfew.admission.grants import Missing, Resolution, Resolved, Unreadable
from curfew.objects.rbac import CLUSTER_ROLES, ROLES, Role, RoleKind, RoleRef
from curfew.objects.resource import Resource
from curfew_kube.client import Client
from curfew_kube.errors import KubeError, NotFound
from curfew_kube.mirror import Added, Deleted, Modified
from curfew_kube.watching import Told
from curfew_webhook.freshness import Freshness, follow
from curfew_webhook.metrics import Metrics

_KINDS = {RoleKind.ROLE: ROLES, RoleKind.CLUSTER_ROLE: CLUSTER_ROLES}
FOLLOWED = tuple(kind.plural for kind in _KINDS.values())


class RoleCache:
    """Resolves roles. `patience` bounds a live read (seconds): less than the API server's own."""

    def __init__(
        self, client: Client, freshness: Freshness, metrics: Metrics, patience: float = 3.0
    ) -> None:
        self._client = client
        self._freshness = freshness
        self._metrics = metrics
        self._patience = patience
        self._known: dict[tuple[str, str, str], Resolved] = {}

    async def follow(self) -> None:
        """Keep up with the cluster, for ever."""
        await follow(self._client, _KINDS.values(), Role, self.take)

    async def resolve(self, ref: RoleRef, namespace: str) -> Resolution:
        """The role as it is now: from the cache, else live; Unreadable where neither knows."""
        resource = _KINDS[ref.kind]
        place = namespace if resource.namespaced else ""
        if self._freshness.holds(resource.plural):
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

    def take(self, plural: str, told: Told[Role]) -> None:
        """Take one thing that the watch of a kind told."""
        self._freshness.hear(plural, told, partial(self._change, plural))

    def _change(self, plural: str, change: Added[Role] | Modified[Role] | Deleted) -> None:
        if isinstance(change, Deleted):
            self._known.pop((plural, change.namespace, change.name), None)
        else:
            meta = change.object.metadata
            self._known[plural, meta.namespace, meta.name] = _resolved(change.object)


def _resolved(role: Role) -> Resolved:
    return Resolved(role.rules or (), role.metadata.resource_version)
