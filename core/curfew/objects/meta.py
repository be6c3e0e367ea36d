"""The part that every object has (https://kubernetes.io/docs/reference/using-api/api-concepts/)."""

from datetime import datetime

import msgspec


class ObjectMeta(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Identity and version of one object.

    `uid` is never used twice, a name may be. `resource_version` is compared for equality only.
    """

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class OwnerReference(msgspec.Struct, frozen=True, gc=False, rename="camel", kw_only=True):
    """The object whose end is this one's end as well (the garbage collector sees to it)."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False


class FullMeta(ObjectMeta, frozen=True, rename="camel"):
    """What is read of the objects that Curfew itself acts upon."""

    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[OwnerReference, ...] = ()
