"""The judge: every rule over the power that a write adds; the first thing to read.

`added` (grants) says what is given, the caller resolves the role, `judge` decides.
"""

from curfew.admission import lent_grant, reserved_subject, wildcard_grant, wording
from curfew.admission.findings import Admitted, Denied, Finding, Judgement, Rule, Undecided
from curfew.admission.grants import Grant, Missing, Resolution, Resolved, Unreadable
from curfew.admission.lent_grant import Neighbours
from curfew.admission.showing import shown

RULES: tuple[Rule, ...] = (reserved_subject.RULE, wildcard_grant.RULE, lent_grant.RULE)


def judge(
    grant: Grant, role: Resolution, neighbours: Neighbours = Neighbours.HARMLESS
) -> Judgement:
    """Judge one grant. What is not known is no reason to admit, nor to accuse.

    `neighbours` is looked at for what Curfew lends itself; HARMLESS for everybody else's bindings.
    """
    findings = _findings(grant, role, neighbours)
    if findings:
        return Denied(findings, wording.refused(grant, findings))
    if isinstance(role, Unreadable):
        return Undecided(wording.undecided(grant, role.cause))
    if neighbours is Neighbours.UNKNOWN:
        return Undecided(wording.unknown_place(grant))
    if isinstance(role, Missing):
        return Admitted((_dangling(grant),))
    return Admitted()


def _findings(grant: Grant, role: Resolution, neighbours: Neighbours) -> tuple[Finding, ...]:
    found = [reserved_subject.judge(grant)]
    if isinstance(role, Resolved):
        found.append(wildcard_grant.judge(grant, role))
    found.append(lent_grant.judge(grant, neighbours))
    return tuple(finding for finding in found if finding is not None)


def _dangling(grant: Grant) -> str:
    return (
        f"{grant.binding} names {grant.role.kind.value} {shown(grant.role.name)}, which does not"
        f" exist: it gives nothing until somebody writes that role"
    )
