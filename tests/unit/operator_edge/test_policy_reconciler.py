"""What a policy is told about itself."""

import asyncio
import contextlib
from collections.abc import Iterable
from datetime import timedelta

import msgspec
import pytest

from curfew.access.api import AccessPolicy, LentRole
from curfew.access.conditions import ConditionType, find
from curfew.access.world import Place
from curfew.objects.rbac import RoleKind
from curfew_operator import policies
from curfew_operator.clock import ServerClock
from curfew_operator.policies import PolicyReconciler
from tests.unit.core.samples import EDIT, FENCE, NOW, policy
from tests.unit.operator_edge.fake_cluster import FakeCluster
from tests.unit.operator_edge.memory_api import away


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
    whole = dict(cluster.places_there)
    looked_at(cluster)
    cluster.seconds += 60
    cluster.places_there["payments"] = msgspec.structs.replace(whole["payments"], roles={})
    status, reason, words = looked_at(cluster)
    assert (status, reason) == ("False", "RoleNotFound")
    assert "there is no ClusterRole curfew:edit for namespace payments" in words
    cluster.seconds += 60
    cluster.places_there["payments"] = msgspec.structs.replace(
        whole["payments"], roles={EDIT: whole["payments"].roles[EDIT]}
    )
    looked_at(cluster)
    changed = find(cluster.known["oncall"].status.conditions, ConditionType.ACCEPTED)
    assert changed is not None
    assert changed.last_transition_time == NOW + timedelta(seconds=60)
    assert "deployer" in changed.message


def looking(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, turns: float = 0.03) -> None:
    """Let the reconciler run for a moment, looks following each other at once."""
    monkeypatch.setattr(policies, "_EVERY", 0.002)

    async def moment() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(turns):
                await PolicyReconciler(cluster, cluster.clock, FENCE).run()

    asyncio.run(moment())


def test_every_policy_is_looked_at_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster()
    meta = msgspec.structs.replace(policy().metadata, name="other")
    cluster.known["other"] = msgspec.structs.replace(policy(), metadata=meta)
    looking(cluster, monkeypatch)
    assert cluster.calls.count("policies") > 1
    assert cluster.calls.count("record_policy oncall") == 1
    assert cluster.calls.count("record_policy other") == 1


@pytest.mark.parametrize("call", ["policies", "policy", "place", "record_policy"])
def test_a_cluster_that_is_away_ends_no_look_and_is_not_told_of(
    call: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = FakeCluster()
    cluster.failing[call] = away(call)
    looking(cluster, monkeypatch)
    assert cluster.calls.count("policies") > 1
    assert caplog.records == []


def test_one_policy_that_makes_a_look_crash_does_not_hide_the_next(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = FakeCluster()
    places = cluster.places

    async def crash(names: Iterable[str], roles: tuple[LentRole, ...]) -> tuple[Place, ...]:
        if "cursed" in names:
            raise ZeroDivisionError
        return await places(names, roles)

    cluster.places = crash  # type: ignore[method-assign] # a defect of ours
    meta = msgspec.structs.replace(policy().metadata, name="bad")
    bad = msgspec.structs.replace(policy(namespaces=("cursed",)), metadata=meta)
    cluster.known = {"bad": bad, "oncall": policy()}
    looking(cluster, monkeypatch)
    assert "AccessPolicy bad cannot be looked at" in caplog.text
    assert "record_policy oncall" in cluster.calls


def test_a_clock_that_does_not_know_the_time_yet_is_waited_for() -> None:
    cluster = FakeCluster()
    reconciler = PolicyReconciler(cluster, ServerClock(lambda: 0.0), FENCE)
    asyncio.run(reconciler.look_at("oncall"))
    assert "record_policy oncall" not in cluster.calls


def test_an_edit_that_changes_nothing_is_still_seen_as_looked_at() -> None:
    cluster = FakeCluster()
    looked_at(cluster)
    before = cluster.known["oncall"]
    meta = msgspec.structs.replace(before.metadata, generation=4)
    looked_at(cluster, msgspec.structs.replace(before, metadata=meta))
    assert cluster.calls.count("record_policy oncall") == 2
