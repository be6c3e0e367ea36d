"""Small whole objects that the tests vary, one field at a time."""

from datetime import UTC, datetime, timedelta

import msgspec

from curfew.access.api import (
    Access,
    AccessPolicy,
    AccessPolicySpec,
    AccessRequest,
    AccessRequestSpec,
    AccessRequestStatus,
    DurationBounds,
    LentRole,
    PolicyRef,
    Requester,
    Resolved,
    Scope,
)
from curfew.access.binding import LentBinding, bindings_for
from curfew.access.conditions import ConditionType, find
from curfew.access.lendable import Fence, Lendable
from curfew.access.lifecycle import Phase
from curfew.access.world import Place, World
from curfew.objects.meta import FullMeta, ObjectMeta
from curfew.objects.rbac import (
    Binding,
    PolicyRule,
    Role,
    RoleKind,
    RoleRef,
    Subject,
    SubjectKind,
)

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DEADLINE = NOW + HOUR
EDIT = LentRole(RoleKind.CLUSTER_ROLE, "curfew:edit")
DEPLOYER = LentRole(RoleKind.ROLE, "deployer")
PATCH_PODS = PolicyRule(verbs=("get", "patch"), api_groups=("",), resources=("pods",))
FENCE = Fence(
    (
        Lendable(kind=EDIT.kind, name=EDIT.name, namespaces=("*",)),
        Lendable(kind=DEPLOYER.kind, name=DEPLOYER.name, namespaces=("payments", "shop")),
    ),
    home="curfew-system",
)


def user(name: str) -> Subject:
    return Subject(SubjectKind.USER, name)


def group(name: str) -> Subject:
    return Subject(SubjectKind.GROUP, name)


def account(name: str, namespace: str = "") -> Subject:
    return Subject(SubjectKind.SERVICE_ACCOUNT, name, namespace)


def binding(
    *subjects: Subject,
    namespace: str = "payments",
    name: str = "ops",
    role: str = "helper",
) -> Binding:
    """A RoleBinding to a ClusterRole; without a namespace, a ClusterRoleBinding."""
    ref = RoleRef(RoleKind.CLUSTER_ROLE, role)
    return Binding(ObjectMeta(name=name, namespace=namespace), ref, subjects)


def policy(
    *,
    roles: tuple[LentRole, ...] = (EDIT, DEPLOYER),
    namespaces: tuple[str, ...] = ("payments", "shop"),
    default: str = "1h",
    longest: str = "8h",
) -> AccessPolicy:
    spec = AccessPolicySpec(Access(roles), Scope(namespaces), DurationBounds(default, longest))
    return AccessPolicy(FullMeta(name="oncall", uid="policy-uid", generation=3), spec)


def request(
    *,
    roles: tuple[LentRole, ...] = (EDIT,),
    namespaces: tuple[str, ...] = ("payments",),
    duration: str = "",
    cancel: bool = False,
) -> AccessRequest:
    """A request that nobody has looked at yet."""
    meta = FullMeta(name="dana-1", uid="7f3a")
    spec = AccessRequestSpec(
        policy_ref=PolicyRef("oncall"),
        requester=Requester("dana"),
        access=Access(roles),
        scope=Scope(namespaces),
        duration=duration,
        cancel=cancel,
    )
    return AccessRequest(meta, spec)


def moved(
    found: AccessRequest, phase: Phase, *, deadline: datetime | None = DEADLINE
) -> AccessRequest:
    """The request further on in its life, with its deadline on record."""
    status = AccessRequestStatus(
        phase=phase,
        starts_at=NOW,
        expires_at=deadline,
        resolved=Resolved(policy_uid="policy-uid", policy_generation=3),
    )
    return msgspec.structs.replace(found, status=status)


def place(
    name: str = "payments",
    *,
    roles: tuple[LentRole, ...] = (EDIT, DEPLOYER),
    labels: dict[str, str] | None = None,
    rules: tuple[PolicyRule, ...] | None = (PATCH_PODS,),
) -> Place:
    found = {role: Role(ObjectMeta(name=role.name), rules) for role in roles}
    return Place(name, labels or {}, found)


def world(*bindings: LentBinding) -> World:
    """A cluster in which the sample request may be granted, with these bindings in it."""
    return World(
        fence=FENCE,
        policy=policy(),
        places=(place("payments"), place("shop")),
        may_request=True,
        identity_proved=True,
        bindings=bindings,
    )


def lent(found: AccessRequest, deadline: datetime = DEADLINE) -> tuple[LentBinding, ...]:
    """The request's bindings as they are read: each with a UID of its own."""
    return tuple(
        msgspec.structs.replace(
            wanted, metadata=msgspec.structs.replace(wanted.metadata, uid=f"binding-{number}")
        )
        for number, wanted in enumerate(bindings_for(found, deadline))
    )


def annotated(found: LentBinding, annotations: dict[str, str]) -> LentBinding:
    """The binding with other annotations."""
    meta = msgspec.structs.replace(found.metadata, annotations=annotations)
    return msgspec.structs.replace(found, metadata=meta)


def cancelled(found: AccessRequest) -> AccessRequest:
    """The request, given back."""
    return msgspec.structs.replace(found, spec=msgspec.structs.replace(found.spec, cancel=True))


def deleted(found: AccessRequest) -> AccessRequest:
    """The request, deleted and held by a finalizer."""
    meta = msgspec.structs.replace(found.metadata, deletion_timestamp=NOW)
    return msgspec.structs.replace(found, metadata=meta)


def said(status: AccessRequestStatus, kind: ConditionType) -> tuple[str, str, str]:
    """Status, reason and message of a condition that must be there."""
    found = find(status.conditions, kind)
    assert found is not None
    return found.status.value, found.reason, found.message
