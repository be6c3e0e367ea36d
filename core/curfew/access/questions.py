"""What to ask the authorizer to learn whether lent access is gone.

A few things that the role allows, writes first since they matter most, chosen when it is granted:
the role may be another, or gone, when the answer is needed.
"""

from collections.abc import Iterator

from curfew.access.api import Question
from curfew.access.world import Place
from curfew.objects.rbac import PolicyRule

_PER_ROLE = 2
_AT_MOST = 64
_LONGEST = 253  # as the schema of Question has it
_READS = frozenset({"get", "list", "watch"})


def choose(places: tuple[Place, ...]) -> tuple[Question, ...]:
    """Up to two questions for each role in each namespace, 64 in all, none twice."""
    chosen: dict[Question, None] = {}
    for place in places:
        for role in place.roles.values():
            fitting = filter(_fits, _all(role.rules or (), place.name))
            asked = sorted(fitting, key=_reads)
            chosen |= dict.fromkeys(asked[:_PER_ROLE])
    return tuple(chosen)[:_AT_MOST]


def _fits(question: Question) -> bool:
    parts = (question.verb, question.group, question.resource, question.subresource, question.name)
    return max(map(len, parts)) <= _LONGEST


def _reads(question: Question) -> bool:
    return question.verb in _READS


def _all(rules: tuple[PolicyRule, ...], namespace: str) -> Iterator[Question]:
    for rule in rules:
        for group, resource, verb in _first(rule):
            kind, _, part = resource.partition("/")
            name = rule.resource_names[0] if rule.resource_names else ""
            yield Question(
                verb=verb,
                group=group,
                resource=kind,
                subresource=part,
                name=name,
                namespace=namespace,
            )


def _first(rule: PolicyRule) -> Iterator[tuple[str, str, str]]:
    for group in rule.api_groups[:1]:
        for resource in rule.resources[:1]:
            for verb in rule.verbs:
                yield group, resource, verb
