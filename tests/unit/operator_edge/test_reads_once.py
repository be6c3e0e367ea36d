"""What is the same everywhere is read once: the operator's reads of roles and namespaces."""

import asyncio

from curfew.access.api import LentRole
from curfew.objects.rbac import RoleKind
from curfew_operator.cluster import Cluster
from tests.unit.operator_edge.memory_api import MemoryApi

RBAC = "/apis/rbac.authorization.k8s.io/v1"
EDIT = LentRole(RoleKind.CLUSTER_ROLE, "edit")
LOCAL = LentRole(RoleKind.ROLE, "deployer")


def test_a_cluster_role_is_read_once_however_many_namespaces_there_are() -> None:
    api = MemoryApi()
    api.put(f"{RBAC}/clusterroles/edit", {"rules": []})
    api.put(f"{RBAC}/namespaces/a/roles/deployer", {"rules": []})
    for name in ("a", "b"):
        api.put(f"/api/v1/namespaces/{name}", {"metadata": {"labels": {"team": name}}})
    names = ("a", "b", "gone", "a")
    places = asyncio.run(Cluster(api.client()).places(names, (EDIT, LOCAL)))
    assert [place.name for place in places] == ["a", "b"]
    assert [set(place.roles) for place in places] == [{EDIT, LOCAL}, {EDIT}]
    assert [place.labels for place in places] == [{"team": "a"}, {"team": "b"}]
    assert api.calls.count(f"GET {RBAC}/clusterroles/edit") == 1
    assert api.calls.count("GET /api/v1/namespaces/a") == 1
