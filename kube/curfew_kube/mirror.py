"""What is known of a collection, so that a list after a gap becomes the changes of that gap.

A watch that was cut off, or whose version expired, is followed by a list. The mirror keeps no
object, only each one's UID and version: enough to tell what is new, what is other, what is gone,
and to never tell the same twice. Pure: the watching is `watching`'s.
"""

import enum
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

import msgspec

from curfew_kube.client import HasMetadata

T = TypeVar("T", bound=HasMetadata)


class Added(msgspec.Struct, Generic[T], frozen=True):
    """An object that was not there before."""

    object: T


class Modified(msgspec.Struct, Generic[T], frozen=True):
    """Another version of an object that was there."""

    object: T


class Deleted(msgspec.Struct, frozen=True):
    """An object that is gone; a new one of the same name has another UID."""

    namespace: str
    name: str
    uid: str


class EventType(enum.Enum):
    """The kinds of watch events that are about an object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


class Mirror(Generic[T]):
    """UID and version of each known object, by namespace and name."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def replace(self, objects: Iterable[T]) -> Iterator[Added[T] | Modified[T] | Deleted]:
        """Take a whole list as the truth; what is gone comes first."""
        listed = {(o.metadata.namespace, o.metadata.name): o for o in objects}
        for key in [key for key in self._known if key not in listed]:
            yield self._forget(key)
        for item in listed.values():
            yield from self._see(item)

    def apply(self, kind: EventType, item: T) -> Iterator[Added[T] | Modified[T] | Deleted]:
        """Take one watch event; nothing comes of one that is known already."""
        if kind is not EventType.DELETED:
            yield from self._see(item)
            return
        key = (item.metadata.namespace, item.metadata.name)
        if key in self._known and self._known[key][0] == item.metadata.uid:
            yield self._forget(key)

    def _see(self, item: T) -> Iterator[Added[T] | Modified[T] | Deleted]:
        meta = item.metadata
        key, now = (meta.namespace, meta.name), (meta.uid, meta.resource_version)
        before = self._known.get(key)
        if before == now:
            return
        if before is not None and before[0] != meta.uid:
            yield self._forget(key)
            before = None
        self._known[key] = now
        yield Added(item) if before is None else Modified(item)

    def _forget(self, key: tuple[str, str]) -> Deleted:
        uid, _ = self._known.pop(key)
        return Deleted(key[0], key[1], uid)
