"""What a person reads at `kubectl apply`: what and why in one line, the path, the way out.

Only what the review itself carries is named, and long lists are cut: an answer must neither be an
oracle nor a page.
"""

from curfew.admission.findings import Finding
from curfew.admission.grants import Grant
from curfew.admission.showing import shown
from curfew.objects.rbac import Subject
from curfew.rbac.subjects import named

_SHOWN = 3


def refused(grant: Grant, findings: tuple[Finding, ...]) -> str:
    """The whole message of a refusal, findings in the order of the rules."""
    parts = [_one(grant, finding) for finding in findings]
    return "\n".join([*parts, *_ways_out(grant, findings)])


def undecided(grant: Grant, cause: str) -> str:
    """The message where the role could not be read."""
    return (
        f"could not tell: {grant.binding} names {_role(grant)}, which cannot be read now"
        f" ({shown(cause)}). Nothing is known against it, and what is not known is not admitted."
        f" Try again shortly;"
        f" if it stays so: kubectl get pods -A -l app.kubernetes.io/name=curfew"
    )


def unknown_place(grant: Grant) -> str:
    """The message where it is not known what the ServiceAccounts of a namespace hold."""
    return (
        f"could not tell: what the ServiceAccounts of namespace {shown(grant.namespace)} hold is"
        f" not known now, so nothing is lent there. It is tried again"
    )


def _one(grant: Grant, finding: Finding) -> str:
    who = _subjects(finding.subjects)
    lines = [
        f"{finding.rule.id}: {grant.binding} would give {who} {_role(grant)}: {finding.reason}.",
        "\n    -> ".join([f"  {who}", grant.binding, _role(grant), *finding.path_end]),
    ]
    return "\n".join(lines)


def _ways_out(grant: Grant, findings: tuple[Finding, ...]) -> list[str]:
    place = f" -n {shown(grant.namespace)}" if grant.namespace else " -n NAMESPACE"
    return [
        *(f"Instead: {finding.rule.cure}." for finding in findings),
        f"To be lent power for a while: kubectl curfew request curfew:edit{place} --for 1h",
        *(f"More: kubectl curfew explain {finding.rule.id}" for finding in findings),
    ]


def _role(grant: Grant) -> str:
    return f"{grant.role.kind.value} {shown(grant.role.name)}"


def _subjects(subjects: tuple[Subject, ...]) -> str:
    first = ", ".join(shown(named(subject)) for subject in subjects[:_SHOWN])
    more = len(subjects) - _SHOWN
    return f"{first} and {more} more" if more > 0 else first
