"""Follow a collection through everything that happens to its API server.

List in pages, watch from that version with bookmarks, list again after any failure (410 as a
status or inside the stream among them), drop a stream that has fallen silent, wait with backoff.
The consumer sees the changes, and whether it may believe that it is up to date.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Generic, TypeVar

import msgspec

from curfew.objects.meta import ObjectMeta
from curfew.objects.resource import Resource
from curfew_kube.client import Client, HasMetadata, decode
from curfew_kube.errors import KubeError, Malformed, ServerFailed, Unreachable, refusal
from curfew_kube.mirror import Added, Deleted, EventType, Mirror, Modified
from curfew_kube.status import read_status
from curfew_kube.transport import Call

T = TypeVar("T", bound=HasMetadata)


class Synced(msgspec.Struct, frozen=True):
    """Everything up to now has been told, and a watch is open; `count` objects are known."""

    count: int


class Outage(msgspec.Struct, frozen=True):
    """What is known may be old until the next Synced; `attempt` counts the failures in a row."""

    error: KubeError
    attempt: int


class _Event(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


class _Bookmark(msgspec.Struct, frozen=True):
    metadata: ObjectMeta


Told = Added[T] | Modified[T] | Deleted | Synced | Outage


class Follower(Generic[T]):
    """Follows one collection. `stall_after` seconds of silence drop a stream.

    The API server sends a bookmark about once a minute, on a quiet one it took more than a minute
    and a half, so the default is three.
    A watch is asked for between `watch_for` seconds and twice that, as client-go does.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource,
        kind: type[T],
        namespace: str | None = None,
        stall_after: float = 180.0,
        watch_for: float = 300.0,
    ) -> None:
        self._client = client
        self._resource = resource
        self._kind = kind
        self._namespace = namespace
        self._stall_after = stall_after
        self._watch_for = watch_for
        self._mirror: Mirror[T] = Mirror()
        self._version = ""
        self._attempt = 0

    async def follow(self) -> AsyncGenerator[Told[T]]:
        """Tell the changes for ever; never raises a KubeError, but tells it as an Outage.

        Close it (`contextlib.aclosing`) to end it.
        """
        while True:
            try:
                # Closed here: else the stream stays open as long as somebody keeps the error.
                async with aclosing(self._once()) as once:
                    async for told in once:
                        yield told
            except KubeError as error:
                failure = error
            else:
                # A server that ends each watch at once must not be asked in a tight loop.
                await self._client.sleep(self._client.backoff.delay(0, self._client.chance()))
                continue
            # Whatever happened, a list tells what was missed; resuming the old watch could not
            # say when it has caught up.
            self._version = ""
            yield Outage(failure, self._attempt + 1)
            after = failure.retry_after if isinstance(failure, ServerFailed) else None
            backoff = self._client.backoff
            await self._client.sleep(backoff.delay(self._attempt, self._client.chance(), after))
            self._attempt += 1

    async def _once(self) -> AsyncGenerator[Told[T]]:
        """List if need be, and one watch until it ends."""
        listed = not self._version
        if listed:
            found = await self._client.list(self._resource, self._kind, self._namespace)
            for change in self._mirror.replace(found.value.items):
                yield change
            self._version = found.value.metadata.resource_version
        length = self._watch_for * (1 + self._client.chance())
        call = Call(
            method="GET",
            path=self._resource.collection(self._namespace),
            query={
                "watch": "true",
                "allowWatchBookmarks": "true",
                "resourceVersion": self._version,
                "timeoutSeconds": str(int(length)),
            },
        )
        async with aclosing(self._lines(call)) as lines:
            async for line in lines:
                if line is None:
                    if listed:
                        yield Synced(len(self._mirror))
                    continue
                for change in self._read(call, line):
                    yield change
                self._attempt = 0

    async def _lines(self, call: Call) -> AsyncGenerator[bytes | None]:
        """None once the stream is open, then each whole line of it."""
        async with self._client.transport.stream(call) as answer:
            yield None
            rest = b""
            while True:
                try:
                    async with asyncio.timeout(self._stall_after):
                        chunk = await answer.content.readany()
                except TimeoutError as error:
                    cause = f"nothing was heard for {self._stall_after:g} s"
                    raise Unreachable(str(call), cause, sent=True) from error
                if not chunk:
                    return
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield line

    def _read(self, call: Call, line: bytes) -> list[Added[T] | Modified[T] | Deleted]:
        event = decode(call, _Event, line)
        if event.type == "ERROR":
            raise refusal(str(call), read_status(None, bytes(event.object)), None)
        if event.type == "BOOKMARK":
            self._version = decode(call, _Bookmark, event.object).metadata.resource_version
            return []
        try:
            kind = EventType(event.type)
        except ValueError as error:
            raise Malformed(str(call), f"an event of the unknown type {event.type!r}") from error
        item = decode(call, self._kind, event.object)
        changes = list(self._mirror.apply(kind, item))
        self._version = item.metadata.resource_version
        return changes
