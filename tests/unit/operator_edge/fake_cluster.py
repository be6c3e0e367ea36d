"""The operator's cluster in memory: `Cluster`'s own calls, kept as the API server keeps them.

A status is written only over the version that was read, a UID is never used twice, a name is taken
once, a delete is by UID. One clock: the API server's, which is also the operator's monotonic one.
"""

import asyncio
from collections.abc import Iterable

import msgspec

from curfew.access.api import (
    AccessPolicy,
    AccessPolicyStatus,
    AccessRequest,
    AccessRequestStatus,
    LentRole,
    Question,
)
from curfew.access.binding import LentBinding
from curfew.access.world import Place
from curfew_kube.reviews import Verdict
from curfew_operator.clock import ServerClock
from curfew_operator.cluster import Cluster
from tests.unit.core.samples import NOW, place, policy
from tests.unit.operator_edge.memory_api import MemoryApi, no


class FakeCluster(Cluster):
    """`calls` are all that came in; `failing` holds errors by call, such as `record` or `create`.

    `behind` says for how many questions the authorizer still answers by a deleted binding, and
    `standing` are the words of a binding of somebody else that allows the same. A finalizer holds
    the bindings in the namespaces of `held`: a delete is accepted, and they stay.
    """

    def __init__(self, *requests: AccessRequest) -> None:
        super().__init__(MemoryApi().client())
        self.seconds = 0.0
        self.clock = ServerClock(lambda: self.seconds)
        self.clock.see(NOW)
        self.stored = {one.metadata.name: _at(one, "1") for one in requests}
        self.known = {"oncall": policy()}
        self.places_there = {name: place(name) for name in ("payments", "shop")}
        self.bindings: dict[tuple[str, str], LentBinding] = {}
        self.allowed = True
        self.proved = True
        self.evaluation_error = ""
        self.behind = 0
        self.standing = ""
        self.held: set[str] = set()
        self.asking_takes = 0.0
        self.calls: list[str] = []
        self.failing: dict[str, BaseException] = {}
        self.dies_after: int | None = None
        self._uids = 0

    async def _call(self, name: str, about: str = "") -> None:
        await asyncio.sleep(0)
        if self.dies_after is not None and len(self.calls) >= self.dies_after:
            raise Killed
        self.calls.append(f"{name} {about}".rstrip())
        if name in self.failing:
            raise self.failing[name]

    async def request(self, name: str) -> AccessRequest | None:
        await self._call("request", name)
        return self.stored.get(name)

    async def requests(self) -> tuple[AccessRequest, ...]:
        await self._call("requests")
        return tuple(self.stored.values())

    async def policy(self, name: str) -> AccessPolicy | None:
        await self._call("policy", name)
        return self.known.get(name)

    async def policies(self) -> tuple[AccessPolicy, ...]:
        await self._call("policies")
        return tuple(self.known.values())

    async def places(self, names: Iterable[str], roles: tuple[LentRole, ...]) -> tuple[Place, ...]:
        there = []
        for name in dict.fromkeys(names):
            await self._call("place", name)
            found = self.places_there.get(name)
            if found is not None:
                known = {role: found.roles[role] for role in roles if role in found.roles}
                there.append(msgspec.structs.replace(found, roles=known))
        return tuple(there)

    async def binding(self, namespace: str, name: str) -> LentBinding | None:
        await self._call("binding", f"{namespace}/{name}")
        return self.bindings.get((namespace, name))

    async def lent_bindings(self) -> tuple[LentBinding, ...]:
        await self._call("lent_bindings")
        return tuple(one for one in self.bindings.values() if one.request_uid)

    async def create(self, binding: LentBinding) -> None:
        meta = binding.metadata
        await self._call("create", f"{meta.namespace}/{meta.name}")
        self.make(binding)

    def make(self, *bindings: LentBinding) -> None:
        """Somebody creates bindings; raises AlreadyExists."""
        for one in bindings:
            key = (one.metadata.namespace, one.metadata.name)
            if key in self.bindings:
                raise no("POST", 409, "AlreadyExists", "already exists")
            self._uids += 1
            meta = msgspec.structs.replace(one.metadata, uid=f"binding-{self._uids}")
            self.bindings[key] = msgspec.structs.replace(one, metadata=meta)

    async def delete(self, binding: LentBinding) -> bool:
        meta = binding.metadata
        await self._call("delete", f"{meta.namespace}/{meta.name}")
        there = self.bindings.get((meta.namespace, meta.name))
        if there is None:
            return False
        if there.metadata.uid != meta.uid:
            raise no("DELETE", 409, "Conflict", "the UID in the precondition is another")
        if meta.namespace not in self.held:
            del self.bindings[meta.namespace, meta.name]
        return True

    async def record(self, request: AccessRequest, status: AccessRequestStatus) -> None:
        name = request.metadata.name
        await self._call("record", status.phase.value)
        if name not in self.stored:
            raise no("PATCH", 404, "NotFound", "not found")
        if self.stored[name].metadata.resource_version != request.metadata.resource_version:
            raise no("PATCH", 422, "Invalid", "the request has changed")
        kept = msgspec.json.decode(msgspec.json.encode(status), type=AccessRequestStatus)
        self.change(msgspec.structs.replace(self.stored[name], status=kept))

    def change(self, request: AccessRequest) -> None:
        """Store another version of a request."""
        meta = request.metadata
        self.stored[meta.name] = _at(request, str(int(meta.resource_version) + 1))

    async def record_policy(self, policy: AccessPolicy, status: AccessPolicyStatus) -> None:
        await self._call("record_policy", policy.metadata.name)
        kept = msgspec.json.decode(msgspec.json.encode(status), type=AccessPolicyStatus)
        self.known[policy.metadata.name] = msgspec.structs.replace(policy, status=kept)

    async def may_request(self, request: AccessRequest) -> bool:
        await self._call("may_request", request.spec.requester.username)
        return self.allowed

    async def identity_proved(self, request: AccessRequest) -> bool:
        await self._call("identity_proved", request.metadata.name)
        return self.proved

    async def ask(self, request: AccessRequest, question: Question) -> Verdict:
        await self._call("ask", f"{question.verb} {question.resource}")
        self.seconds += self.asking_takes
        if self.evaluation_error:
            return Verdict(evaluation_error=self.evaluation_error)
        ours = [b for b in self.bindings.values() if b.request_uid == request.metadata.uid]
        if ours or self.behind:
            self.behind = max(self.behind - 1, 0)
            name = f"curfew-{request.metadata.uid}-0/payments"
            return Verdict(allowed=True, reason=f'RBAC: allowed by RoleBinding "{name}"')
        return Verdict(allowed=bool(self.standing), reason=self.standing)


class Killed(BaseException):
    """The operator's process ends here, whatever it was doing."""


def _at(request: AccessRequest, version: str) -> AccessRequest:
    meta = msgspec.structs.replace(request.metadata, resource_version=version)
    return msgspec.structs.replace(request, metadata=meta)


def written(calls: Iterable[str]) -> list[str]:
    """The calls that change something."""
    return [call for call in calls if call.split()[0] in ("create", "delete", "record")]
