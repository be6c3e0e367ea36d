"""The kinds of `curfew.dev/v1alpha1`: the schemas of their CRDs are generated from these types.

Descriptions, bounds and CEL rules stand at the field that they are about. Authority never lives in
`status`: it is a record, and what is granted is decided from `spec` and the cluster.
"""

import enum
from datetime import datetime
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from curfew.access.lifecycle import Phase
from curfew.objects.meta import FullMeta
from curfew.objects.rbac import RoleKind
from curfew.objects.resource import Resource

GROUP = "curfew.dev"
VERSION = "v1alpha1"
ACCESS_POLICIES = Resource(GROUP, VERSION, "accesspolicies", namespaced=False)
ACCESS_REQUESTS = Resource(GROUP, VERSION, "accessrequests", namespaced=False)

# As the API server has it for names in a path: no slash, no percent sign, neither `.` nor `..`.
Name = Annotated[str, Meta(min_length=1, max_length=253, pattern=r"^[^/%]*[^/%.][^/%]*$")]
NamespaceName = Annotated[
    str, Meta(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
]
Text = Annotated[str, Meta(max_length=1024)]
Duration = Annotated[
    str, Meta(max_length=32, description="A duration as Go writes it: 90s, 30m, 1h30m.")
]


class Validation(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A CEL rule that the API server itself holds the object to; `field_path` is what it names."""

    rule: str
    message: str
    field_path: str = ""


def _unchangeable(field: str) -> Validation:
    return Validation(
        rule=f"has(self.{field}) == has(oldSelf.{field})"
        f" && (!has(self.{field}) || self.{field} == oldSelf.{field})",
        message=f"{field} cannot be changed: make a new request",
        field_path=f".{field}",
    )


def _write_once(field: str) -> Validation:
    # At the root: a rule on status itself is evaded by taking status away.
    before, after = f"oldSelf.status.{field}", f"self.status.{field}"
    return Validation(
        rule=f"!has(oldSelf.status) || !has({before})"
        f" || (has(self.status) && has({after}) && {after} == {before})",
        message=f"status.{field} is written once",
    )


class LentRole(msgspec.Struct, frozen=True):
    """A Role (in each namespace of the scope) or ClusterRole that exists: Curfew writes none."""

    kind: RoleKind
    name: Name


Roles = Annotated[tuple[LentRole, ...], Meta(min_length=1, max_length=8)]


class Access(msgspec.Struct, frozen=True):
    """The roles, each given by a RoleBinding."""

    roles: Roles


class Scope(msgspec.Struct, frozen=True):
    """The namespaces, by name."""

    namespaces: Annotated[tuple[NamespaceName, ...], Meta(min_length=1, max_length=32)]


class DurationBounds(msgspec.Struct, frozen=True):
    """How long: where a request does not say, and at most."""

    default: Duration = "1h"
    max: Duration = "8h"


class ApprovalMode(enum.Enum):
    """Auto: whoever holds the verb `request` on the policy is granted what it allows."""

    AUTO = "Auto"


class Approval(msgspec.Struct, frozen=True):
    """Who must agree."""

    mode: ApprovalMode = ApprovalMode.AUTO


class AccessPolicySpec(msgspec.Struct, frozen=True):
    """What may be asked for. Who may ask is RBAC: the verb `request` on this object."""

    access: Access
    scope: Scope
    duration: DurationBounds = DurationBounds()
    approval: Approval = Approval()


class ConditionStatus(enum.Enum):
    """Unknown is an answer of its own: it could not be told."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One observation, as every Kubernetes kind has them."""

    type: Annotated[str, Meta(max_length=64)]
    status: ConditionStatus
    reason: Annotated[str, Meta(max_length=64)]
    message: Annotated[str, Meta(max_length=4096)]
    last_transition_time: datetime
    observed_generation: int = 0


Conditions = Annotated[
    tuple[Condition, ...],
    Meta(
        max_length=8,
        extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    ),
]


class AccessPolicyStatus(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Whether the policy can be used, and if not, which field is at fault."""

    conditions: Conditions = ()


class AccessPolicy(msgspec.Struct, frozen=True, rename="camel"):
    """What may be lent, where, and for how long."""

    metadata: FullMeta
    spec: AccessPolicySpec
    status: AccessPolicyStatus = AccessPolicyStatus()


class PolicyRef(msgspec.Struct, frozen=True):
    """The AccessPolicy under which access is asked for."""

    name: Name


class Requester(msgspec.Struct, frozen=True):
    """Who asks, as the API server authenticated them; filled in when it is left out."""

    username: Annotated[str, Meta(min_length=1, max_length=1024)]
    uid: Annotated[str, Meta(max_length=1024)] = ""
    groups: Annotated[
        tuple[Annotated[str, Meta(max_length=1024)], ...],
        Meta(max_length=512, extra_json_schema={"x-kubernetes-list-type": "atomic"}),
    ] = ()


class Justification(msgspec.Struct, frozen=True):
    """Why it is needed, for those who read the trail."""

    reason: Text = ""
    ticket: Text = ""


class AccessRequestSpec(
    msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True
):
    """What is asked for. Nothing in it can be changed afterwards but `cancel`, and that one way."""

    validations: ClassVar[tuple[Validation, ...]] = (
        _unchangeable("policyRef"),
        _unchangeable("requester"),
        _unchangeable("access"),
        _unchangeable("scope"),
        _unchangeable("duration"),
        _unchangeable("justification"),
        Validation(
            rule="!(has(oldSelf.cancel) && oldSelf.cancel) || (has(self.cancel) && self.cancel)",
            message="a cancelled request stays cancelled: make a new one",
            field_path=".cancel",
        ),
    )

    policy_ref: PolicyRef
    requester: Requester
    access: Access
    scope: Scope
    duration: Duration = ""
    justification: Justification = Justification()
    cancel: Annotated[bool, Meta(description="Ask to give the access back now.")] = False


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing the lent role allows, asked of the authorizer when the access must be gone."""

    verb: Annotated[str, Meta(max_length=253)]
    group: Annotated[str, Meta(max_length=253)] = ""
    resource: Annotated[str, Meta(max_length=253)]
    subresource: Annotated[str, Meta(max_length=253)] = ""
    name: Annotated[str, Meta(max_length=253)] = ""
    namespace: NamespaceName


class Resolved(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """On what the decision to grant rested."""

    policy_uid: Annotated[str, Meta(max_length=64)] = msgspec.field(name="policyUID")
    policy_generation: int
    questions: Annotated[tuple[Question, ...], Meta(max_length=64)] = ()


class GrantedBinding(msgspec.Struct, frozen=True):
    """A RoleBinding that gives the access."""

    namespace: NamespaceName
    name: Name
    uid: Annotated[str, Meta(max_length=64)]


class Layer(enum.Enum):
    """What took the access back first."""

    TIMER = "Timer"
    SWEEP = "Sweep"
    REQUEST = "Request"
    ELSEWHERE = "Elsewhere"


class Verification(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """The proof that the access is gone, and what other access stands."""

    layer: Layer
    verified_at: datetime
    revoke_latency_ms: Annotated[
        int, Meta(description="From the delete to the authorizer's first refusal.")
    ] = 0
    residual: Annotated[
        tuple[Text, ...],
        Meta(max_length=64, description="What the same user may still do by other bindings."),
    ] = ()


class Passage(msgspec.Struct, frozen=True):
    """One step of the request's life."""

    phase: Phase
    at: datetime


class AccessRequestStatus(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What became of the request. `starts_at` and `expires_at` are written once."""

    phase: Phase = Phase.PENDING
    conditions: Conditions = ()
    resolved: Resolved | None = None
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    bindings: Annotated[tuple[GrantedBinding, ...], Meta(max_length=256)] = ()
    verification: Verification | None = None
    history: Annotated[tuple[Passage, ...], Meta(max_length=16)] = ()


class AccessRequest(msgspec.Struct, frozen=True, rename="camel"):
    """Somebody asks to be lent access for a while."""

    validations: ClassVar[tuple[Validation, ...]] = (
        _write_once("startsAt"),
        _write_once("expiresAt"),
        _write_once("resolved"),
    )

    metadata: FullMeta
    spec: AccessRequestSpec
    status: AccessRequestStatus = AccessRequestStatus()
