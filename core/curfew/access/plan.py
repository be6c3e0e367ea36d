"""What to do for one request now: the whole of the operator's thinking, from values to a value.

The order is the safety: the deadline is on record before a binding exists (Pending to Granting),
bindings exist before the request says Active, they are gone before it says Revoking is over, and
it says so only with the authorizer's word for it. Whoever carries a plan out and is killed at any
step finds the same plan, or the next, when they come back.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from curfew.access import ending, problems, questions
from curfew.access.api import (
    AccessRequest,
    AccessRequestStatus,
    ConditionStatus,
    GrantedBinding,
    Passage,
    Question,
    Resolved,
    Verification,
)
from curfew.access.binding import LentBinding, bindings_for
from curfew.access.conditions import ConditionType, condition, put
from curfew.access.lifecycle import ENDS, Phase, step
from curfew.access.world import World

_HISTORY = 16


class Create(msgspec.Struct, frozen=True):
    """Create this binding; that it is there already, the same, is success."""

    binding: LentBinding


class Delete(msgspec.Struct, frozen=True):
    """Delete this binding, by its UID; that it is gone is success."""

    binding: LentBinding


class Prove(msgspec.Struct, frozen=True):
    """Ask the authorizer until it no longer answers by a binding of ours."""

    questions: tuple[Question, ...]


Step = Create | Delete | Prove


class Plan(msgspec.Struct, frozen=True):
    """Steps first, then the status; and when to look again if nothing happens (None: never)."""

    steps: tuple[Step, ...]
    status: AccessRequestStatus
    wake_at: datetime | None = None


def plan(request: AccessRequest, world: World, now: datetime) -> Plan:
    """The plan for a request at a moment of the API server's clock."""
    return _BY_PHASE[request.status.phase](request, world, now)


def _pending(request: AccessRequest, world: World, now: datetime) -> Plan:
    strays = tuple(Delete(binding) for binding in world.bindings)
    if request.spec.cancel or request.metadata.deletion_timestamp is not None:
        return Plan(strays, _accepted(request, Phase.CANCELLED, "Cancelled", "asked back", now))
    found = problems.of_request(request, world)
    if found or world.policy is None:
        words = "; ".join(str(problem) for problem in found)
        return Plan(strays, _accepted(request, Phase.FAILED, found[0].reason, words, now))
    asked = problems.duration_of(request, world.policy)
    # Whole seconds, rounded up: nobody is lent less time than they were promised.
    deadline = datetime.fromtimestamp(math.ceil((now + asked).timestamp()), UTC)
    policy = world.policy.metadata
    words = f"by AccessPolicy {policy.name}, until {deadline:%Y-%m-%dT%H:%M:%SZ}"
    status = msgspec.structs.replace(
        _accepted(request, Phase.GRANTING, "Auto", words, now),
        starts_at=now,
        expires_at=deadline,
        resolved=Resolved(
            policy_uid=policy.uid,
            policy_generation=policy.generation,
            questions=questions.choose(world.places),
        ),
    )
    return Plan(strays, status, deadline)


def _accepted(
    request: AccessRequest, phase: Phase, reason: str, words: str, now: datetime
) -> AccessRequestStatus:
    good = ConditionStatus.TRUE if phase is Phase.GRANTING else ConditionStatus.FALSE
    moved = _move(request, phase, now)
    accepted = condition(ConditionType.ACCEPTED, good, reason, words, now)
    return msgspec.structs.replace(moved, conditions=put(moved.conditions, accepted))


def _granting(request: AccessRequest, world: World, now: datetime) -> Plan:
    deadline = request.status.expires_at
    reason = ending.due(request, world, now)
    if reason is not None or deadline is None:
        return _end(request, world, reason or ending.Ending.EXPIRED, now)
    if wrong := _no_longer(request, world, now):
        refused = msgspec.structs.replace(world, refused=wrong)
        return _end(request, refused, ending.Ending.REFUSED, now)
    there = {(b.metadata.namespace, b.metadata.name): b for b in world.bindings}
    wanted = bindings_for(request, deadline)
    missing = [b for b in wanted if (b.metadata.namespace, b.metadata.name) not in there]
    if missing:
        return Plan(tuple(Create(binding) for binding in missing), request.status, deadline)
    found = [there[b.metadata.namespace, b.metadata.name] for b in wanted]
    if any(not real.gives_the_same_as(ours) for real, ours in zip(found, wanted, strict=True)):
        words = "there is a binding of that name which is not the one that was meant"
        other = msgspec.structs.replace(world, refused=words)
        return _end(request, other, ending.Ending.REFUSED, now)
    granted = tuple(
        GrantedBinding(b.metadata.namespace, b.metadata.name, b.metadata.uid) for b in found
    )
    moved = msgspec.structs.replace(_move(request, Phase.ACTIVE, now), bindings=granted)
    words = f"{len(granted)} binding(s), until {deadline:%Y-%m-%dT%H:%M:%SZ}"
    true = condition(ConditionType.GRANTED, ConditionStatus.TRUE, "Granted", words, now)
    conditions = put(moved.conditions, true)
    return Plan((), msgspec.structs.replace(moved, conditions=conditions), deadline)


def _no_longer(request: AccessRequest, world: World, now: datetime) -> str:
    # The status says that it was decided. Authority never lives there, so it is decided again.
    found = [str(problem) for problem in problems.of_request(request, world)]
    if not found and world.policy is not None:
        asked = problems.duration_of(request, world.policy)
        if not ending.is_what_was_asked(request, asked, now):
            found.append("status.expiresAt: it is later than what was asked for")
    return "; ".join(found)


def _active(request: AccessRequest, world: World, now: datetime) -> Plan:
    reason = ending.due(request, world, now)
    if reason is not None:
        return _end(request, world, reason, now)
    deadlines = (request.status.expires_at, *(b.expires_at for b in world.bindings))
    return Plan((), request.status, min(at for at in deadlines if at is not None))


def _end(request: AccessRequest, world: World, why: ending.Ending, now: datetime) -> Plan:
    deletes = tuple(Delete(binding) for binding in world.bindings)
    moved = _move(request, Phase.REVOKING, now)
    false = ConditionStatus.FALSE
    words = "being taken back; not proved yet"
    conditions = put(
        moved.conditions, condition(ConditionType.REVOKED, false, why.value, words, now)
    )
    lost = condition(ConditionType.GRANTED, false, why.value, world.refused or "taken back", now)
    conditions = put(conditions, lost)
    return Plan(deletes, msgspec.structs.replace(moved, conditions=conditions))


def _revoking(request: AccessRequest, world: World, now: datetime) -> Plan:
    if world.bindings:
        return Plan(tuple(Delete(binding) for binding in world.bindings), request.status)
    asked = request.status.resolved.questions if request.status.resolved else ()
    if world.proof is None:
        return Plan((Prove(asked),), request.status)
    why = ending.recorded(request)
    moved = _move(request, ending.PHASES[why], now)
    words = f"the authorizer refused all of {len(asked)} questions"
    if not asked:
        words = "the bindings are gone; the role allowed nothing that could be asked about"
    if world.proof.residual:
        words = f"the binding is gone; other access stands: {'; '.join(world.proof.residual)}"
    revoked = condition(ConditionType.REVOKED, ConditionStatus.TRUE, why.value, words, now)
    verification = Verification(
        layer=world.layer,
        verified_at=now,
        revoke_latency_ms=world.proof.latency_ms,
        residual=world.proof.residual,
    )
    status = msgspec.structs.replace(
        moved, conditions=put(moved.conditions, revoked), verification=verification
    )
    return Plan((), status)


def _ended(request: AccessRequest, world: World, _: datetime) -> Plan:
    return Plan(tuple(Delete(binding) for binding in world.bindings), request.status)


def _move(request: AccessRequest, phase: Phase, now: datetime) -> AccessRequestStatus:
    before = request.status
    history = (*before.history, Passage(step(before.phase, phase), now))[-_HISTORY:]
    return msgspec.structs.replace(before, phase=phase, history=history)


_BY_PHASE: dict[Phase, Callable[[AccessRequest, World, datetime], Plan]] = {
    Phase.PENDING: _pending,
    Phase.GRANTING: _granting,
    Phase.ACTIVE: _active,
    Phase.REVOKING: _revoking,
} | dict.fromkeys(ENDS, _ended)
