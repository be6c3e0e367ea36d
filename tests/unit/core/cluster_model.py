"""A cluster of one request, in memory, and operators that carry plans out as the real one does.

What the API server guarantees is kept faithfully: a status is written only over the version that
was read, a UID is never used twice, a delete is by UID, a name is taken once. What must hold at
every single call is asserted at that call.
"""

from datetime import datetime, timedelta

import msgspec

from curfew.access.api import AccessRequest, AccessRequestStatus, Layer
from curfew.access.binding import LentBinding
from curfew.access.lifecycle import ENDS, TRANSITIONS, Phase
from curfew.access.plan import Create, Delete, Plan, Prove, Step, plan
from curfew.access.world import Proof, World
from tests.unit.core.samples import NOW, world


class ModelCluster:
    """The API server: objects, its clock, and whether it refuses to create bindings."""

    def __init__(self, request: AccessRequest) -> None:
        self.request = request
        self.version = 1
        self.now = NOW
        self.bindings: dict[tuple[str, str], LentBinding] = {}
        self.seen_by_planning: World = world()
        self.refusing = False
        self.cause = False
        self._uids = 0

    def look(self, refused: str, proof: Proof | None) -> World:
        """What an operator reads now."""
        return msgspec.structs.replace(
            self.seen_by_planning,
            bindings=tuple(self.bindings.values()),
            refused=refused,
            proof=proof,
            layer=Layer.TIMER,
        )

    def create(self, binding: LentBinding) -> str:
        """Create a binding; the words of a refusal, or nothing."""
        deadline = self.request.status.expires_at
        assert deadline is not None, "a binding exists before its deadline is on record"
        assert binding.expires_at == deadline
        if self.refusing:
            self.cause = True
            return "a policy refuses it"
        self._uids += 1
        meta = msgspec.structs.replace(binding.metadata, uid=f"uid-{self._uids}")
        place = (meta.namespace, meta.name)
        self.bindings.setdefault(place, msgspec.structs.replace(binding, metadata=meta))
        return ""

    def delete(self, binding: LentBinding) -> None:
        """Delete a binding by its UID, which an operator or a sweep asks for."""
        assert self.cause or self.past_the_deadline(), "access ends early and without a cause"
        self._remove(binding)

    def delete_by_others(self, binding: LentBinding) -> None:
        """Somebody who may took a binding away."""
        self.cause = True
        self._remove(binding)

    def cancel(self) -> None:
        """The requester gives the access back."""
        self.cause = True
        self._write(spec=msgspec.structs.replace(self.request.spec, cancel=True))

    def take_the_policy_away(self) -> None:
        """What is granted stands on its own; what is only being granted is decided again."""
        self.cause = self.cause or self.request.status.phase is Phase.GRANTING
        self.seen_by_planning = msgspec.structs.replace(
            self.seen_by_planning,
            may_request=False,
            policy=None,
            places=(),
            identity_proved=False,
        )

    def delete_request(self) -> None:
        """Somebody deletes the request, and a finalizer holds it."""
        self.cause = True
        meta = msgspec.structs.replace(self.request.metadata, deletion_timestamp=self.now)
        self._write(metadata=meta)

    def record(self, version: int, status: AccessRequestStatus, seen: World) -> bool:
        """Write a status over the version that was read; False where that is not the newest."""
        if version != self.version:
            return False
        before = self.request.status
        assert before.phase is status.phase or status.phase in TRANSITIONS[before.phase]
        for field in ("starts_at", "expires_at", "resolved"):
            once = getattr(before, field)
            assert once is None or getattr(status, field) == once, f"{field} was written twice"
        if before.phase not in {Phase.PENDING, *ENDS} and status.phase in ENDS:
            assert before.phase is Phase.REVOKING
            assert status.verification is not None
            assert seen.proof is not None, "it is called over without the authorizer's word"
            assert not seen.bindings, "it is called over while a binding is known"
        self._write(status=status)
        return True

    def wait(self, time: timedelta) -> None:
        """The API server's clock goes on."""
        self.now += time

    def must_not_be_lent(self) -> bool:
        """Whether it was given back, or its policy went before all was granted."""
        asked = self.request
        undecided = asked.status.phase in (Phase.PENDING, Phase.GRANTING)
        given_back = asked.spec.cancel or asked.metadata.deletion_timestamp is not None
        return given_back or (undecided and self.seen_by_planning.policy is None)

    def past_the_deadline(self) -> bool:
        """Whether the access has to be gone."""
        deadline = self.request.status.expires_at
        return deadline is not None and deadline <= self.now

    def _remove(self, binding: LentBinding) -> None:
        place = (binding.metadata.namespace, binding.metadata.name)
        there = self.bindings.get(place)
        if there is not None and there.metadata.uid == binding.metadata.uid:
            del self.bindings[place]

    def _write(self, **changes: object) -> None:
        self.version += 1
        self.request = msgspec.structs.replace(self.request, **changes)


class ModelOperator:
    """An operator that does one call at a time, so that it can be killed between any two."""

    def __init__(self, cluster: ModelCluster) -> None:
        self.cluster = cluster
        self.calls = 0
        self._steps: list[Step] = []
        self._seen: World = world()
        self._version = 0
        self.kill()

    @property
    def busy(self) -> bool:
        """Whether it is in the middle of a plan."""
        return self._planned is not None

    def kill(self) -> None:
        """Forget everything, as a process that ends does."""
        self._refused = ""
        self._proof: Proof | None = None
        self._planned: Plan | None = None

    def look(self) -> Plan:
        """Read the cluster and make a plan."""
        request = self.cluster.request
        self._seen = self.cluster.look(self._refused, self._proof)
        self._version = self.cluster.version
        self._refused, self._proof = "", None
        planned = plan(request, self._seen, self.cluster.now)
        if request.status.phase in ENDS:
            assert not any(isinstance(step, Create) for step in planned.steps)
            assert planned.status == request.status
        if self.cluster.past_the_deadline():
            assert not any(isinstance(step, Create) for step in planned.steps)
        self._planned, self._steps = planned, list(planned.steps)
        return planned

    def call(self) -> None:
        """One call: the plan's next step, or, after all of them, the status."""
        assert self._planned is not None
        self.calls += 1
        if self._steps:
            self._do(self._steps.pop(0))
            return
        planned, self._planned = self._planned, None
        if planned.status != self.cluster.request.status and not self.cluster.record(
            self._version, planned.status, self._seen
        ):
            self.kill()

    def round(self) -> Plan:
        """Look, and carry the whole plan out."""
        planned = self.look()
        while self.busy:
            self.call()
        return planned

    def settle(self) -> datetime | None:
        """Round after round until there is nothing left to do; when to look again."""
        for _ in range(12):
            before = self.cluster.request.status
            planned = self.round()
            if not planned.steps and planned.status == before:
                return planned.wake_at
        raise AssertionError(f"no fixed point: {self.cluster.request.status}")

    def _do(self, step: Step) -> None:
        match step:
            case Create(binding):
                self._refused = self._refused or self.cluster.create(binding)
            case Delete(binding):
                self.cluster.delete(binding)
            case Prove():
                self._proof = None if self.cluster.bindings else Proof((), 3)
