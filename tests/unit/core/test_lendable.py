"""The fence: what is not in the list is not lent, whatever a policy says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curfew.access.api import LentRole
from curfew.access.lendable import SYSTEM_NAMESPACES, Fence, Lendable
from curfew.objects.rbac import RoleKind
from tests.unit.core.samples import DEPLOYER, EDIT, FENCE

HOME = "curfew-system"
NAMESPACES = st.sampled_from(["payments", "shop", HOME, *sorted(SYSTEM_NAMESPACES)])
LABELS = st.dictionaries(st.sampled_from(["lend", "team"]), st.sampled_from(["yes", "no"]))
ENTRIES = st.lists(
    st.builds(
        Lendable,
        kind=st.sampled_from(RoleKind),
        name=st.sampled_from(["curfew:edit", "deployer"]),
        namespaces=st.lists(st.one_of(NAMESPACES, st.just("*")), max_size=3).map(tuple),
        match_labels=LABELS,
    ),
    max_size=3,
).map(tuple)
ROLES = st.sampled_from([EDIT, DEPLOYER])


def labelled(**labels: str) -> Fence:
    entry = Lendable(kind=EDIT.kind, name=EDIT.name, match_labels=labels)
    return Fence((entry,), HOME)


def test_a_role_is_lent_in_the_namespaces_that_its_entry_names() -> None:
    assert FENCE.holds(DEPLOYER, "shop", {})
    assert not FENCE.holds(DEPLOYER, "ledger", {})


def test_a_star_means_every_namespace_that_is_not_the_systems() -> None:
    assert FENCE.holds(EDIT, "any-at-all", {})


@pytest.mark.parametrize("namespace", [*sorted(SYSTEM_NAMESPACES), HOME])
def test_nothing_is_lent_in_the_systems_namespaces_or_curfews_own(namespace: str) -> None:
    named = Lendable(kind=EDIT.kind, name=EDIT.name, namespaces=(namespace, "*"))
    by_label = Lendable(kind=EDIT.kind, name=EDIT.name, match_labels={"lend": "yes"})
    assert not Fence((named, by_label), HOME).holds(EDIT, namespace, {"lend": "yes"})


def test_a_role_of_the_same_name_but_the_other_kind_is_another_role() -> None:
    assert not FENCE.holds(LentRole(RoleKind.ROLE, EDIT.name), "payments", {})
    assert not FENCE.holds(LentRole(EDIT.kind, "curfew:edit2"), "payments", {})


def test_labels_must_all_match() -> None:
    fence = labelled(lend="yes", team="payments")
    assert fence.holds(EDIT, "payments", {"lend": "yes", "team": "payments", "more": "x"})
    assert not fence.holds(EDIT, "payments", {"lend": "yes"})
    assert not fence.holds(EDIT, "payments", {"lend": "yes", "team": "shop"})


def test_an_entry_without_namespaces_and_labels_lends_nowhere() -> None:
    assert not labelled().holds(EDIT, "payments", {"lend": "yes"})


@given(ENTRIES, ROLES, NAMESPACES, LABELS)
def test_an_entry_more_never_lends_less_and_no_entry_opens_the_system(
    entries: tuple[Lendable, ...], role: LentRole, namespace: str, labels: dict[str, str]
) -> None:
    held = [Fence(entries[:count], HOME).holds(role, namespace, labels) for count in range(4)]
    assert held == sorted(held)
    assert not held[0]
    if namespace in {*SYSTEM_NAMESPACES, HOME}:
        assert not held[-1]
