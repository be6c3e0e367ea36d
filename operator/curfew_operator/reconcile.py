"""One request, brought to where it should be: look, plan, act, and look again until all is done.

All thinking is in `curfew.access.plan`. What is done here can be done twice, by two operators, or
half, by one that is killed: the next look finds out.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

import msgspec

from curfew.access.api import AccessRequest, Layer, Question
from curfew.access.binding import LentBinding, bindings_for
from curfew.access.lendable import Fence
from curfew.access.lifecycle import Phase
from curfew.access.plan import Create, Delete, Plan, Prove, plan
from curfew.access.world import Proof, World
from curfew_kube.errors import AlreadyExists, Forbidden, Invalid, KubeError, NotFound
from curfew_operator.clock import ServerClock
from curfew_operator.cluster import Cluster

_AT_MOST = 12
_PROOF_WITHIN = 5.0
_ASK_AGAIN = 0.02
_REMEMBERED = 10_000


class NotProvedYet(Exception):
    """The authorizer still answers by a binding that is deleted: its cache is behind. Try again."""


class Reconciler:
    """Reconciles requests by name. Remembers, for the record only, who deleted what first."""

    def __init__(
        self,
        cluster: Cluster,
        clock: ServerClock,
        fence: Fence,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._fence = fence
        self._monotonic = monotonic
        self._ended: dict[str, tuple[Layer, float]] = {}
        self._lent: dict[str, tuple[LentBinding, ...]] = {}

    async def end(self, binding: LentBinding, layer: Layer) -> None:
        """Delete a binding now, by its UID; the one call between a deadline and its effect."""
        if not await self._cluster.delete(binding):
            return  # somebody else was first
        if len(self._ended) >= _REMEMBERED:
            self._ended.clear()
        self._ended.setdefault(binding.request_uid, (layer, self._monotonic()))

    async def reconcile(self, name: str, layer: Layer) -> datetime | None:
        """Do what there is to do; returns when to look again. Raises KubeError, NotProvedYet."""
        await self._end_what_is_due(name, layer)
        proof, refused = None, ""
        for _ in range(_AT_MOST):
            request = await self._cluster.request(name)
            if request is None:
                return None
            world = await self._look(request, proof, refused)
            if world.bindings:
                self._lent[name] = world.bindings
            planned = plan(request, world, self._clock.now())
            proof, refused = await self._act(request, planned, layer)
            if planned.status != request.status:
                await self._record(request, planned)
            elif not planned.steps:
                return planned.wake_at
        raise NotProvedYet(f"{name} is not where it should be after {_AT_MOST} rounds")

    async def _end_what_is_due(self, name: str, layer: Layer) -> None:
        """Between a deadline and the delete stands nothing, not even a look."""
        lent = self._lent.pop(name, ())
        if lent:
            now = self._clock.now()
            await self._end_all([one for one in lent if one.is_due(now)], layer)

    async def _end_all(self, bindings: list[LentBinding], layer: Layer) -> None:
        """One that cannot be deleted holds up no other; raises its error when all were tried."""
        failed: KubeError | None = None
        for binding in bindings:
            try:
                await self.end(binding, layer)
            except KubeError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    async def _record(self, request: AccessRequest, planned: Plan) -> None:
        try:
            await self._cluster.record(request, planned.status)
        except NotFound:
            return  # deleted meanwhile; its bindings go with it

    async def _look(self, request: AccessRequest, proof: Proof | None, refused: str) -> World:
        bindings = [
            found
            for wanted in bindings_for(request, self._clock.now())
            if (
                found := await self._cluster.binding(
                    wanted.metadata.namespace, wanted.metadata.name
                )
            )
            and found.request_uid == request.metadata.uid
        ]
        layer, _ = self._ended.get(request.metadata.uid, (Layer.ELSEWHERE, 0.0))
        world = World(
            fence=self._fence,
            bindings=tuple(bindings),
            refused=refused,
            proof=proof,
            layer=layer,
        )
        return await self._decisive(request, world) if _undecided(request) else world

    async def _decisive(self, request: AccessRequest, world: World) -> World:
        policy = await self._cluster.policy(request.spec.policy_ref.name)
        roles = tuple(dict.fromkeys(request.spec.access.roles))
        return msgspec.structs.replace(
            world,
            policy=policy,
            places=await self._cluster.places(request.spec.scope.namespaces, roles),
            may_request=await self._cluster.may_request(request),
            identity_proved=await self._cluster.identity_proved(request),
        )

    async def _act(
        self, request: AccessRequest, planned: Plan, layer: Layer
    ) -> tuple[Proof | None, str]:
        proof, refused = None, ""
        deletes = [step.binding for step in planned.steps if isinstance(step, Delete)]
        await self._end_all(deletes, layer)
        for step in planned.steps:
            match step:
                case Create(binding):
                    refused = refused or await self._create(binding)
                case Prove(questions):
                    proof = await self._prove(request, questions)
        return proof, refused

    async def _create(self, binding: LentBinding) -> str:
        try:
            await self._cluster.create(binding)
        except AlreadyExists:
            return await self._whose(binding)
        except (Forbidden, Invalid, NotFound) as error:
            return error.status.message
        return ""

    async def _whose(self, ours: LentBinding) -> str:
        meta = ours.metadata
        there = await self._cluster.binding(meta.namespace, meta.name)
        if there is None or there.request_uid == ours.request_uid:
            return ""  # the next look tells whether it is the one that was meant
        return f"RoleBinding {meta.namespace}/{meta.name} is there already, and is not Curfew's"

    async def _prove(self, request: AccessRequest, questions: tuple[Question, ...]) -> Proof:
        started = self._monotonic()
        _, deleted = self._ended.get(request.metadata.uid, (Layer.ELSEWHERE, started))
        ours = f"curfew-{request.metadata.uid}-"
        while True:
            residual = []
            for question in questions:
                verdict = await self._cluster.ask(request, question)
                if verdict.evaluation_error:
                    raise NotProvedYet(f"could not tell: {verdict.evaluation_error}")
                if verdict.allowed:
                    residual.append(_words(question, verdict.reason))
            if not any(ours in words for words in residual):
                return Proof(tuple(residual), round((self._monotonic() - deleted) * 1000))
            if self._monotonic() - started > _PROOF_WITHIN:
                raise NotProvedYet(f"still allowed by a deleted binding: {residual[0]}")
            await asyncio.sleep(_ASK_AGAIN)


def _undecided(request: AccessRequest) -> bool:
    return request.status.phase in (Phase.PENDING, Phase.GRANTING) and not request.spec.cancel


def _words(question: Question, reason: str) -> str:
    what = f"{question.verb} {question.resource}"
    part = f"/{question.subresource}" if question.subresource else ""
    return f"{what}{part} in {question.namespace} ({reason or 'no reason given'})"[:1024]
