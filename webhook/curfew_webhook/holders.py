"""Which bindings give something to ServiceAccounts, so that it is known where nothing is lent.

Followed by list and watch; of each binding that concerns no ServiceAccount nothing is kept.
"""

import asyncio

from curfew.admission.grants import Missing, Resolved
from curfew.admission.lent_grant import Neighbours, is_for_accounts_of, is_powerful
from curfew.objects.rbac import CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS, Binding, SubjectKind
from curfew.objects.resource import Resource
from curfew.rbac.subjects import subjects_of
from curfew_kube.client import Client
from curfew_kube.mirror import Deleted
from curfew_kube.watching import Follower, Outage, Synced, Told
from curfew_webhook.freshness import Freshness
from curfew_webhook.handling import Roles

_KINDS = (ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS)
FOLLOWED = tuple(kind.plural for kind in _KINDS)


class Holders:
    """Answers what the ServiceAccounts of a namespace are."""

    def __init__(self, client: Client, roles: Roles, freshness: Freshness) -> None:
        self._client = client
        self._roles = roles
        self._freshness = freshness
        self._kept: dict[tuple[str, str, str], Binding] = {}

    async def follow(self) -> None:
        """Keep up with the cluster, for ever."""
        async with asyncio.TaskGroup() as group:
            for resource in _KINDS:
                group.create_task(self._follow(resource))

    async def neighbours(self, namespace: str) -> Neighbours:
        """What a pod in the namespace could act as; UNKNOWN where that cannot be told now."""
        if not all(self._freshness.holds(kind) for kind in FOLLOWED):
            return Neighbours.UNKNOWN
        known = Neighbours.HARMLESS
        for binding in tuple(self._kept.values()):
            if not is_for_accounts_of(binding, namespace):
                continue
            role = await self._roles.resolve(binding.role_ref, binding.metadata.namespace)
            if isinstance(role, Resolved):
                if is_powerful(binding, role):
                    return Neighbours.POWERFUL
            elif not isinstance(role, Missing):
                known = Neighbours.UNKNOWN
        return known

    async def _follow(self, resource: Resource) -> None:
        async for told in Follower(self._client, resource, Binding).follow():
            self.take(resource.plural, told)

    def take(self, plural: str, told: Told[Binding]) -> None:
        """Take one thing that the watch of a kind told."""
        if isinstance(told, Outage):
            self._freshness.lost(plural, told)
        elif isinstance(told, Synced):
            self._freshness.caught_up(plural, told)
        elif isinstance(told, Deleted):
            self._kept.pop((plural, told.namespace, told.name), None)
        else:
            self._keep(plural, told.object)

    def _keep(self, plural: str, binding: Binding) -> None:
        key = (plural, binding.metadata.namespace, binding.metadata.name)
        kinds = {subject.kind for subject in subjects_of(binding)}
        if kinds & {SubjectKind.SERVICE_ACCOUNT, SubjectKind.GROUP}:
            self._kept[key] = binding
        else:
            self._kept.pop(key, None)
