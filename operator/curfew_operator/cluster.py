"""The operator's reads and writes, each one call, typed; nothing is decided here."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from curfew.access.api import (
    ACCESS_POLICIES,
    ACCESS_REQUESTS,
    AccessPolicy,
    AccessPolicyStatus,
    AccessRequest,
    AccessRequestStatus,
    LentRole,
    Question,
)
from curfew.access.binding import REQUEST_UID, LentBinding
from curfew.access.world import Place
from curfew.objects.meta import FullMeta
from curfew.objects.rbac import CLUSTER_ROLES, ROLE_BINDINGS, ROLES, Role, RoleKind
from curfew.objects.resource import Resource
from curfew_kube import reviews
from curfew_kube.client import Client, PatchOperation
from curfew_kube.errors import NotFound
from curfew_kube.reviews import ResourceAttributes, Verdict

_NAMESPACES = Resource("", "v1", "namespaces", namespaced=False)
_ADMISSION = "admissionregistration.k8s.io"
_POLICIES = Resource(_ADMISSION, "v1", "validatingadmissionpolicies", namespaced=False)
_POLICY_BINDINGS = Resource(_ADMISSION, "v1", "validatingadmissionpolicybindings", namespaced=False)
_IDENTITY = "curfew-identity"
_IN_FORCE_AFTER = timedelta(seconds=3)


class _Written(msgspec.Struct, frozen=True):
    time: datetime | None = None


class _Stamped(msgspec.Struct, frozen=True, rename="camel"):
    creation_timestamp: datetime
    managed_fields: tuple[_Written, ...] = ()

    @property
    def last_change(self) -> datetime:
        # Stamped by the API server with each write that changed anything.
        written = (field.time for field in self.managed_fields if field.time is not None)
        return max(written, default=self.creation_timestamp)


class _GuardSpec(msgspec.Struct, frozen=True, rename="camel"):
    failure_policy: str = ""
    policy_name: str = ""
    validation_actions: tuple[str, ...] = ()
    match_resources: msgspec.Raw = msgspec.Raw(b"")

    @property
    def denies(self) -> bool:
        whole = self.policy_name == _IDENTITY and not bytes(self.match_resources)
        return whole and "Deny" in self.validation_actions


class _Guarded(msgspec.Struct, frozen=True):
    metadata: _Stamped
    spec: _GuardSpec


class _Namespace(msgspec.Struct, frozen=True):
    metadata: FullMeta


class Cluster:
    """What the operator may do with its own ServiceAccount."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def request(self, name: str) -> AccessRequest | None:
        """One request; None where it is gone."""
        try:
            return (await self._client.get(ACCESS_REQUESTS, AccessRequest, name)).value
        except NotFound:
            return None

    async def requests(self) -> tuple[AccessRequest, ...]:
        """Every request."""
        return (await self._client.list(ACCESS_REQUESTS, AccessRequest)).value.items

    async def policy(self, name: str) -> AccessPolicy | None:
        """One policy; None where there is none."""
        try:
            return (await self._client.get(ACCESS_POLICIES, AccessPolicy, name)).value
        except NotFound:
            return None

    async def policies(self) -> tuple[AccessPolicy, ...]:
        """Every policy."""
        return (await self._client.list(ACCESS_POLICIES, AccessPolicy)).value.items

    async def places(self, names: Iterable[str], roles: tuple[LentRole, ...]) -> tuple[Place, ...]:
        """Those of the namespaces that exist, each with those of the roles that exist for it."""
        wide = tuple(role for role in roles if role.kind is RoleKind.CLUSTER_ROLE)
        narrow = tuple(role for role in roles if role not in wide)
        everywhere = await self._roles(wide, "")
        places = []
        for name in dict.fromkeys(names):
            try:
                found = (await self._client.get(_NAMESPACES, _Namespace, name)).value
            except NotFound:
                continue
            there = everywhere | await self._roles(narrow, name)
            places.append(Place(name, found.metadata.labels, there))
        return tuple(places)

    async def _roles(self, roles: tuple[LentRole, ...], namespace: str) -> dict[LentRole, Role]:
        found = {role: await self._role(role, namespace) for role in roles}
        return {role: content for role, content in found.items() if content is not None}

    async def _role(self, role: LentRole, namespace: str) -> Role | None:
        cluster_wide = role.kind is RoleKind.CLUSTER_ROLE
        kind, place = (CLUSTER_ROLES, None) if cluster_wide else (ROLES, namespace)
        try:
            return (await self._client.get(kind, Role, role.name, place)).value
        except NotFound:
            return None

    async def binding(self, namespace: str, name: str) -> LentBinding | None:
        """One binding; None where there is none."""
        try:
            return (await self._client.get(ROLE_BINDINGS, LentBinding, name, namespace)).value
        except NotFound:
            return None

    async def lent_bindings(self) -> tuple[LentBinding, ...]:
        """Every binding that carries the label of a request."""
        found = await self._client.list(ROLE_BINDINGS, LentBinding, labels=REQUEST_UID)
        return found.value.items

    async def create(self, binding: LentBinding) -> None:
        """Create; raises AlreadyExists, Forbidden (also from admission) and other KubeErrors."""
        meta = binding.metadata
        body = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {
                "name": meta.name,
                "labels": meta.labels,
                "annotations": meta.annotations,
                "ownerReferences": meta.owner_references,
            },
            "roleRef": binding.role_ref,
            "subjects": binding.subjects,
        }
        await self._client.create(ROLE_BINDINGS, LentBinding, body, meta.namespace)

    async def delete(self, binding: LentBinding) -> bool:
        """Delete this very binding; that it is gone is success. Whether it was there."""
        meta = binding.metadata
        try:
            await self._client.delete(ROLE_BINDINGS, meta.name, meta.namespace, uid=meta.uid)
        except NotFound:
            return False
        return True

    async def record(self, request: AccessRequest, status: AccessRequestStatus) -> None:
        """Write a request's status; raises Invalid where the request has changed meanwhile."""
        await self._client.json_patch(
            ACCESS_REQUESTS,
            AccessRequest,
            request.metadata.name,
            _replacing(request.metadata, status),
            subresource="status",
        )

    async def record_policy(self, policy: AccessPolicy, status: AccessPolicyStatus) -> None:
        """Write a policy's status; raises Invalid where the policy has changed meanwhile."""
        await self._client.json_patch(
            ACCESS_POLICIES,
            AccessPolicy,
            policy.metadata.name,
            _replacing(policy.metadata, status),
            subresource="status",
        )

    async def may_request(self, request: AccessRequest) -> bool:
        """Whether the requester, with the groups of then, holds `request` on the policy now."""
        attributes = ResourceAttributes(
            verb="request",
            group=ACCESS_POLICIES.group,
            resource=ACCESS_POLICIES.plural,
            name=request.spec.policy_ref.name,
        )
        return (await self._review(request, attributes)).allowed

    async def identity_proved(self, request: AccessRequest) -> bool:
        """Whether the policy that holds the requester true was in force when the request came.

        A policy is enforced about a second after it is written, so it must be older than that.
        """
        created = request.metadata.creation_timestamp
        try:
            policy = (await self._client.get(_POLICIES, _Guarded, _IDENTITY)).value
            binding = (await self._client.get(_POLICY_BINDINGS, _Guarded, _IDENTITY)).value
        except NotFound:
            return False
        if created is None or policy.spec.failure_policy != "Fail" or not binding.spec.denies:
            return False
        changed = max(policy.metadata.last_change, binding.metadata.last_change)
        return created >= changed + _IN_FORCE_AFTER

    async def ask(self, request: AccessRequest, question: Question) -> Verdict:
        """The authorizer's answer to what the requester may do."""
        attributes = ResourceAttributes(
            verb=question.verb,
            group=question.group,
            resource=question.resource,
            subresource=question.subresource,
            namespace=question.namespace,
            name=question.name,
        )
        return await self._review(request, attributes)

    async def _review(self, request: AccessRequest, attributes: ResourceAttributes) -> Verdict:
        who = request.spec.requester
        asked = reviews.Question(
            user=who.username, groups=who.groups, uid=who.uid, resource_attributes=attributes
        )
        return (await reviews.review(self._client, asked)).value


def _replacing(
    meta: FullMeta, status: AccessRequestStatus | AccessPolicyStatus
) -> list[PatchOperation]:
    return [
        PatchOperation("test", "/metadata/resourceVersion", meta.resource_version),
        PatchOperation("add", "/status", msgspec.to_builtins(status)),
    ]
