"""lent-grant: nothing is lent in a namespace whose ServiceAccounts hold what the guard refuses.

Read: the binding that Curfew's own operator writes, and what the ServiceAccounts of its namespace
hold, by whatever binding. Refused: lending there, because whoever may run a pod in a namespace acts
as any of its ServiceAccounts: `curfew:edit` beside a controller that is cluster-admin is
cluster-admin. Admitted: every other namespace; and bindings of everybody else, whom the other rules
judge. A stolen token of the operator is held to the same, so this is its second check.
"""

import enum

from curfew.admission.findings import Finding, Rule
from curfew.admission.grants import Grant, Resolved
from curfew.objects.rbac import Binding, Subject, SubjectKind
from curfew.rbac.subjects import subjects_of
from curfew.rbac.wildcards import Reach, built_in_wildcards

RULE = Rule(
    id="lent-grant",
    refuses=(
        "lending access in a namespace in which a ServiceAccount holds a wildcard that"
        " wildcard-grant would refuse"
    ),
    why=(
        "whoever may run a pod in a namespace acts as any ServiceAccount of it, so what is lent"
        " there is as strong as the strongest of them"
    ),
    cure="run what is that powerful in a namespace of its own, or give it what it needs by name",
    source=(
        "https://kubernetes.io/docs/concepts/security/rbac-good-practices/#workload-creation;"
        " MITRE ATT&CK M1018"
    ),
)

_ALL_ACCOUNTS = "system:serviceaccounts"
_EVERYBODY = "system:authenticated"


class Neighbours(enum.Enum):
    """The ServiceAccounts of a namespace, as the guard sees them."""

    HARMLESS = "harmless"
    POWERFUL = "powerful"
    UNKNOWN = "unknown"


def is_powerful(binding: Binding, role: Resolved) -> bool:
    """Whether what the binding gives is what wildcard-grant refuses."""
    reach = Reach.NAMESPACE if binding.metadata.namespace else Reach.CLUSTER
    return bool(built_in_wildcards(role.rules, reach))


def is_for_accounts_of(binding: Binding, namespace: str) -> bool:
    """Whether a ServiceAccount of the namespace gains by the binding, by name or as one of many."""
    return any(_is_of(subject, namespace) for subject in subjects_of(binding))


def judge(grant: Grant, neighbours: Neighbours) -> Finding | None:
    """The finding, or None where the namespace is harmless (or not known: that is no finding)."""
    if neighbours is not Neighbours.POWERFUL:
        return None
    reason = "a ServiceAccount of that namespace holds a wildcard, and a pod there can act as it"
    return Finding(RULE, grant.gained_by, reason, ())


def _is_of(subject: Subject, namespace: str) -> bool:
    if subject.kind is SubjectKind.SERVICE_ACCOUNT:
        return subject.namespace == namespace
    groups = (_EVERYBODY, _ALL_ACCOUNTS, f"{_ALL_ACCOUNTS}:{namespace}")
    return subject.kind is SubjectKind.GROUP and subject.name in groups
