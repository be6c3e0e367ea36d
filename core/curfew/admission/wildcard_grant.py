"""wildcard-grant: nobody is given a role that holds a wildcard on what Kubernetes itself serves.

Read: the rules of the role that the binding names (never its name), and how far the binding
carries them. Refused: a verb `*`, resource `*` or `*/sub`, or apiGroup `*` that reaches a built-in
API group, and nonResourceURL `*` through a ClusterRoleBinding. Admitted: wildcards inside a
vendor's own API groups, and what only looks like one (`pods/*`). A wildcard also grants what does
not exist yet: every kind of the next release and every subresource, `pods/exec` among them.
"""

from curfew.admission.findings import Finding, Rule
from curfew.admission.grants import Grant, Resolved
from curfew.admission.showing import shown
from curfew.objects.rbac import PolicyRule
from curfew.rbac.wildcards import Wildcard, built_in_wildcards

RULE = Rule(
    id="wildcard-grant",
    refuses=(
        "a binding whose role, resolved to its rules, holds a wildcard that reaches an API group"
        " of Kubernetes itself: verb *, resource * or */sub, apiGroup *, or nonResourceURL * for"
        " the whole cluster"
    ),
    why=(
        "a wildcard also grants what nobody had in mind: secrets, exec, impersonation, and every"
        " kind that a later release adds; whoever takes that account over has all of it"
    ),
    cure="name the verbs, apiGroups and resources that are needed, or be lent power for a while",
    source=(
        "https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege;"
        " MITRE ATT&CK M1018"
    ),
)

_SHOWN = 3


def judge(grant: Grant, role: Resolved) -> Finding | None:
    """The finding, or None where no wildcard grants."""
    found = built_in_wildcards(role.rules, grant.reach)
    if not found:
        return None
    ends = [_words(role.rules[index], index, found) for index in _first_rules(found)]
    reason = "that role holds a wildcard, so it gives more than its name can say"
    return Finding(RULE, grant.gained_by, reason, tuple(ends))


def _first_rules(found: tuple[Wildcard, ...]) -> list[int]:
    return list(dict.fromkeys(wildcard.rule_index for wildcard in found))[:_SHOWN]


def _words(rule: PolicyRule, index: int, found: tuple[Wildcard, ...]) -> str:
    marks = _few(tuple(f"{w.field} {w.text}" for w in found if w.rule_index == index))
    if any(w.field == "nonResourceURLs" for w in found if w.rule_index == index):
        return f"rules[{index}]: verbs {_list(rule.verbs)} on URLs {_list(rule.non_resource_urls)}"
    return (
        f"rules[{index}]: verbs {_list(rule.verbs)} on resources {_list(rule.resources)}"
        f" of apiGroups {_list(rule.api_groups)} (wildcard: {marks})"
    )


def _list(values: tuple[str, ...]) -> str:
    quoted = tuple(value or '""' for value in values)
    return f"[{_few(quoted)}]"


def _few(values: tuple[str, ...]) -> str:
    few = ", ".join(shown(value) for value in values[:_SHOWN])
    return f"{few}, and {len(values) - _SHOWN} more" if len(values) > _SHOWN else few
