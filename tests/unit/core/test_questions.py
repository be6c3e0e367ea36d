"""Questions: what is asked when access must be gone is what the role really gave."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curfew.access.api import LentRole, Question, Resolved
from curfew.access.questions import choose
from curfew.objects.rbac import PolicyRule, RoleKind
from tests.unit.core.samples import EDIT, PATCH_PODS, place

TEXTS = st.lists(st.sampled_from(["*", "get", "patch", "pods", "pods/exec", ""]), max_size=3)
RULES = st.lists(st.builds(PolicyRule, *[TEXTS.map(tuple)] * 4), max_size=4).map(tuple)


def asked(*rules: PolicyRule) -> tuple[Question, ...]:
    return choose((place(roles=(EDIT,), rules=rules),))


def test_writes_are_asked_before_reads_and_two_of_each_role() -> None:
    rule = PolicyRule(("get", "list", "delete"), ("apps",), ("deployments/scale",), ("web", "db"))
    scale = Question(
        verb="delete",
        group="apps",
        resource="deployments",
        subresource="scale",
        name="web",
        namespace="payments",
    )
    assert asked(rule) == (scale, msgspec.structs.replace(scale, verb="get"))


def test_the_rules_of_one_role_are_never_mixed() -> None:
    pods = PolicyRule(("get",), ("",), ("pods",))
    secrets = PolicyRule(("patch",), ("",), ("secrets",))
    assert [(found.verb, found.resource) for found in asked(pods, secrets)] == [
        ("patch", "secrets"),
        ("get", "pods"),
    ]


@pytest.mark.parametrize("rules", [(), None, (PolicyRule(("get",), non_resource_urls=("*",)),)])
def test_a_role_that_gives_nothing_in_a_namespace_has_no_questions(
    rules: tuple[PolicyRule, ...] | None,
) -> None:
    assert choose((place(rules=rules),)) == ()


def test_every_namespace_and_every_role_has_its_questions_and_none_is_asked_twice() -> None:
    found = choose((place("payments"), place("shop"), place("shop")))
    assert [(one.namespace, one.verb) for one in found] == [
        ("payments", "patch"),
        ("payments", "get"),
        ("shop", "patch"),
        ("shop", "get"),
    ]


@pytest.mark.parametrize("index", range(4))
def test_a_question_always_fits_the_schema_that_stores_it(index: int) -> None:
    parts = [("patch",), ("apps",), ("deployments",), ("web",)]
    parts[index] = ("x" * 300,)
    found = asked(PolicyRule(*parts))
    assert msgspec.convert(msgspec.to_builtins(found), tuple[Question, ...]) == found


def test_at_most_64_are_asked() -> None:
    roles = tuple(LentRole(RoleKind.ROLE, f"r{number}") for number in range(8))
    found = choose(
        tuple(
            place(f"n{number}", roles=roles, rules=(PATCH_PODS,), labels={}) for number in range(40)
        )
    )
    assert len(found) == 64
    stored = Resolved(policy_uid="u", policy_generation=1, questions=found)
    assert msgspec.convert(msgspec.to_builtins(stored), Resolved) == stored


@given(RULES)
def test_every_question_is_of_one_rule_that_allows_it(rules: tuple[PolicyRule, ...]) -> None:
    for one in asked(*rules):
        resource = f"{one.resource}/{one.subresource}" if one.subresource else one.resource
        assert any(
            one.verb in rule.verbs
            and one.group in rule.api_groups
            and resource in rule.resources
            and one.name in (rule.resource_names or ("",))
            for rule in rules
        )
