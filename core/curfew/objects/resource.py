"""Where a kind of object lives on the API server.

A name that a user chose becomes part of a path here, so whatever could change the path (`/`, `..`,
an empty name) is refused, as the API server itself does for names
(https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#path-segment-names).
"""

import msgspec

_UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:")


class BadName(ValueError):
    """A name that cannot be a segment of a path; `name` holds it."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} cannot be part of a path: it is empty, '.', '..', or holds / or %"
        )
        self.name = name


class Resource(msgspec.Struct, frozen=True):
    """A kind by its plural name; the core group is the empty string."""

    group: str
    version: str
    plural: str
    namespaced: bool

    def collection(self, namespace: str | None = None) -> str:
        """Path of all objects: in one namespace, or (None) everywhere.

        Raises ValueError for a namespace where the kind has none, BadName for an impossible one.
        """
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        if namespace is None:
            return f"{root}/{self.plural}"
        if not self.namespaced:
            raise ValueError(f"{self.plural} are cluster-scoped: they have no namespace")
        return f"{root}/namespaces/{_segment(namespace)}/{self.plural}"

    def path(self, name: str, namespace: str | None = None, subresource: str = "") -> str:
        """Path of one object, or of a subresource of it.

        Raises ValueError for a namespace missing or too much, BadName for an impossible name.
        """
        if self.namespaced and namespace is None:
            raise ValueError(f"{self.plural} are namespaced: {name!r} needs a namespace")
        tail = f"/{_segment(subresource)}" if subresource else ""
        return f"{self.collection(namespace)}/{_segment(name)}{tail}"


def _segment(text: str) -> str:
    if text in ("", ".", "..") or "/" in text or "%" in text:
        raise BadName(text)
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode())
