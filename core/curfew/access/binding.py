"""The RoleBinding that gives lent access: what it is called, and what it carries.

Its name follows from the request's UID, so two operators never make two. Its deadline is in the
write that creates it, so that whoever finds it alone knows when it must go.
"""

from datetime import UTC, datetime

import msgspec

from curfew.access.api import GROUP, VERSION, AccessRequest, LentRole
from curfew.objects.meta import FullMeta, OwnerReference
from curfew.objects.rbac import RBAC_GROUP, RoleRef, Subject, SubjectKind

REQUEST_UID = f"{GROUP}/request-uid"
EXPIRES_AT = f"{GROUP}/expires-at"


class LentBinding(msgspec.Struct, frozen=True, rename="camel"):
    """A RoleBinding of ours, as it is read and as it is written."""

    metadata: FullMeta
    role_ref: RoleRef
    subjects: tuple[Subject, ...] = ()

    @property
    def request_uid(self) -> str:
        """The UID of the request that it belongs to ("": of none)."""
        return self.metadata.labels.get(REQUEST_UID, "")

    @property
    def expires_at(self) -> datetime | None:
        """When it must go; None where that cannot be read, which is a reason to end it."""
        try:
            deadline = datetime.fromisoformat(self.metadata.annotations[EXPIRES_AT])
            return deadline.astimezone(UTC) if deadline.tzinfo else None
        except (KeyError, ValueError, OverflowError):
            return None

    def is_due(self, now: datetime) -> bool:
        """Whether it has to go; the one without a readable deadline always has to."""
        deadline = self.expires_at
        return deadline is None or deadline <= now

    def gives_the_same_as(self, other: "LentBinding") -> bool:
        """Whether it is the one that was meant: same owner, subject, role and deadline."""
        return (
            self.request_uid == other.request_uid
            and [owner.uid for owner in self.metadata.owner_references]
            == [owner.uid for owner in other.metadata.owner_references]
            and self.subjects == other.subjects
            and self.role_ref == other.role_ref
            and self.expires_at == other.expires_at
        )


def bindings_for(request: AccessRequest, deadline: datetime) -> tuple[LentBinding, ...]:
    """Every binding that the request asks for: each role in each namespace."""
    return tuple(
        _binding(request, role, number, namespace, deadline)
        for namespace in dict.fromkeys(request.spec.scope.namespaces)
        for number, role in enumerate(dict.fromkeys(request.spec.access.roles))
    )


def _binding(
    request: AccessRequest, role: LentRole, number: int, namespace: str, deadline: datetime
) -> LentBinding:
    meta = request.metadata
    owner = OwnerReference(
        api_version=f"{GROUP}/{VERSION}",
        kind="AccessRequest",
        name=meta.name,
        uid=meta.uid,
        controller=True,
    )
    person = Subject(SubjectKind.USER, request.spec.requester.username, api_group=RBAC_GROUP)
    return LentBinding(
        metadata=FullMeta(
            name=f"curfew-{meta.uid}-{number}",
            namespace=namespace,
            labels={REQUEST_UID: meta.uid},
            annotations={EXPIRES_AT: deadline.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")},
            owner_references=(owner,),
        ),
        role_ref=RoleRef(role.kind, role.name),
        subjects=(person,),
    )
