"""CustomResourceDefinitions, generated from the types in `api`.

A structural schema (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/
custom-resource-definitions/#specifying-a-structural-schema): no `$ref`, one type per node. What a
type says (bounds, required fields, defaults, docstrings, CEL) is what the API server enforces.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import inspect

from curfew.access.api import (
    ACCESS_POLICIES,
    ACCESS_REQUESTS,
    GROUP,
    VERSION,
    AccessPolicy,
    AccessRequest,
)
from curfew.objects.resource import Resource

Schema = dict[str, Any]


class Column(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What `kubectl get` shows. Times to come are strings: `date` columns call them invalid."""

    name: str
    type: str
    json_path: str
    priority: int = 0


class Kind(msgspec.Struct, frozen=True):
    """A kind, its names and its columns."""

    type: type
    resource: Resource
    short_name: str
    columns: tuple[Column, ...]
    selectable: tuple[str, ...]


_AGE = Column("Age", "date", ".metadata.creationTimestamp")

KINDS = (
    Kind(
        AccessPolicy,
        ACCESS_POLICIES,
        "apol",
        (
            Column("Roles", "string", ".spec.access.roles[*].name"),
            Column("Namespaces", "string", ".spec.scope.namespaces"),
            Column("Max", "string", ".spec.duration.max"),
            Column("Accepted", "string", '.status.conditions[?(@.type=="Accepted")].status'),
            _AGE,
        ),
        (),
    ),
    Kind(
        AccessRequest,
        ACCESS_REQUESTS,
        "areq",
        (
            Column("Requester", "string", ".spec.requester.username"),
            Column("Role", "string", ".spec.access.roles[*].name"),
            Column("Scope", "string", ".spec.scope.namespaces"),
            Column("Phase", "string", ".status.phase"),
            Column("Expires", "string", ".status.expiresAt"),
            _AGE,
        ),
        (".spec.requester.username", ".spec.policyRef.name", ".status.phase"),
    ),
)


def crd(kind: Kind) -> Schema:
    """The CustomResourceDefinition of a kind."""
    name = kind.type.__name__
    plural = kind.resource.plural
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{GROUP}",
            # Uninstalling ends what Curfew does, not the record of what it did.
            "annotations": {"helm.sh/resource-policy": "keep"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Cluster",
            "names": {
                "kind": name,
                "listKind": f"{name}List",
                "plural": plural,
                "singular": name.lower(),
                "shortNames": [kind.short_name],
                "categories": ["curfew"],
            },
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind) -> Schema:
    schema = _struct(inspect.type_info(kind.type))
    # The API server knows these itself, and describes them.
    schema["properties"]["metadata"] = {"type": "object"}
    schema["properties"] |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
    schema["required"] = ["spec"]
    schema["properties"]["status"].pop("default", None)
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [msgspec.to_builtins(column) for column in kind.columns],
        "selectableFields": [{"jsonPath": path} for path in kind.selectable],
        "schema": {"openAPIV3Schema": schema},
    }


def _struct(found: inspect.Type) -> Schema:
    assert isinstance(found, inspect.StructType)  # noqa: S101 - for the type checker
    description = " ".join(str(found.cls.__doc__).split())
    schema: Schema = {"type": "object", "properties": {}, "description": description}
    for field in found.fields:
        property_ = _node(field.type)
        default = None if field.default is msgspec.NODEFAULT else msgspec.to_builtins(field.default)
        if default:
            property_["default"] = default
        schema["properties"][field.encode_name] = property_
    if required := [field.encode_name for field in found.fields if field.required]:
        schema["required"] = required
    if rules := getattr(found.cls, "validations", ()):
        schema["x-kubernetes-validations"] = [msgspec.to_builtins(rule) for rule in rules]
    return schema


def _node(found: inspect.Type) -> Schema:
    if isinstance(found, inspect.Metadata):
        return _node(found.type) | (found.extra_json_schema or {})
    if isinstance(found, inspect.UnionType):
        (only,) = (kind for kind in found.types if not isinstance(kind, inspect.NoneType))
        return _node(only)
    return _WRITERS[type(found)](found)


def _text(found: Any) -> Schema:
    bounds = _bounds(minLength=found.min_length, maxLength=found.max_length)
    pattern = {"pattern": found.pattern} if found.pattern else {}
    return {"type": "string"} | bounds | pattern


def _many(found: Any) -> Schema:
    bounds = _bounds(minItems=found.min_length, maxItems=found.max_length)
    return {"type": "array", "items": _node(found.item_type)} | bounds


def _choice(found: Any) -> Schema:
    return {"type": "string", "enum": [member.value for member in found.cls]}


def _bounds(**limits: int | None) -> Schema:
    return {name: limit for name, limit in limits.items() if limit is not None}


_WRITERS: dict[type, Callable[[Any], Schema]] = {
    inspect.StructType: _struct,
    inspect.StrType: _text,
    inspect.VarTupleType: _many,
    inspect.EnumType: _choice,
    inspect.BoolType: lambda _: {"type": "boolean"},
    inspect.IntType: lambda _: {"type": "integer", "format": "int64"},
    inspect.DateTimeType: lambda _: {"type": "string", "format": "date-time"},
    inspect.DictType: lambda _: {"type": "object"},
}
