"""Nothing of Curfew's can lock a cluster: its API server starts, and power can be taken back.

With the guard armed, its webhook down and all native policies there, one shipped role or binding
after the other is deleted, and kube-apiserver started anew: it must write it again, or it ends
itself. A sample of them is tried here; all with CURFEW_LONG=1.
"""

import os

import pytest

from localcluster import LocalCluster, chart, temporary
from tests.installed import SYSTEM, wait_until, wait_until_armed

_LONG = os.environ.get("CURFEW_LONG") == "1"
_SAMPLE = (
    "clusterrole/cluster-admin",
    "clusterrole/edit",
    "clusterrolebinding/cluster-admin",
    "clusterrole/system:kube-controller-manager",
    "rolebinding/system::leader-locking-kube-controller-manager",
)


@pytest.fixture
def down() -> LocalCluster:  # type: ignore[misc] # a generator, as pytest has it
    """Armed, with a webhook that is down."""
    with temporary() as cluster:
        chart.install(cluster)
        wait_until_armed(cluster)
        cluster.kubectl("create", "rolebinding", "mine", "--clusterrole=view", "--user=ann")
        scale = ("scale", "deployment", "-n", SYSTEM, "--all", "--replicas=0")
        cluster.kubectl(*scale)
        wait_until(lambda: cluster.pods(SYSTEM) == [], "nothing of Curfew's runs", 60)
        bind = ("create", "rolebinding", "x", "--clusterrole=view", "--user=bob")
        assert "failed calling webhook" in cluster.kubectl(*bind, check=False).stderr
        yield cluster


def _shipped(cluster: LocalCluster) -> list[str]:
    found = []
    for kind in ("clusterrole", "clusterrolebinding", "role", "rolebinding"):
        label = ("-l", "kubernetes.io/bootstrapping=rbac-defaults", "-o", "name", "-A")
        names = cluster.kubectl("get", kind, *label).stdout.split()
        found += [f"{kind}/{name.partition('/')[2]}" for name in names]
    return found


def _delete(cluster: LocalCluster, shipped: str) -> None:
    kind, _, name = shipped.partition("/")
    place = ("-n", _NAMESPACES.get(name, "kube-system")) if kind in ("role", "rolebinding") else ()
    cluster.kubectl("delete", kind, name, *place)


_NAMESPACES = {
    "system:controller:bootstrap-signer": "kube-public",
}


def test_the_api_server_starts_whatever_shipped_role_is_missing_and_deletes_work(
    down: LocalCluster,
) -> None:
    chosen = _shipped(down) if _LONG else list(_SAMPLE)
    assert set(_SAMPLE) <= set(_shipped(down))
    for shipped in chosen:
        _delete(down, shipped)
        down.restart("kube-apiserver")
        wait_until(lambda: shipped in _shipped(down), f"{shipped} is there again")  # noqa: B023 - used at once
    down.kubectl("delete", "rolebinding", "mine")


def test_the_api_server_starts_without_our_kinds_and_deletes_work(down: LocalCluster) -> None:
    down.kubectl("delete", "crd", "accesspolicies.curfew.dev", "accessrequests.curfew.dev")
    _delete(down, "clusterrole/edit")
    down.restart("kube-apiserver")
    wait_until(lambda: "clusterrole/edit" in _shipped(down), "edit is there again")
    down.kubectl("delete", "rolebinding", "mine")
    down.kubectl("create", "namespace", "goes")
    down.kubectl("delete", "namespace", "goes")


def test_the_one_emergency_command_makes_writes_possible_again(down: LocalCluster) -> None:
    down.kubectl("delete", "validatingwebhookconfiguration", "curfew")
    down.kubectl("create", "rolebinding", "x", "--clusterrole=view", "--user=bob")
