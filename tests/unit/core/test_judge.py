"""The judge: only added power is judged, by the rules of the role and never by its name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curfew.admission.findings import Admitted, Denied, Judgement, Rule, Undecided
from curfew.admission.grants import Grant, Missing, Resolution, Resolved, Unreadable, added
from curfew.admission.judge import RULES, judge
from curfew.objects.meta import ObjectMeta
from curfew.objects.rbac import Binding, PolicyRule, RoleKind, RoleRef, Subject, SubjectKind
from curfew.rbac.subjects import subjects_of
from curfew.rbac.wildcards import Reach
from tests.unit.core.samples import PATCH_PODS, account, binding, group, user

EVERYTHING = PolicyRule(("*",), ("*",), ("*",))
WIDE = Resolved((PATCH_PODS, EVERYTHING), "7")
NARROW = Resolved((PATCH_PODS,), "7")
MASTERS = group("system:masters")
SUBJECTS = st.lists(
    st.builds(
        Subject,
        st.sampled_from(SubjectKind),
        st.sampled_from(["dana", "robot", "system:masters", "system:serviceaccount:ci:robot"]),
        st.sampled_from(["", "ci", "payments"]),
    ),
    max_size=6,
)
ROLES = st.sampled_from([WIDE, NARROW, Missing(), Unreadable("it is away")])


def gained(old: Binding | None, new: Binding) -> tuple[Subject, ...]:
    grant = added(old, new)
    return grant.gained_by if grant else ()


def judged(new: Binding, role: Resolution, old: Binding | None = None) -> Judgement:
    grant = added(old, new)
    assert grant is not None
    return judge(grant, role)


def refusal(new: Binding, role: Resolution, old: Binding | None = None) -> str:
    found = judged(new, role, old)
    assert isinstance(found, Denied)
    return found.message


def respelled(subject: Subject, namespace: str) -> Subject:
    """The same identity, written in another way where there is one."""
    if subject.kind is SubjectKind.SERVICE_ACCOUNT:
        place = subject.namespace or namespace
        return user(f"system:serviceaccount:{place}:{subject.name}")
    return Subject(subject.kind, subject.name, "elsewhere", "rbac.authorization.k8s.io")


def is_impossible(subject: Subject) -> bool:
    """Whether the API server would refuse it: a ServiceAccount's name holds no colon."""
    return subject.kind is SubjectKind.SERVICE_ACCOUNT and ":" in subject.name


def test_a_new_binding_is_a_grant_to_everybody_in_it() -> None:
    assert added(None, binding(user("dana"), group("ops"))) == Grant(
        "payments", "ops", RoleRef(RoleKind.CLUSTER_ROLE, "helper"), (user("dana"), group("ops"))
    )


def test_a_binding_that_is_for_nobody_is_no_grant() -> None:
    assert added(None, binding()) is None
    assert added(None, Binding(ObjectMeta(name="ops"), RoleRef(RoleKind.ROLE, "r"))) is None


def test_another_role_is_a_grant_to_everybody_again() -> None:
    old = binding(user("dana"), role="view")
    assert gained(old, binding(user("dana"), role="helper")) == (user("dana"),)


@given(SUBJECTS, st.data())
def test_applying_the_same_again_in_any_order_or_with_fewer_subjects_is_no_grant(
    subjects: list[Subject], data: st.DataObject
) -> None:
    old = binding(*subjects)
    fewer = data.draw(st.lists(st.sampled_from(subjects)) if subjects else st.just([]))
    assert added(old, old) is None
    assert added(old, binding(*data.draw(st.permutations(subjects)))) is None
    assert added(old, binding(*fewer)) is None


@given(SUBJECTS)
def test_another_spelling_of_the_same_subjects_is_no_grant(subjects: list[Subject]) -> None:
    robots = [*subjects, account("robot"), account("robot", "ci")]
    robots = [one for one in robots if not is_impossible(one)]
    old = binding(*robots)
    assert added(old, binding(*(respelled(one, "payments") for one in robots))) is None


@given(SUBJECTS, SUBJECTS)
def test_what_an_update_gives_is_exactly_who_was_not_there_before(
    before: list[Subject], after: list[Subject]
) -> None:
    old, new = binding(*before), binding(*after)
    expected = set(subjects_of(new)) - set(subjects_of(old))
    assert set(gained(old, new)) == expected
    assert len(gained(old, new)) == len(expected)


def test_a_namespace_makes_the_reach_and_the_name_of_the_kind() -> None:
    near, far = added(None, binding(user("dana"))), added(None, binding(MASTERS, namespace=""))
    assert near is not None
    assert far is not None
    assert (near.reach, near.binding) == (Reach.NAMESPACE, "RoleBinding payments/ops")
    assert (far.reach, far.binding) == (Reach.CLUSTER, "ClusterRoleBinding ops")


def test_an_alias_of_cluster_admin_is_refused_with_the_whole_path() -> None:
    message = refusal(binding(user("dana"), role="innocent"), WIDE)
    lines = message.splitlines()
    assert lines[0] == (
        "wildcard-grant: RoleBinding payments/ops would give User dana ClusterRole innocent:"
        " that role holds a wildcard, so it gives more than its name can say."
    )
    assert lines[1:4] == [
        "  User dana",
        "    -> RoleBinding payments/ops",
        "    -> ClusterRole innocent",
    ]
    assert lines[4] == (
        "    -> rules[1]: verbs [*] on resources [*] of apiGroups [*]"
        " (wildcard: apiGroups *, resources *, verbs *)"
    )
    assert lines[5].startswith("Instead: name the verbs, apiGroups and resources")
    assert lines[6:] == [
        "To be lent power for a while: kubectl curfew request curfew:edit -n payments --for 1h",
        "More: kubectl curfew explain wildcard-grant",
    ]


def test_a_url_wildcard_is_told_as_urls_and_counts_for_the_whole_cluster_only() -> None:
    role = Resolved((PolicyRule(("get",), non_resource_urls=("*", "/healthz")),), "1")
    assert "rules[0]: verbs [get] on URLs [*, /healthz]" in refusal(
        binding(user("dana"), namespace=""), role
    )
    assert judged(binding(user("dana")), role) == Admitted()


def test_a_long_rule_and_many_rules_are_cut_and_the_core_group_is_quoted() -> None:
    rule = PolicyRule(("a", "b", "c", "d", "e"), ("",), ("*",))
    message = refusal(binding(user("dana")), Resolved((rule,) * 9, "1"))
    assert 'verbs [a, b, c, and 2 more] on resources [*] of apiGroups [""]' in message
    assert "rules[2]" in message
    assert "rules[3]" not in message


def test_a_role_without_wildcards_is_admitted_without_a_word() -> None:
    assert judged(binding(user("dana"), role="cluster-admin"), NARROW) == Admitted()


@pytest.mark.parametrize("role", [WIDE, NARROW, Missing(), Unreadable("it is away")])
def test_the_group_system_masters_is_refused_whatever_the_role(role: Resolution) -> None:
    found = judged(binding(user("dana"), MASTERS), role)
    assert isinstance(found, Denied)
    assert found.findings[0].rule.id == "reserved-subject"
    assert found.findings[0].subjects == (MASTERS,)
    assert found.message.startswith(
        "reserved-subject: RoleBinding payments/ops would give Group system:masters"
    )


def test_a_user_or_service_account_of_that_name_is_nobody_and_admitted() -> None:
    named_alike = binding(user("system:masters"), account("system:masters"))
    assert judged(named_alike, NARROW) == Admitted()


def test_system_masters_that_was_bound_before_is_not_held_against_a_new_subject() -> None:
    old = binding(MASTERS)
    assert judged(binding(MASTERS, user("dana")), NARROW, old) == Admitted()


def test_every_rule_that_refuses_is_told_in_the_order_of_the_rules() -> None:
    found = judged(binding(MASTERS), WIDE)
    assert isinstance(found, Denied)
    assert [finding.rule for finding in found.findings] == [RULES[0], RULES[1]]
    assert found.message.index("reserved-subject:") < found.message.index("wildcard-grant:")


def test_a_role_that_is_missing_is_admitted_with_a_warning() -> None:
    found = judged(binding(user("dana"), role="later"), Missing())
    words = (
        "RoleBinding payments/ops names ClusterRole later, which does not exist: it gives"
        " nothing until somebody writes that role"
    )
    assert found == Admitted((words,))


def test_a_role_that_cannot_be_read_is_undecided_and_nobody_is_accused() -> None:
    found = judged(binding(user("dana")), Unreadable("etcd is away"))
    assert isinstance(found, Undecided)
    assert found.message.startswith("could not tell: RoleBinding payments/ops names ClusterRole")
    assert "etcd is away" in found.message


def test_an_update_that_adds_one_subject_names_only_that_one() -> None:
    old = binding(user("erin"), group("ops"))
    message = refusal(binding(user("erin"), group("ops"), user("dana")), WIDE, old)
    assert "User dana" in message
    assert "erin" not in message
    assert "Group ops" not in message


def test_who_has_no_namespace_yet_is_told_where_to_put_it() -> None:
    assert "request curfew:edit -n NAMESPACE" in refusal(binding(user("dana"), namespace=""), WIDE)


@given(SUBJECTS.filter(bool), ROLES)
def test_only_a_role_that_is_known_and_harmless_is_admitted_without_a_word(
    subjects: list[Subject], role: Resolution
) -> None:
    found = judged(binding(*subjects), role)
    harmless = role == NARROW and MASTERS not in subjects_of(binding(*subjects))
    assert (found == Admitted()) == harmless


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_says_what_why_and_what_instead(rule: Rule) -> None:
    assert all((rule.id, rule.refuses, rule.why, rule.cure))
    assert rule.source.startswith("https://")
