"""Policies: whether each can be used, said in its condition Accepted."""

import msgspec

from curfew.access import problems
from curfew.access.api import AccessPolicy, AccessPolicyStatus, ConditionStatus
from curfew.access.conditions import ConditionType, condition, put
from curfew.access.lendable import Fence
from curfew_operator.clock import ServerClock
from curfew_operator.cluster import Cluster


class PolicyReconciler:
    """Judges a policy by what is there now, and writes its status when that differs."""

    def __init__(self, cluster: Cluster, clock: ServerClock, fence: Fence) -> None:
        self._cluster = cluster
        self._clock = clock
        self._fence = fence

    async def reconcile(self, name: str) -> None:
        """Look at one policy; raises KubeError."""
        policy = await self._cluster.policy(name)
        if policy is None:
            return
        status = await self._status(policy)
        if status != policy.status:
            await self._cluster.record_policy(policy, status)

    async def _status(self, policy: AccessPolicy) -> AccessPolicyStatus:
        roles = policy.spec.access.roles
        places = [await self._cluster.place(name, roles) for name in policy.spec.scope.namespaces]
        there = tuple(place for place in places if place is not None)
        found = problems.of_policy(policy, self._fence, there)
        good = ConditionStatus.FALSE if found else ConditionStatus.TRUE
        reason = found[0].reason if found else "Usable"
        words = "; ".join(str(problem) for problem in found)
        accepted = msgspec.structs.replace(
            condition(ConditionType.ACCEPTED, good, reason, words, self._clock.now()),
            observed_generation=policy.metadata.generation,
        )
        return AccessPolicyStatus(put(policy.status.conditions, accepted))
