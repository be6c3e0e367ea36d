"""The part that every object has (https://kubernetes.io/docs/reference/using-api/api-concepts/)."""

import msgspec


class ObjectMeta(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Identity and version of one object.

    `uid` is never used twice, a name may be. `resource_version` is compared for equality only.
    """

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
