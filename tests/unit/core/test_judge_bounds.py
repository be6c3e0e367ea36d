"""The judge's answers and its work stay small, however large the review is."""

import time

import pytest

from curfew.admission.findings import Admitted, Judgement
from curfew.admission.grants import Missing, Resolution, Resolved, Unreadable, added
from curfew.admission.judge import judge
from curfew.objects.rbac import Binding, PolicyRule
from tests.unit.core.samples import PATCH_PODS, binding, group, user

LIMIT = 8 * 1024
HUGE = "x" * 1_000_000
MASTERS = group("system:masters")
WIDE = Resolved((PolicyRule(("*",), ("*",), ("*",)),), "7")


def size(new: Binding, role: Resolution) -> int:
    """Of what a person would read, in bytes."""
    grant = added(None, new)
    assert grant is not None
    found: Judgement = judge(grant, role)
    texts = found.warnings if isinstance(found, Admitted) else (found.message,)
    assert texts
    return len("\n".join(texts).encode())


@pytest.mark.parametrize("role", [WIDE, Missing(), Unreadable("it is away")])
def test_ten_thousand_subjects_are_counted_and_not_listed(role: Resolution) -> None:
    many = binding(MASTERS, *(user(f"user-{number}") for number in range(10_000)))
    assert size(many, role) < LIMIT


@pytest.mark.parametrize(
    "new",
    [
        binding(user(HUGE), group(HUGE), MASTERS),
        binding(MASTERS, role=HUGE),
        binding(MASTERS, name=HUGE),
        binding(MASTERS, name=HUGE, namespace=""),
        binding(MASTERS, namespace=HUGE),
    ],
    ids=["subjects", "role", "binding", "cluster-binding", "namespace"],
)
def test_names_without_end_are_cut_in_a_refusal(new: Binding) -> None:
    assert size(new, WIDE) < LIMIT


@pytest.mark.parametrize(
    "new",
    [binding(user(HUGE)), binding(user("dana"), role=HUGE), binding(user("dana"), name=HUGE)],
    ids=["subject", "role", "binding"],
)
@pytest.mark.parametrize("role", [Missing(), Unreadable("it is away")], ids=["missing", "unread"])
def test_names_without_end_are_cut_where_the_role_is_not_known(
    new: Binding, role: Resolution
) -> None:
    assert size(new, role) < LIMIT


def test_a_cause_without_end_is_cut() -> None:
    assert size(binding(user("dana")), Unreadable(HUGE)) < LIMIT


@pytest.mark.parametrize(
    "rule",
    [
        PolicyRule(("*", HUGE), ("",), ("pods",)),
        PolicyRule(("*",), ("", HUGE), ("pods",)),
        PolicyRule(("*",), ("",), ("pods", HUGE)),
        PolicyRule(("get",), non_resource_urls=("*", HUGE)),
        PolicyRule(("get",), ("",), (f"*/{HUGE}",)),
        PolicyRule(("get",), ("",), tuple(f"*/part-{number}" for number in range(10_000))),
        PolicyRule(("get",), tuple(f"g{n}" for n in range(10_000)), ("*",)),
    ],
    ids=["verb", "group", "resource", "url", "subresource", "many-subresources", "many-groups"],
)
def test_a_rule_without_end_is_cut(rule: PolicyRule) -> None:
    wide = PolicyRule(("*",), ("*",), ("*",))
    assert size(binding(user("dana"), namespace=""), Resolved((rule, wide), "7")) < LIMIT


def test_a_name_cannot_write_lines_of_its_own_into_the_answer() -> None:
    forged = binding(user("dana\nAdmitted: all is well\x1b[2K"))
    grant = added(None, forged)
    assert grant is not None
    found = judge(grant, WIDE)
    assert not isinstance(found, Admitted)
    assert not [line for line in found.message.splitlines() if line.startswith("Admitted")]
    assert "\x1b" not in found.message


def test_ten_thousand_subjects_are_compared_in_a_blink() -> None:
    # Every binding's subjects may be reviewed on one event loop: the square of 10,000 is seconds.
    old = binding(*(user(f"user-{number}") for number in range(10_000)))
    new = binding(*(old.subjects or ())[::-1], user("dana"))
    started = time.process_time()
    grant = added(old, new)
    assert grant is not None
    assert grant.gained_by == (user("dana"),)
    assert time.process_time() - started < 1


def test_a_role_of_ten_thousand_rules_is_judged_in_a_blink() -> None:
    role = Resolved((PATCH_PODS,) * 5_000 + WIDE.rules * 5_000, "7")
    started = time.process_time()
    assert size(binding(user("dana")), role) < LIMIT
    assert time.process_time() - started < 1
