"""Which bindings give something to ServiceAccounts, so that it is known where nothing is lent.

Followed by list and watch; of each binding that concerns no ServiceAccount nothing is kept.
"""

import asyncio
from functools import partial

from curfew.admission.grants import Missing, Resolved
from curfew.admission.lent_grant import Neighbours, is_for_accounts_of, is_powerful
from curfew.objects.rbac import CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS, Binding, SubjectKind
from curfew.rbac.subjects import subjects_of
from curfew_kube.client import Client
from curfew_kube.mirror import Added, Deleted, Modified
from curfew_kube.watching import Told
from curfew_webhook.freshness import Freshness, follow
from curfew_webhook.handling import Roles

_KINDS = (ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS)
FOLLOWED = tuple(kind.plural for kind in _KINDS)


class Holders:
    """Answers what the ServiceAccounts of a namespace are; within `patience` seconds, since many
    roles may have to be read live, and a review has to be answered."""

    def __init__(
        self, client: Client, roles: Roles, freshness: Freshness, patience: float = 3.0
    ) -> None:
        self._patience = patience
        self._client = client
        self._roles = roles
        self._freshness = freshness
        self._kept: dict[tuple[str, str, str], Binding] = {}

    async def follow(self) -> None:
        """Keep up with the cluster, for ever."""
        await follow(self._client, _KINDS, Binding, self.take)

    async def neighbours(self, namespace: str) -> Neighbours:
        """What a pod in the namespace could act as; UNKNOWN where that cannot be told now."""
        if not all(self._freshness.holds(kind) for kind in FOLLOWED):
            return Neighbours.UNKNOWN
        try:
            async with asyncio.timeout(self._patience):
                return await self._strongest(namespace)
        except TimeoutError:
            return Neighbours.UNKNOWN

    async def _strongest(self, namespace: str) -> Neighbours:
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

    def take(self, plural: str, told: Told[Binding]) -> None:
        """Take one thing that the watch of a kind told."""
        self._freshness.hear(plural, told, partial(self._change, plural))

    def _change(self, plural: str, change: Added[Binding] | Modified[Binding] | Deleted) -> None:
        if isinstance(change, Deleted):
            self._kept.pop((plural, change.namespace, change.name), None)
        else:
            self._keep(plural, change.object)

    def _keep(self, plural: str, binding: Binding) -> None:
        key = (plural, binding.metadata.namespace, binding.metadata.name)
        kinds = {subject.kind for subject in subjects_of(binding)}
        if kinds & {SubjectKind.SERVICE_ACCOUNT, SubjectKind.GROUP}:
            self._kept[key] = binding
        else:
            self._kept.pop(key, None)
