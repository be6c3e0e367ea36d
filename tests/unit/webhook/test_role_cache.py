"""The roles that the webhook knows, and when it believes what it knows."""

import asyncio

import msgspec
import pytest

from curfew.admission.grants import Missing, Resolution, Resolved, Unreadable
from curfew.objects.meta import ObjectMeta
from curfew.objects.rbac import PolicyRule, Role, RoleKind, RoleRef
from curfew_kube.mirror import Added, Deleted, Modified
from curfew_kube.watching import Outage, Synced, Told
from curfew_webhook.freshness import Freshness
from curfew_webhook.metrics import Metrics
from curfew_webhook.roles import FOLLOWED, RoleCache
from tests.unit.operator_edge.memory_api import MemoryApi, away

LIVE = "/apis/rbac.authorization.k8s.io/v1/clusterroles/helper"
LIVE_ROLE = "/apis/rbac.authorization.k8s.io/v1/namespaces/payments/roles/helper"
HELPER = RoleRef(RoleKind.CLUSTER_ROLE, "helper")
LOCAL = RoleRef(RoleKind.ROLE, "helper")
READ = PolicyRule(verbs=("get",), api_groups=("",), resources=("pods",))
OUTAGE = Outage(away("GET /roles"), 1)


class Kept:
    """A cache in front of an API server in memory."""

    def __init__(self, patience: float = 3.0) -> None:
        self.api = MemoryApi()
        self.metrics = Metrics()
        self.freshness = Freshness(FOLLOWED, self.metrics)
        self.cache = RoleCache(self.api.client(), self.freshness, self.metrics, patience)

    def tell(self, plural: str, *told: Told[Role]) -> None:
        """Feed the cache what a watch would."""
        for one in told:
            self.cache.take(plural, one)

    def resolve(self, ref: RoleRef = HELPER, namespace: str = "payments") -> Resolution:
        return asyncio.run(self.cache.resolve(ref, namespace))

    def number(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


def role(version: str, namespace: str = "", *rules: PolicyRule) -> Role:
    meta = ObjectMeta(name="helper", namespace=namespace, resource_version=version)
    return Role(meta, rules)


def stored(*rules: PolicyRule) -> dict[str, object]:
    return {"metadata": {}, "rules": [msgspec.to_builtins(rule) for rule in rules]}


def test_a_role_that_is_told_and_synced_is_not_read_again() -> None:
    kept = Kept()
    kept.tell("clusterroles", Added(role("7", "", READ)), Synced(1))
    assert kept.resolve() == Resolved((READ,), "7")
    assert kept.api.calls == []
    assert kept.number("curfew_role_live_reads_total") == 0


def test_what_is_told_is_not_believed_before_all_of_it_is_told() -> None:
    kept = Kept()
    kept.tell("clusterroles", Added(role("7")))
    kept.api.put(LIVE, stored(READ))
    assert kept.resolve() == Resolved((READ,), "1")
    assert kept.api.calls == [f"GET {LIVE}"]
    assert kept.number("curfew_role_live_reads_total") == 1


def test_one_kind_that_is_synced_does_not_make_the_other_believed() -> None:
    kept = Kept()
    kept.tell("clusterroles", Synced(0))
    kept.tell("roles", Added(role("7", "payments")))
    assert kept.freshness.behind == ["roles"]
    assert kept.resolve(LOCAL) == Missing()
    assert kept.api.calls == [f"GET {LIVE_ROLE}"]


def test_a_role_of_another_namespace_is_another_role() -> None:
    kept = Kept()
    kept.tell("roles", Added(role("7", "shop", READ)), Synced(1))
    assert kept.resolve(LOCAL, "shop") == Resolved((READ,), "7")
    assert kept.resolve(LOCAL, "payments") == Missing()


def test_the_newest_version_that_was_told_is_the_one_that_counts() -> None:
    kept = Kept()
    kept.tell("clusterroles", Added(role("7")), Synced(1), Modified(role("8", "", READ)))
    assert kept.resolve() == Resolved((READ,), "8")


def test_a_role_that_was_deleted_is_asked_for_since_a_new_one_may_be_there() -> None:
    kept = Kept()
    kept.tell("clusterroles", Added(role("7")), Synced(1), Deleted("", "helper", "uid"))
    assert kept.resolve() == Missing()
    kept.api.put(LIVE, stored(READ))
    assert kept.resolve() == Resolved((READ,), "1")


def test_that_a_role_is_deleted_twice_does_no_harm() -> None:
    kept = Kept()
    kept.tell("clusterroles", Deleted("", "helper", "a"), Synced(0), Deleted("", "helper", "a"))
    assert kept.resolve() == Missing()


def test_a_role_without_rules_resolves_to_none() -> None:
    kept = Kept()
    kept.api.put(LIVE, {"metadata": {}, "rules": None})
    assert kept.resolve() == Resolved((), "1")


def test_an_outage_makes_every_role_read_live_until_the_next_sync() -> None:
    kept = Kept()
    kept.api.put(LIVE, stored(READ))
    kept.tell("clusterroles", Added(role("7")), Synced(1), OUTAGE)
    assert kept.resolve() == Resolved((READ,), "1")
    assert kept.number("curfew_cache_synced", resource="clusterroles") == 0
    kept.tell("clusterroles", Modified(role("9")), Synced(1))
    assert kept.resolve() == Resolved((), "9")
    assert kept.number("curfew_cache_synced", resource="clusterroles") == 1


def test_a_cluster_that_cannot_answer_makes_the_role_unreadable_in_words() -> None:
    kept = Kept()
    kept.api.failing[f"GET {LIVE}"] = away(f"GET {LIVE}")
    found = kept.resolve()
    assert isinstance(found, Unreadable)
    assert "connection refused" in found.cause


def test_a_cluster_that_never_answers_makes_the_role_unreadable_before_the_review_ends() -> None:
    kept = Kept(patience=0.01)
    kept.api.hanging.add(f"GET {LIVE}")
    assert kept.resolve() == Unreadable("the API server did not answer within 0.01 s")


def test_an_answer_that_is_no_role_makes_it_unreadable() -> None:
    kept = Kept()
    kept.api.put(LIVE, {"metadata": {}, "rules": "all of them"})
    found = kept.resolve()
    assert isinstance(found, Unreadable)
    assert "$.rules" in found.cause


@pytest.mark.parametrize(
    ("ref", "namespace"),
    [
        (LOCAL, ""),
        (RoleRef(RoleKind.CLUSTER_ROLE, "../secrets"), ""),
        (RoleRef(RoleKind.CLUSTER_ROLE, ""), ""),
    ],
    ids=["a Role bound for the whole cluster", "a path", "no name"],
)
def test_a_role_that_cannot_exist_is_unreadable_and_never_asked_for(
    ref: RoleRef, namespace: str
) -> None:
    kept = Kept()
    assert isinstance(kept.resolve(ref, namespace), Unreadable)
    assert kept.api.calls == []


def test_the_number_of_roles_known_follows_what_the_watch_tells() -> None:
    kept = Kept()
    other = Role(ObjectMeta(name="other", resource_version="8"))
    kept.tell("clusterroles", Added(role("7")), Synced(1), Added(other))
    assert kept.number("curfew_cache_objects", resource="clusterroles") == 2
    kept.tell("clusterroles", Deleted("", "helper", "a"), Deleted("", "other", "b"))
    assert kept.number("curfew_cache_objects", resource="clusterroles") == 0
