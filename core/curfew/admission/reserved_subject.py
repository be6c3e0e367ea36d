"""reserved-subject: nobody is bound through the group `system:masters`.

Read: the subjects that the write adds. Refused: a `kind: Group` named `system:masters`, whatever
the role: the API server lets this group pass before it asks any authorizer, so a binding to it
either does nothing or hides who is meant. Admitted: a `kind: User` of that name, which is nobody.
"""

from curfew.admission.findings import Finding, Rule
from curfew.admission.grants import Grant
from curfew.objects.rbac import Subject, SubjectKind

RULE = Rule(
    id="reserved-subject",
    refuses="a binding to Group system:masters, whatever the role",
    why=(
        "members of system:masters pass every check before RBAC is asked, and that cannot be taken"
        " back from a certificate that names it; a binding to the group makes it look ordinary"
    ),
    cure="bind a group of your own identity provider, and give nobody a system:masters certificate",
    source=(
        "https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege;"
        " MITRE ATT&CK M1018"
    ),
)

_MASTERS = Subject(SubjectKind.GROUP, "system:masters")


def judge(grant: Grant) -> Finding | None:
    """The finding, or None where no reserved subject gains anything."""
    if _MASTERS not in grant.gained_by:
        return None
    reason = "system:masters is reserved: whoever is in it passes every check unseen"
    return Finding(RULE, (_MASTERS,), reason, ())
