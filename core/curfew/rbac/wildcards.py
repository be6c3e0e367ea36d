"""Which wildcards of a rule grant something, read as the API server's RBAC authorizer reads them.

Source: `VerbMatches`, `APIGroupMatches`, `ResourceMatches`, `NonResourceURLMatches` in
https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/rbac/v1/evaluation_helpers.go
Granting: verb `*`, apiGroup `*`, resource `*` (its subresources too), resource `*/sub`,
nonResourceURL `*` and `/*`. Compared literally, so inert: `pods/*`, `*/*`. resourceNames `["*"]` is
compared literally too, and is no exception all the same: RBAC objects may be called `*`, and
server-side apply creates them by name, so `escalate` on that one name is cluster-admin (tried).
"""

import enum
from collections.abc import Iterator

import msgspec

from curfew.objects.rbac import PolicyRule
from curfew.rbac.builtin import CLUSTER_SCOPED, GROUPS, THROUGH_A_ROLE_BINDING


class Reach(enum.Enum):
    """How far a binding carries a rule."""

    NAMESPACE = "namespace"
    CLUSTER = "cluster"


class Wildcard(msgspec.Struct, frozen=True, gc=False):
    """A wildcard that grants: where it stands in the role, and what it says."""

    rule_index: int
    field: str
    text: str


def built_in_wildcards(rules: tuple[PolicyRule, ...], reach: Reach) -> tuple[Wildcard, ...]:
    """Every granting wildcard that reaches a group kube-apiserver serves, in the role's order."""
    return tuple(
        Wildcard(index, field, text)
        for index, rule in enumerate(rules)
        for field, text in dict.fromkeys((*_of_resources(rule, reach), *_of_urls(rule, reach)))
    )


def _of_resources(rule: PolicyRule, reach: Reach) -> Iterator[tuple[str, str]]:
    if not _can_be_asked(rule):
        return
    for group in rule.api_groups:
        for resource in rule.resources:
            if not _reaches(group, resource, reach):
                continue
            if group == "*":
                yield "apiGroups", "*"
            if resource == "*" or resource.startswith("*/"):
                yield "resources", resource
            if "*" in rule.verbs:
                yield "verbs", "*"


def _reaches(group: str, resource: str, reach: Reach) -> bool:
    if group != "*" and group not in GROUPS:
        return False
    if resource.endswith(("/*", "/")) or any(map(str.isspace, resource)):
        return False
    if reach is Reach.CLUSTER or group == "*":
        return True
    kind = (group, resource.partition("/")[0])
    return kind not in CLUSTER_SCOPED or kind in THROUGH_A_ROLE_BINDING


def _of_urls(rule: PolicyRule, reach: Reach) -> Iterator[tuple[str, str]]:
    if reach is Reach.CLUSTER and _can_be_asked(rule):
        yield from (("nonResourceURLs", url) for url in rule.non_resource_urls if _is_every(url))


def _is_every(url: str) -> bool:
    # The authorizer trims all the stars at the end and compares the beginning.
    return url.endswith("*") and url.rstrip("*") in ("", "/")


def _can_be_asked(rule: PolicyRule) -> bool:
    # Verbs are compared literally, and those of requests are in lower case.
    return any(verb == verb.lower() and not any(map(str.isspace, verb)) for verb in rule.verbs)
