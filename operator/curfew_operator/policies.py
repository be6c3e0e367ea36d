"""Policies: whether each can be used, said in its condition Accepted."""

import asyncio
import logging
from collections.abc import Awaitable

import msgspec

from curfew.access import problems
from curfew.access.api import AccessPolicy, AccessPolicyStatus, ConditionStatus
from curfew.access.conditions import ConditionType, condition, put
from curfew.access.lendable import Fence
from curfew_kube.errors import KubeError
from curfew_operator.clock import NoTimeYet, ServerClock
from curfew_operator.cluster import Cluster

_LOG = logging.getLogger("curfew.operator")
_EVERY = 30.0


class PolicyReconciler:
    """Judges a policy by what is there now, and writes its status when that differs."""

    def __init__(self, cluster: Cluster, clock: ServerClock, fence: Fence) -> None:
        self._cluster = cluster
        self._clock = clock
        self._fence = fence

    async def run(self) -> None:
        """Look at every policy now and then, for ever: roles and namespaces come and go."""
        while True:
            try:
                for policy in await self._cluster.policies():
                    await self._try(policy.metadata.name, self._judge(policy))
            except KubeError as error:
                _LOG.debug("policies cannot be listed now: %s", error)
            await asyncio.sleep(_EVERY)

    async def look_at(self, name: str) -> None:
        """Look at one policy; a failure is logged, and the next look comes."""
        await self._try(name, self.reconcile(name))

    async def reconcile(self, name: str) -> None:
        """Look at one policy; raises KubeError."""
        policy = await self._cluster.policy(name)
        if policy is not None:
            await self._judge(policy)

    async def _try(self, name: str, look: Awaitable[None]) -> None:
        try:
            await look
        except (KubeError, NoTimeYet) as error:
            _LOG.debug("AccessPolicy %s: looked at again later: %s", name, error)
        except Exception:  # noqa: BLE001 - one policy must not hide the others
            _LOG.exception("AccessPolicy %s cannot be looked at", name)

    async def _judge(self, policy: AccessPolicy) -> None:
        status = await self._status(policy)
        if status != policy.status:
            await self._cluster.record_policy(policy, status)

    async def _status(self, policy: AccessPolicy) -> AccessPolicyStatus:
        roles = policy.spec.access.roles
        there = await self._cluster.places(policy.spec.scope.namespaces, roles)
        found = problems.of_policy(policy, self._fence, there)
        good = ConditionStatus.FALSE if found else ConditionStatus.TRUE
        reason = found[0].reason if found else "Usable"
        words = "; ".join(str(problem) for problem in found)
        accepted = msgspec.structs.replace(
            condition(ConditionType.ACCEPTED, good, reason, words, self._clock.now()),
            observed_generation=policy.metadata.generation,
        )
        return AccessPolicyStatus(put(policy.status.conditions, accepted))
