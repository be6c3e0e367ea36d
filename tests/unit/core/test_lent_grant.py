"""lent-grant: what Curfew lends itself, beside ServiceAccounts that hold what the guard refuses."""

import pytest

from curfew.admission.findings import Admitted, Denied, Undecided
from curfew.admission.grants import Grant, Resolved
from curfew.admission.judge import judge
from curfew.admission.lent_grant import Neighbours, is_for_accounts_of, is_powerful
from curfew.objects.meta import ObjectMeta
from curfew.objects.rbac import Binding, PolicyRule, RoleKind, RoleRef, Subject, SubjectKind

_REF = RoleRef(RoleKind.CLUSTER_ROLE, "curfew:edit")
_LENT = Grant("shop", "lent", _REF, (Subject(SubjectKind.USER, "dana"),))
_EDIT = Resolved((PolicyRule(("create",), ("",), ("pods",)),), "1")
_EVERYTHING = Resolved((PolicyRule(("*",), ("*",), ("*",)),), "1")


def _binding(*subjects: Subject, namespace: str = "") -> Binding:
    return Binding(ObjectMeta(name="b", namespace=namespace), _REF, subjects)


def test_nothing_is_lent_beside_a_powerful_service_account_and_none_is_named() -> None:
    judged = judge(_LENT, _EDIT, Neighbours.POWERFUL)
    assert isinstance(judged, Denied)
    assert [finding.rule.id for finding in judged.findings] == ["lent-grant"]
    assert "a ServiceAccount of that namespace holds a wildcard" in judged.message


def test_a_namespace_that_is_not_known_is_no_finding_and_no_place_to_lend() -> None:
    judged = judge(_LENT, _EDIT, Neighbours.UNKNOWN)
    assert isinstance(judged, Undecided)
    assert "ServiceAccounts of namespace shop" in judged.message


def test_a_harmless_namespace_is_where_access_is_lent() -> None:
    assert judge(_LENT, _EDIT, Neighbours.HARMLESS) == Admitted()


def test_power_is_what_the_binding_really_carries() -> None:
    nodes = Resolved((PolicyRule(("*",), ("",), ("nodes",)),), "1")
    assert is_powerful(_binding(), _EVERYTHING)
    assert is_powerful(_binding(), nodes)
    assert not is_powerful(_binding(namespace="shop"), nodes)
    assert not is_powerful(_binding(), _EDIT)


@pytest.mark.parametrize(
    ("subject", "concerned"),
    [
        (Subject(SubjectKind.SERVICE_ACCOUNT, "default", "shop"), True),
        (Subject(SubjectKind.USER, "system:serviceaccount:shop:default"), True),
        (Subject(SubjectKind.GROUP, "system:serviceaccounts"), True),
        (Subject(SubjectKind.GROUP, "system:serviceaccounts:shop"), True),
        (Subject(SubjectKind.GROUP, "system:authenticated"), True),
        (Subject(SubjectKind.SERVICE_ACCOUNT, "default", "other"), False),
        (Subject(SubjectKind.GROUP, "system:serviceaccounts:other"), False),
        (Subject(SubjectKind.USER, "system:serviceaccounts"), False),
        (Subject(SubjectKind.GROUP, "system:masters"), False),
    ],
)
def test_accounts_of_a_namespace_gain_by_name_or_as_one_of_many(
    subject: Subject, *, concerned: bool
) -> None:
    assert is_for_accounts_of(_binding(subject), "shop") is concerned


def test_an_account_without_a_namespace_is_of_the_bindings_own() -> None:
    nameless = Subject(SubjectKind.SERVICE_ACCOUNT, "default")
    assert is_for_accounts_of(_binding(nameless, namespace="shop"), "shop")
