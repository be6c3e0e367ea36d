"""What the ServiceAccounts of a namespace hold, as far as the webhook knows."""

import asyncio

import pytest

from curfew.admission.grants import Missing, Resolution, Resolved, Unreadable
from curfew.admission.lent_grant import Neighbours
from curfew.objects.meta import ObjectMeta
from curfew.objects.rbac import Binding, PolicyRule, RoleKind, RoleRef, Subject
from curfew_kube.mirror import Added, Deleted, Modified
from curfew_kube.watching import Outage, Synced, Told
from curfew_webhook.freshness import Freshness
from curfew_webhook.holders import FOLLOWED, Holders
from curfew_webhook.metrics import Metrics
from tests.unit.core.samples import account, binding, group, user
from tests.unit.operator_edge.memory_api import MemoryApi, away

NEAR, WIDE = FOLLOWED
EVERYTHING = Resolved((PolicyRule(("*",), ("*",), ("*",)),), "1")
READS = Resolved((PolicyRule(("get",), ("",), ("pods",)),), "1")
NODES = Resolved((PolicyRule(("*",), ("",), ("nodes",)),), "1")
UNREADABLE = Unreadable("the API server is away")
OUTAGE = Outage(away("GET /rolebindings"), 1)


class Book:
    """Roles by namespace and name; what is not in it is missing."""

    def __init__(self, **roles: Resolution) -> None:
        self.roles = roles
        self.asked: list[tuple[str, str]] = []

    async def resolve(self, ref: RoleRef, namespace: str) -> Resolution:
        await asyncio.sleep(0)
        self.asked.append((namespace, ref.name))
        return self.roles.get(ref.name, Missing())


class Town:
    """Holders that were told everything there is, until a test says otherwise."""

    def __init__(self, **roles: Resolution) -> None:
        known: dict[str, Resolution] = {"power": EVERYTHING, "reader": READS, "away": UNREADABLE}
        self.book = Book(**(known | roles))
        self.freshness = Freshness(FOLLOWED, Metrics())
        self.holders = Holders(MemoryApi().client(), self.book, self.freshness)
        for plural in FOLLOWED:
            self.tell(plural, Synced(0))

    def tell(self, plural: str, *told: Told[Binding]) -> "Town":
        for one in told:
            self.holders.take(plural, one)
        return self

    def near(self, *subjects: Subject, role: str = "power", namespace: str = "shop") -> "Town":
        """A RoleBinding is there."""
        found = binding(*subjects, namespace=namespace, role=role, name=f"near-{role}")
        return self.tell(NEAR, Added(found))

    def wide(self, *subjects: Subject, role: str = "power") -> "Town":
        """A ClusterRoleBinding is there."""
        return self.tell(WIDE, Added(binding(*subjects, namespace="", role=role, name=role)))

    def of(self, namespace: str) -> Neighbours:
        return asyncio.run(self.holders.neighbours(namespace))


def test_a_namespace_whose_accounts_hold_nothing_is_harmless() -> None:
    assert Town().of("shop") is Neighbours.HARMLESS


@pytest.mark.parametrize("plural", FOLLOWED)
@pytest.mark.parametrize("powerful", [False, True])
def test_while_one_of_the_two_kinds_is_not_up_to_date_nothing_is_known(
    plural: str, *, powerful: bool
) -> None:
    town = Town()
    if powerful:
        town.wide(account("controller", "shop"))
    assert town.tell(plural, OUTAGE).of("shop") is Neighbours.UNKNOWN
    assert town.book.asked == []
    known = town.tell(plural, Synced(1)).of("shop")
    assert known is (Neighbours.POWERFUL if powerful else Neighbours.HARMLESS)


def test_before_all_is_told_nothing_is_known() -> None:
    holders = Holders(MemoryApi().client(), Book(), Freshness(FOLLOWED, Metrics()))
    holders.take(NEAR, Synced(0))
    assert asyncio.run(holders.neighbours("shop")) is Neighbours.UNKNOWN


def test_an_account_that_is_bound_to_everything_makes_its_own_namespace_powerful_only() -> None:
    town = Town().wide(account("controller", "shop"))
    assert town.of("shop") is Neighbours.POWERFUL
    assert town.of("payments") is Neighbours.HARMLESS


def test_an_account_that_is_written_as_a_user_is_the_same_account() -> None:
    town = Town().wide(user("system:serviceaccount:shop:controller"))
    assert town.of("shop") is Neighbours.POWERFUL
    assert town.of("payments") is Neighbours.HARMLESS


@pytest.mark.parametrize("name", ["system:serviceaccounts", "system:authenticated"])
def test_a_group_in_which_every_account_is_makes_every_namespace_powerful(name: str) -> None:
    town = Town().wide(group(name))
    assert town.of("shop") is Neighbours.POWERFUL
    assert town.of("payments") is Neighbours.POWERFUL


def test_the_group_of_the_accounts_of_one_namespace_is_that_namespaces_only() -> None:
    town = Town().wide(group("system:serviceaccounts:shop"))
    assert town.of("shop") is Neighbours.POWERFUL
    assert town.of("payments") is Neighbours.HARMLESS


def test_a_group_of_people_is_nobodys_account() -> None:
    assert Town().wide(group("ops")).of("shop") is Neighbours.HARMLESS


def test_a_role_binding_counts_wherever_it_is_and_by_what_it_carries_there() -> None:
    assert Town().near(account("controller")).of("shop") is Neighbours.POWERFUL
    elsewhere = Town().near(account("controller", "shop"), namespace="payments")
    assert elsewhere.of("shop") is Neighbours.POWERFUL
    assert elsewhere.of("payments") is Neighbours.HARMLESS
    assert elsewhere.book.asked == [("payments", "power")]
    nodes = Town(nodes=NODES).near(account("controller"), role="nodes")
    assert nodes.of("shop") is Neighbours.HARMLESS
    assert nodes.wide(account("controller", "shop"), role="nodes").of("shop") is Neighbours.POWERFUL


def test_what_holds_no_wildcard_is_harmless() -> None:
    assert Town().wide(account("controller", "shop"), role="reader").of("shop") is (
        Neighbours.HARMLESS
    )


def test_a_role_that_is_missing_gives_nothing() -> None:
    town = Town().wide(account("controller", "shop"), role="nobody-wrote-it")
    assert town.of("shop") is Neighbours.HARMLESS


def test_a_role_that_cannot_be_read_leaves_the_namespace_unknown() -> None:
    town = Town().wide(account("controller", "shop"), role="away")
    assert town.of("shop") is Neighbours.UNKNOWN
    assert town.of("payments") is Neighbours.HARMLESS


@pytest.mark.parametrize("first", ["away", "power", "reader"])
def test_power_that_is_known_counts_whatever_else_cannot_be_read(first: str) -> None:
    town = Town().wide(account("controller", "shop"), role=first)
    for role in ("away", "power", "reader"):
        town.wide(account("controller", "shop"), role=role)
    assert town.of("shop") is Neighbours.POWERFUL


@pytest.mark.parametrize("role", ["reader", "nobody-wrote-it"])
def test_what_is_harmless_does_not_hide_what_cannot_be_read(role: str) -> None:
    town = Town().wide(account("controller", "shop"), role="away")
    assert town.wide(account("controller", "shop"), role=role).of("shop") is Neighbours.UNKNOWN


def test_of_a_binding_for_users_alone_nothing_is_kept() -> None:
    town = Town().wide(user("dana")).near(user("dana"), user("system:kube-scheduler"))
    assert town.of("shop") is Neighbours.HARMLESS
    assert town.book.asked == []
    assert town.holders._kept == {}  # noqa: SLF001 - memory has no other face


def test_a_binding_without_subjects_is_not_kept() -> None:
    ref = RoleRef(RoleKind.CLUSTER_ROLE, "power")
    town = Town().tell(NEAR, Added(Binding(ObjectMeta(name="b", namespace="shop"), ref)))
    assert town.holders._kept == {}  # noqa: SLF001 - memory has no other face


def test_a_binding_that_is_deleted_counts_no_more() -> None:
    town = Town().wide(account("controller", "shop"))
    town.tell(WIDE, Deleted("", "another", "uid"))
    assert town.of("shop") is Neighbours.POWERFUL
    town.tell(WIDE, Deleted("", "power", "uid"), Deleted("", "power", "uid"))
    assert town.of("shop") is Neighbours.HARMLESS


def test_a_binding_of_the_same_name_of_another_kind_or_namespace_is_another() -> None:
    town = Town().near(account("controller"))
    town.tell(WIDE, Deleted("", "near-power", "uid"))
    town.tell(NEAR, Deleted("payments", "near-power", "uid"))
    assert town.of("shop") is Neighbours.POWERFUL
    assert town.tell(NEAR, Deleted("shop", "near-power", "uid")).of("shop") is Neighbours.HARMLESS


def test_the_newest_subjects_are_the_ones_that_count() -> None:
    town = Town().wide(user("dana"))
    more = binding(user("dana"), account("controller", "shop"), namespace="", role="power")
    less = binding(user("dana"), namespace="", role="power")
    assert town.tell(WIDE, Modified(more)).of("shop") is Neighbours.POWERFUL
    assert town.tell(WIDE, Modified(less)).of("shop") is Neighbours.HARMLESS


def test_roles_that_take_too_long_to_read_are_not_waited_for() -> None:
    class Slow(Book):
        async def resolve(self, ref: RoleRef, namespace: str) -> Resolution:
            await asyncio.Event().wait()
            return await super().resolve(ref, namespace)

    town = Town()
    town.holders = Holders(MemoryApi().client(), Slow(), town.freshness, patience=0.01)
    town.wide(account("controller", "shop"))
    assert town.of("shop") is Neighbours.UNKNOWN


def test_the_number_of_bindings_known_follows_what_the_watch_tells() -> None:
    metrics = Metrics()
    holders = Holders(MemoryApi().client(), Book(), Freshness(FOLLOWED, metrics))
    holders.take(NEAR, Synced(0))
    holders.take(NEAR, Added(binding(user("ann"), name="one")))
    value = metrics.registry.get_sample_value
    assert value("curfew_cache_objects", {"resource": NEAR}) == 1
    holders.take(NEAR, Deleted("payments", "one", "uid"))
    assert value("curfew_cache_objects", {"resource": NEAR}) == 0
