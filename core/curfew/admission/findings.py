"""What a rule says of a grant, and what becomes of the write."""

import msgspec

from curfew.objects.rbac import Subject


class Rule(msgspec.Struct, frozen=True):
    """What a person may want to know of a rule (`kubectl curfew explain`)."""

    id: str
    refuses: str
    why: str
    cure: str
    source: str


class Finding(msgspec.Struct, frozen=True):
    """A rule that does not let a grant pass: for whom, and the last step of the path to it."""

    rule: Rule
    subjects: tuple[Subject, ...]
    reason: str
    path_end: tuple[str, ...]


class Admitted(msgspec.Struct, frozen=True):
    """Nothing stands against it. `warnings` are shown to whoever writes."""

    warnings: tuple[str, ...] = ()


class Denied(msgspec.Struct, frozen=True):
    """Rules stand against it; `message` is for the person who writes."""

    findings: tuple[Finding, ...]
    message: str


class Undecided(msgspec.Struct, frozen=True):
    """It could not be told, which is a refusal as well; `message` says what to do."""

    message: str


Judgement = Admitted | Denied | Undecided
