"""Why access ends, and what the request is called afterwards."""

import enum
from datetime import datetime, timedelta

from curfew.access.api import AccessRequest
from curfew.access.conditions import ConditionType, find
from curfew.access.lifecycle import Phase
from curfew.access.world import World

_SECOND = timedelta(seconds=1)  # times are rounded to it


class Ending(enum.Enum):
    """The first thing that ended it; the reason of the condition Revoked."""

    EXPIRED = "Expired"
    CANCELLED = "Cancelled"
    BINDING_GONE = "BindingGone"
    REFUSED = "Refused"


PHASES = {
    Ending.EXPIRED: Phase.EXPIRED,
    Ending.CANCELLED: Phase.CANCELLED,
    Ending.BINDING_GONE: Phase.REVOKED,
    Ending.REFUSED: Phase.FAILED,
}


def is_what_was_asked(request: AccessRequest, asked: timedelta, now: datetime) -> bool:
    """Whether the recorded times are those that a decision can have written."""
    begin, end = request.status.starts_at, request.status.expires_at
    created = request.metadata.creation_timestamp
    if begin is None or end is None:
        return False
    began_too_early = created is not None and begin < created - _SECOND
    begins_later = begin > now + _SECOND
    return not began_too_early and not begins_later and end <= begin + asked + _SECOND


def due(request: AccessRequest, world: World, now: datetime) -> Ending | None:
    """Why the access has to end now; None where it has not to."""
    deadlines = [request.status.expires_at, *(binding.expires_at for binding in world.bindings)]
    if any(deadline is None or deadline <= now for deadline in deadlines):
        return Ending.EXPIRED
    if request.spec.cancel or request.metadata.deletion_timestamp is not None:
        return Ending.CANCELLED
    there = {binding.metadata.uid for binding in world.bindings}
    if any(granted.uid not in there for granted in request.status.bindings):
        # Whoever took a binding away meant it; what is left of the grant goes too.
        return Ending.BINDING_GONE
    return Ending.REFUSED if world.refused else None


def recorded(request: AccessRequest) -> Ending:
    """The ending on record of a request that is Revoking."""
    condition = find(request.status.conditions, ConditionType.REVOKED)
    by_reason = {ending.value: ending for ending in Ending}
    return by_reason.get(condition.reason if condition else "", Ending.EXPIRED)
