"""Conditions, set as Kubernetes sets them: the time moves only when the status does.

Source: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/
api-conventions.md#typical-status-properties
"""

import enum
from datetime import datetime

import msgspec

from curfew.access.api import Condition, ConditionStatus

_LONGEST = 4096


class ConditionType(enum.Enum):
    """What is observed of policies and requests."""

    ACCEPTED = "Accepted"
    GRANTED = "Granted"
    REVOKED = "Revoked"


def find(conditions: tuple[Condition, ...], kind: ConditionType) -> Condition | None:
    """The condition of a type, or None where it was never set."""
    return next((found for found in conditions if found.type == kind.value), None)


def put(conditions: tuple[Condition, ...], fresh: Condition) -> tuple[Condition, ...]:
    """The conditions with this one set, in the order in which they first appeared."""
    before = next((found for found in conditions if found.type == fresh.type), None)
    if before is None:
        return (*conditions, fresh)
    if before.status is fresh.status:
        since = before.last_transition_time
        fresh = msgspec.structs.replace(fresh, last_transition_time=since)
    return tuple(fresh if found is before else found for found in conditions)


def condition(
    kind: ConditionType, status: ConditionStatus, reason: str, message: str, now: datetime
) -> Condition:
    """A condition whose status changed now, if it did change."""
    since = now.replace(microsecond=0)  # as Kubernetes writes them
    return Condition(kind.value, status, reason, message[:_LONGEST], since)
