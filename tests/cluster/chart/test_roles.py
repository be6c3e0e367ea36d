"""The roles that the chart ships for people, against what this API server itself ships."""

import json
from typing import Any

import pytest

from localcluster import LocalCluster

Atom = tuple[str, str, str]


def _atoms(cluster: LocalCluster, role: str) -> set[Atom]:
    found = cluster.kubectl("get", "clusterrole", role, "-o", "json").stdout
    rules: list[dict[str, Any]] = json.loads(found)["rules"]
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def _lasting(atom: Atom) -> bool:
    group, resource, verb = atom
    reads = verb in ("get", "list", "watch")
    writes_rbac = group == "rbac.authorization.k8s.io" and not reads
    return verb == "impersonate" or resource == "serviceaccounts/token" or writes_rbac


@pytest.mark.parametrize(
    ("ours", "shipped"), [("curfew:edit", "edit"), ("curfew:admin-lite", "admin")]
)
def test_a_reduced_role_is_the_shipped_one_without_what_would_last(
    guarded: LocalCluster, ours: str, shipped: str
) -> None:
    whole = _atoms(guarded, shipped)
    assert any(_lasting(atom) for atom in whole)
    assert _atoms(guarded, ours) == {atom for atom in whole if not _lasting(atom)}
