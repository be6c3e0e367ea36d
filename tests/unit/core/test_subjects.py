"""Subjects: one identity has one form, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curfew.objects.meta import ObjectMeta
from curfew.objects.rbac import Binding, RoleKind, RoleRef, Subject, SubjectKind
from curfew.rbac.subjects import canonical, named, subjects_of
from tests.unit.core.samples import account, binding, group, user

NAMES = st.sampled_from(
    [
        "dana",
        "ci",
        "system:masters",
        "system:serviceaccount:ci:deployer",
        "system:serviceaccount:ci",
    ]
)
SUBJECTS = st.builds(
    Subject,
    st.sampled_from(SubjectKind),
    NAMES,
    st.sampled_from(["", "ci", "payments"]),
    st.sampled_from(["", "rbac.authorization.k8s.io"]),
)


def test_a_user_who_is_called_like_a_service_account_is_that_service_account() -> None:
    written = user("system:serviceaccount:ci:deployer")
    assert canonical(written, "payments") == account("deployer", "ci")


@pytest.mark.parametrize(
    "name",
    [
        "system:serviceaccount:",
        "system:serviceaccount:ci",
        "system:serviceaccount:ci:",
        "system:serviceaccount::deployer",
        "system:serviceaccount:ci:deployer:more",
        "ci:deployer",
        "System:serviceaccount:ci:deployer",
    ],
)
def test_a_user_whose_name_is_no_service_accounts_stays_a_user(name: str) -> None:
    assert canonical(user(name), "payments") == user(name)


def test_a_group_is_never_a_service_account() -> None:
    written = group("system:serviceaccount:ci:deployer")
    assert canonical(written, "payments") == written


def test_a_service_account_without_a_namespace_is_of_the_bindings_own() -> None:
    assert canonical(account("deployer"), "payments") == account("deployer", "payments")
    assert canonical(account("deployer", "ci"), "payments") == account("deployer", "ci")
    assert canonical(account("deployer"), "") == account("deployer")


def test_what_says_nothing_of_the_identity_is_left_out() -> None:
    written = Subject(SubjectKind.USER, "dana", "payments", "rbac.authorization.k8s.io")
    assert canonical(written, "shop") == user("dana")


def test_a_binding_is_for_each_subject_once_in_the_order_of_its_text() -> None:
    written = binding(
        user("system:serviceaccount:payments:robot"),
        user("dana"),
        account("robot"),
        account("robot", "payments"),
        group("dana"),
        user("dana"),
    )
    assert subjects_of(written) == (account("robot", "payments"), user("dana"), group("dana"))


def test_a_binding_without_subjects_is_for_nobody() -> None:
    role = RoleRef(RoleKind.ROLE, "helper")
    assert subjects_of(Binding(ObjectMeta(name="ops", namespace="payments"), role)) == ()


def test_a_subject_is_said_as_a_person_says_it() -> None:
    assert named(user("dana")) == "User dana"
    assert named(account("deployer", "ci")) == "ServiceAccount ci/deployer"


@given(SUBJECTS, st.sampled_from(["", "payments"]))
def test_a_canonical_subject_is_its_own_canonical_form(subject: Subject, namespace: str) -> None:
    once = canonical(subject, namespace)
    assert canonical(once, namespace) == once


@given(st.lists(SUBJECTS), st.data())
def test_order_and_repetition_do_not_change_for_whom_a_binding_is(
    subjects: list[Subject], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations([*subjects, *subjects]))
    assert set(subjects_of(binding(*subjects))) == set(subjects_of(binding(*shuffled)))
    assert len(subjects_of(binding(*shuffled))) == len(set(subjects_of(binding(*subjects))))
