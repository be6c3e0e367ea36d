"""The life of an access request.

Two rules about this file: everything that says which state may follow which is in the table, and
nothing here knows why a request moves. Whoever wants to move asks `step`, and what the table does
not hold raises and changes nothing.

A request is Pending until it is decided. Granting means that its deadline is on record and its
bindings may already exist, so from there on every way out leads through Revoking: only a proof that
the access is gone leads to an end. The four at the bottom are never left.
"""

import enum


class Phase(enum.Enum):
    """Where a request is; `status.phase`."""

    PENDING = "Pending"
    GRANTING = "Granting"
    ACTIVE = "Active"
    REVOKING = "Revoking"
    EXPIRED = "Expired"
    REVOKED = "Revoked"
    CANCELLED = "Cancelled"
    FAILED = "Failed"


TRANSITIONS: dict[Phase, frozenset[Phase]] = {
    Phase.PENDING: frozenset({Phase.GRANTING, Phase.CANCELLED, Phase.FAILED}),
    Phase.GRANTING: frozenset({Phase.ACTIVE, Phase.REVOKING}),
    Phase.ACTIVE: frozenset({Phase.REVOKING}),
    Phase.REVOKING: frozenset({Phase.EXPIRED, Phase.REVOKED, Phase.CANCELLED, Phase.FAILED}),
    Phase.EXPIRED: frozenset(),
    Phase.REVOKED: frozenset(),
    Phase.CANCELLED: frozenset(),
    Phase.FAILED: frozenset(),
}

ENDS = frozenset(phase for phase, following in TRANSITIONS.items() if not following)


class IllegalTransition(Exception):
    """A move that the table does not hold; `before` and `after` say which."""

    def __init__(self, before: Phase, after: Phase) -> None:
        super().__init__(f"a request that is {before.value} cannot become {after.value}")
        self.before = before
        self.after = after


def step(before: Phase, after: Phase) -> Phase:
    """The phase after a move; raises IllegalTransition. Staying is always allowed."""
    if after is not before and after not in TRANSITIONS[before]:
        raise IllegalTransition(before, after)
    return after
