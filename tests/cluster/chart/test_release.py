"""helm install, upgrade and uninstall: none undoes what was done, or leaves behind what blocks."""

import json

import pytest

from localcluster import LocalCluster, RigError, chart, temporary
from tests.installed import (
    ask,
    condition,
    lend_to,
    lent_bindings,
    look,
    may,
    request,
    wait_for_phase,
    wait_until,
    wait_until_armed,
)


def test_a_release_is_upgraded_and_taken_out_and_leaves_nothing_that_blocks_or_stays() -> None:
    with temporary() as cluster:
        chart.install(cluster)
        wait_until_armed(cluster)
        dana = lend_to(cluster, "dana", "shop", "shop")
        assert ask(cluster, dana, request("one", "shop", "shop")).returncode == 0
        before = wait_for_phase(cluster, "one", "Active")
        _an_upgrade_keeps_the_guard_armed_and_the_grant(cluster)
        assert look(cluster, "one")["status"]["expiresAt"] == before["status"]["expiresAt"]
        chart.uninstall(cluster)
        _nothing_is_lent_any_more(cluster, "one")
        assert not may(cluster, dana, "create", "configmaps", "shop")
        _nothing_blocks(cluster)
        chart.install(cluster)
        wait_until_armed(cluster)
        assert ask(cluster, dana, request("two", "shop", "shop")).returncode == 0
        wait_for_phase(cluster, "two", "Active")


def _an_upgrade_keeps_the_guard_armed_and_the_grant(cluster: LocalCluster) -> None:
    longer = [
        {"kind": "ClusterRole", "name": "curfew:edit", "namespaces": ["*"]},
        {"kind": "ClusterRole", "name": "curfew:admin-lite", "matchLabels": {"team": "a"}},
    ]
    chart.install(cluster, f"--set-json=lendable={json.dumps(longer)}")
    assert chart.failure_policy(cluster) == "Fail"
    assert len(lent_bindings(cluster, "shop")) == 1


def _nothing_is_lent_any_more(cluster: LocalCluster, name: str) -> None:
    wait_until(lambda: lent_bindings(cluster, "shop") == [], "no binding stays")
    assert look(cluster, name)["status"]["phase"] == "Revoked"


def _nothing_blocks(cluster: LocalCluster) -> None:
    ours = ("validatingwebhookconfigurations", "validatingadmissionpolicies")
    more = ("validatingadmissionpolicybindings", "mutatingadmissionpolicies", "clusterroles")
    left = cluster.kubectl("get", ",".join((*ours, *more)), "-o", "name").stdout
    assert [line for line in left.splitlines() if "curfew" in line] == []
    bind = ("create", "clusterrolebinding", "x", "--clusterrole=cluster-admin", "--user=root")
    cluster.kubectl(*bind)
    cluster.kubectl("delete", "clusterrolebinding", "x")


def test_a_request_that_was_written_while_nobody_held_it_true_is_not_believed() -> None:
    with temporary() as cluster:
        chart.install(cluster)
        wait_until_armed(cluster)
        lend_to(cluster, "dana", "shop", "shop")
        chart.uninstall(cluster)
        forged = request("forged", "shop", "shop", requester={"username": "dana", "groups": []})
        # A policy that is deleted is still enforced for a moment.
        wait_until(
            lambda: ask(cluster, cluster.kubeconfig, forged).returncode == 0, "nobody refuses it"
        )
        chart.install(cluster)
        accepted = condition(wait_for_phase(cluster, "forged", "Failed"), "Accepted")
        assert accepted["reason"] == "IdentityNotProven"


def test_a_namespace_that_was_deleted_whole_is_told_of_with_the_cure() -> None:
    with temporary() as cluster:
        chart.install(cluster)
        wait_until_armed(cluster)
        cluster.kubectl("delete", "namespace", "curfew-system")
        with pytest.raises(RigError, match="delete validatingwebhookconfiguration curfew"):
            chart.install(cluster)
        cluster.kubectl("delete", "validatingwebhookconfiguration", "curfew")
        chart.install(cluster)
        wait_until_armed(cluster)
