"""What a policy is told about itself."""

import asyncio
from datetime import timedelta

import msgspec

from curfew.access.api import AccessPolicy, LentRole
from curfew.access.conditions import ConditionType, find
from curfew.objects.rbac import RoleKind
from curfew_operator.policies import PolicyReconciler
from tests.unit.core.samples import EDIT, FENCE, NOW, policy
from tests.unit.operator_edge.fake_cluster import FakeCluster


def looked_at(cluster: FakeCluster, stored: AccessPolicy | None = None) -> tuple[str, str, str]:
    """Look at the policy once: status, reason and message of Accepted."""
    if stored is not None:
        cluster.known["oncall"] = stored
    reconciler = PolicyReconciler(cluster, cluster.clock, FENCE)
    asyncio.run(reconciler.reconcile("oncall"))
    found = find(cluster.known["oncall"].status.conditions, ConditionType.ACCEPTED)
    assert found is not None
    assert found.observed_generation == cluster.known["oncall"].metadata.generation
    return found.status.value, found.reason, found.message


def test_a_policy_that_can_be_used_says_so() -> None:
    assert looked_at(FakeCluster()) == ("True", "Usable", "")


def test_a_policy_that_is_gone_is_not_written() -> None:
    cluster = FakeCluster()
    cluster.known.clear()
    asyncio.run(PolicyReconciler(cluster, cluster.clock, FENCE).reconcile("oncall"))
    assert cluster.calls == ["policy oncall"]


def test_a_policy_that_is_as_before_is_not_written_again() -> None:
    cluster = FakeCluster()
    looked_at(cluster)
    cluster.seconds += 100
    looked_at(cluster)
    assert cluster.calls.count("record_policy oncall") == 1


def test_a_policy_names_every_field_that_is_at_fault() -> None:
    nobody = LentRole(RoleKind.CLUSTER_ROLE, "cluster-admin")
    status, reason, words = looked_at(
        FakeCluster(),
        policy(roles=(EDIT, nobody), namespaces=("payments", "nowhere"), longest="soon"),
    )
    assert (status, reason) == ("False", "BadDuration")
    assert "spec.duration.max: 'soon' is no duration" in words
    assert "spec.access.roles[1]: ClusterRole cluster-admin is not lendable" in words
    assert "spec.scope.namespaces[1]: there is no namespace nowhere" in words


def test_a_role_that_is_gone_is_seen_and_its_return_too_each_with_its_time() -> None:
    cluster = FakeCluster()
    whole = dict(cluster.places)
    looked_at(cluster)
    cluster.seconds += 60
    cluster.places["payments"] = msgspec.structs.replace(whole["payments"], roles={})
    status, reason, words = looked_at(cluster)
    assert (status, reason) == ("False", "RoleNotFound")
    assert "there is no ClusterRole curfew:edit for namespace payments" in words
    cluster.seconds += 60
    cluster.places["payments"] = msgspec.structs.replace(
        whole["payments"], roles={EDIT: whole["payments"].roles[EDIT]}
    )
    looked_at(cluster)
    changed = find(cluster.known["oncall"].status.conditions, ConditionType.ACCEPTED)
    assert changed is not None
    assert changed.last_transition_time == NOW + timedelta(seconds=60)
    assert "deployer" in changed.message


def test_an_edit_that_changes_nothing_is_still_seen_as_looked_at() -> None:
    cluster = FakeCluster()
    looked_at(cluster)
    before = cluster.known["oncall"]
    meta = msgspec.structs.replace(before.metadata, generation=4)
    looked_at(cluster, msgspec.structs.replace(before, metadata=meta))
    assert cluster.calls.count("record_policy oncall") == 2
