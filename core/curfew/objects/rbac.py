"""RBAC objects as the API server stores them.

Source: https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/
`rules` is written as `null` by the API server where there are none, hence its type.
"""

import enum

import msgspec

from curfew.objects.meta import ObjectMeta
from curfew.objects.resource import Resource

RBAC_GROUP = "rbac.authorization.k8s.io"
ROLES = Resource(RBAC_GROUP, "v1", "roles", namespaced=True)
CLUSTER_ROLES = Resource(RBAC_GROUP, "v1", "clusterroles", namespaced=False)
ROLE_BINDINGS = Resource(RBAC_GROUP, "v1", "rolebindings", namespaced=True)
CLUSTER_ROLE_BINDINGS = Resource(RBAC_GROUP, "v1", "clusterrolebindings", namespaced=False)


class RoleKind(enum.Enum):
    """The two kinds of roles that a binding may name."""

    ROLE = "Role"
    CLUSTER_ROLE = "ClusterRole"


class SubjectKind(enum.Enum):
    """The three kinds of subjects."""

    USER = "User"
    GROUP = "Group"
    SERVICE_ACCOUNT = "ServiceAccount"


class Subject(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Who a binding is for; `namespace` is a ServiceAccount's."""

    kind: SubjectKind
    name: str
    namespace: str = ""
    api_group: str = ""


class RoleRef(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The role a binding names. It cannot be changed once the binding exists."""

    kind: RoleKind
    name: str
    api_group: str = RBAC_GROUP


class PolicyRule(msgspec.Struct, frozen=True, rename="camel"):
    """One tuple of a role: each verb on each resource of each group, or each verb on each URL."""

    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = msgspec.field(default=(), name="nonResourceURLs")


class Role(msgspec.Struct, frozen=True):
    """A Role or a ClusterRole. An aggregated ClusterRole's rules are what its controller wrote."""

    metadata: ObjectMeta
    rules: tuple[PolicyRule, ...] | None = None


class Binding(msgspec.Struct, frozen=True, rename="camel"):
    """A RoleBinding (it has a namespace) or a ClusterRoleBinding."""

    metadata: ObjectMeta
    role_ref: RoleRef
    subjects: tuple[Subject, ...] | None = None
