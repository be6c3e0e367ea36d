"""The CRDs: what a type says is what the API server enforces."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
import pytest

from curfew.access.api import (
    AccessPolicy,
    AccessPolicyStatus,
    AccessRequest,
    AccessRequestStatus,
    Condition,
    ConditionStatus,
    GrantedBinding,
    Layer,
    Passage,
    Question,
    Resolved,
    Verification,
)
from curfew.access.lifecycle import Phase
from curfew.access.schema import KINDS, Kind, Schema, crd
from tests.unit.core.samples import NOW, policy, request

POLICY, REQUEST = KINDS
CONDITION = Condition("Granted", ConditionStatus.TRUE, "Granted", "one", NOW, 2)
WHOLE = AccessRequestStatus(
    phase=Phase.EXPIRED,
    conditions=(CONDITION,),
    resolved=Resolved(
        policy_uid="u",
        policy_generation=1,
        questions=(
            Question(
                verb="get",
                group="apps",
                resource="deployments",
                subresource="scale",
                name="web",
                namespace="shop",
            ),
        ),
    ),
    starts_at=NOW,
    expires_at=NOW,
    bindings=(GrantedBinding("shop", "b", "u"),),
    verification=Verification(
        layer=Layer.TIMER, verified_at=NOW, revoke_latency_ms=3, residual=("get pods",)
    ),
    history=(Passage(Phase.GRANTING, NOW),),
)


def root(kind: Kind) -> Schema:
    (version,) = crd(kind)["spec"]["versions"]
    found: Schema = version["schema"]["openAPIV3Schema"]
    return found


def at(kind: Kind, path: str) -> Schema:
    node = root(kind)
    for name in path.split("."):
        node = node["properties"][name]
    return node


def nodes(node: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    yield path, node
    for name, below in node.get("properties", {}).items():
        yield from nodes(below, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Of every field of an object as JSON holds it."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield f"{path}.{name}"
            yield from paths(below, f"{path}.{name}")
    elif isinstance(value, list):
        for below in value:
            yield from paths(below, f"{path}[]")


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_structural(kind: Kind) -> None:
    for path, node in nodes(root(kind)):
        assert node["type"] in {"object", "array", "string", "integer", "boolean"}, path
        assert not {"$ref", "anyOf", "oneOf", "allOf", "title"} & set(node), path
        assert (node["type"] == "array") == ("items" in node), path
        assert set(node.get("required", ())) <= set(node.get("properties", {})), path


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_a_person_writes_has_a_bound(kind: Kind) -> None:
    for path, node in nodes(root(kind)):
        if path.startswith((".spec", ".status")):
            bounded = {"maxLength", "enum", "format"} & set(node)
            assert node["type"] != "string" or bounded, path
            assert node["type"] != "array" or "maxItems" in node, path


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_cluster_scoped_kept_at_uninstall_and_has_a_status_of_its_own(
    kind: Kind,
) -> None:
    found = crd(kind)
    (version,) = found["spec"]["versions"]
    assert found["spec"]["scope"] == "Cluster"
    assert found["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert version["subresources"] == {"status": {}}
    assert (version["name"], version["served"], version["storage"]) == ("v1alpha1", True, True)
    assert root(kind)["required"] == ["spec"]
    assert root(kind)["properties"]["metadata"] == {"type": "object"}
    assert "default" not in at(kind, "status")


def test_the_names_are_those_that_the_paths_and_people_use() -> None:
    assert [crd(kind)["metadata"]["name"] for kind in KINDS] == [
        "accesspolicies.curfew.dev",
        "accessrequests.curfew.dev",
    ]
    assert crd(REQUEST)["spec"]["names"] == {
        "kind": "AccessRequest",
        "listKind": "AccessRequestList",
        "plural": "accessrequests",
        "singular": "accessrequest",
        "shortNames": ["areq"],
        "categories": ["curfew"],
    }


@pytest.mark.parametrize("field", ["startsAt", "expiresAt", "resolved"])
def test_what_is_written_once_is_held_at_the_root_where_taking_status_away_does_not_help(
    field: str,
) -> None:
    rules = [rule["rule"] for rule in root(REQUEST)["x-kubernetes-validations"]]
    assert (
        f"!has(oldSelf.status) || !has(oldSelf.status.{field})"
        f" || (has(self.status) && has(self.status.{field})"
        f" && self.status.{field} == oldSelf.status.{field})"
    ) in rules
    assert "x-kubernetes-validations" not in at(REQUEST, "status")


def test_nothing_in_the_spec_can_be_changed_but_cancel_one_way() -> None:
    spec = at(REQUEST, "spec")
    by_field = {rule["fieldPath"]: rule for rule in spec["x-kubernetes-validations"]}
    assert set(by_field) == {f".{name}" for name in spec["properties"]}
    cancel = by_field.pop(".cancel")
    assert cancel["rule"] == (
        "!(has(oldSelf.cancel) && oldSelf.cancel) || (has(self.cancel) && self.cancel)"
    )
    for path, rule in by_field.items():
        name = path.removeprefix(".")
        assert rule["rule"] == (
            f"has(self.{name}) == has(oldSelf.{name})"
            f" && (!has(self.{name}) || self.{name} == oldSelf.{name})"
        )
        assert rule["message"] == f"{name} cannot be changed: make a new request"


def test_what_must_be_said_is_required_and_the_rest_has_defaults() -> None:
    assert at(REQUEST, "spec")["required"] == ["policyRef", "requester", "access", "scope"]
    assert at(REQUEST, "spec.requester")["required"] == ["username"]
    assert at(POLICY, "spec")["required"] == ["access", "scope"]
    assert at(POLICY, "spec.duration")["default"] == {"default": "1h", "max": "8h"}
    assert at(POLICY, "spec.approval.mode")["default"] == "Auto"
    assert at(REQUEST, "status.phase")["default"] == "Pending"
    assert at(REQUEST, "status.phase")["enum"] == [phase.value for phase in Phase]


def test_bounds_and_descriptions_come_from_the_type() -> None:
    roles = at(POLICY, "spec.access.roles")
    assert (roles["minItems"], roles["maxItems"]) == (1, 8)
    assert roles["items"]["properties"]["kind"]["enum"] == ["Role", "ClusterRole"]
    duration = at(REQUEST, "spec.duration")
    assert duration["description"] == "A duration as Go writes it: 90s, 30m, 1h30m."
    conditions = at(POLICY, "status.conditions")
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert "type" in conditions["items"]["required"]


def reads(name: str, namespace: str = "payments") -> bool:
    """Whether the operator reads a policy with these names, as its schema has them."""
    body = {
        "metadata": {"name": "oncall"},
        "spec": {
            "access": {"roles": [{"kind": "Role", "name": name}]},
            "scope": {"namespaces": [namespace]},
        },
    }
    try:
        msgspec.convert(body, AccessPolicy)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("curfew:edit", True),
        ("system:controller:job.v1", True),
        ("a..b", True),
        ("*", True),
        ("", False),
        (".", False),
        ("..", False),
        ("../secrets", False),
        ("a/b", False),
        ("a%2fb", False),
    ],
)
def test_a_name_that_could_change_a_path_is_not_read(name: str, *, good: bool) -> None:
    assert reads(name) is good


@pytest.mark.parametrize(
    ("namespace", "good"),
    [
        ("payments", True),
        ("a", True),
        ("a-1", True),
        ("-a", False),
        ("a-", False),
        ("Payments", False),
        ("a.b", False),
        ("*", False),
        ("", False),
        ("a" * 64, False),
    ],
)
def test_a_namespace_is_called_as_the_api_server_lets_it(namespace: str, *, good: bool) -> None:
    assert reads("deployer", namespace) is good


def test_the_schema_holds_names_to_the_same_patterns_as_the_type() -> None:
    name = at(POLICY, "spec.access.roles")["items"]["properties"]["name"]
    assert name["pattern"] == at(REQUEST, "spec.policyRef.name")["pattern"]
    namespace = at(POLICY, "spec.scope.namespaces")["items"]
    assert namespace["pattern"] == at(REQUEST, "spec.scope.namespaces")["items"]["pattern"]
    assert "pattern" not in at(REQUEST, "spec.duration")


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (POLICY, ["Roles", "Namespaces", "Max", "Accepted", "Age"]),
        (REQUEST, ["Requester", "Role", "Scope", "Phase", "Expires", "Age"]),
    ],
)
def test_kubectl_get_shows_columns_and_no_date_that_is_still_to_come(
    kind: Kind, names: list[str]
) -> None:
    columns = crd(kind)["spec"]["versions"][0]["additionalPrinterColumns"]
    assert [column["name"] for column in columns] == names
    assert [c["name"] for c in columns if c["type"] == "date"] == ["Age"]
    assert all({"name", "type", "jsonPath"} <= set(column) for column in columns)


def test_requests_are_selected_by_fields_that_the_schema_holds() -> None:
    fields = crd(REQUEST)["spec"]["versions"][0]["selectableFields"]
    assert fields == [
        {"jsonPath": ".spec.requester.username"},
        {"jsonPath": ".spec.policyRef.name"},
        {"jsonPath": ".status.phase"},
    ]
    for field in fields:
        assert at(REQUEST, field["jsonPath"].removeprefix("."))["type"] == "string"


@pytest.mark.parametrize(
    ("kind", "whole"),
    [
        (REQUEST, msgspec.structs.replace(request(cancel=True, duration="1h"), status=WHOLE)),
        (POLICY, msgspec.structs.replace(policy(), status=AccessPolicyStatus((CONDITION,)))),
    ],
)
def test_no_field_that_is_written_is_unknown_to_the_schema_and_pruned(
    kind: Kind, whole: AccessRequest | AccessPolicy
) -> None:
    known = {path for path, _ in nodes(root(kind))}
    written = msgspec.to_builtins(whole, builtin_types=(datetime,))
    written.pop("metadata")
    assert set(paths(msgspec.json.decode(msgspec.json.encode(written)))) <= known
