"""The verbs of the Kubernetes API, typed; every answer carries the API server's clock.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/ and server-side-apply/.
Reads are repeated with backoff until a deadline. A write is repeated only where nothing can have
been done: it was never sent, or the server said that it is too busy.
"""

import asyncio
import enum
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Generic, Protocol, Self, TypeVar

import msgspec

from curfew.objects.meta import ObjectMeta
from curfew.objects.resource import Resource
from curfew_kube.backoff import Backoff
from curfew_kube.credentials import CredentialSource
from curfew_kube.errors import (
    ClusterFault,
    Expired,
    Malformed,
    Overloaded,
    ServerFailed,
    Unreachable,
)
from curfew_kube.transport import Answered, Call, Transport


class HasMetadata(Protocol):
    """Any object of the cluster."""

    @property
    def metadata(self) -> ObjectMeta:
        """Identity and version."""
        ...


T = TypeVar("T")


class Answer(msgspec.Struct, Generic[T], frozen=True):
    """A value, and the API server's clock when it gave it."""

    value: T
    date: datetime


class ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    """The version of a whole list, and where its next page begins."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Part of a list. All pages of one list are of one version."""

    metadata: ListMeta
    items: tuple[T, ...] = ()


class Propagation(enum.Enum):
    """What becomes of an object's dependents when it is deleted."""

    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


class PatchOperation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of a JSON patch (RFC 6902); `test` makes it conditional."""

    op: str
    path: str
    value: Any = msgspec.UNSET


class Client:
    """A client for one API server; use it as an async context manager.

    `deadline` bounds the repetition of one call (seconds); clock, sleep and chance are arguments so
    that tests decide them.
    """

    def __init__(  # noqa: PLR0913 - all but the first are for tests and have a default
        self,
        source: CredentialSource,
        *,
        transport: Transport | None = None,
        backoff: Backoff | None = None,
        deadline: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.transport = transport or Transport(source)
        self.backoff = backoff or Backoff()
        self.sleep = sleep
        self.chance = chance
        self._deadline = deadline
        self._clock = clock

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.transport.close()

    async def get(
        self, resource: Resource, kind: type[T], name: str, namespace: str | None = None
    ) -> Answer[T]:
        """Read one object; raises NotFound and every other KubeError."""
        path = resource.path(name, namespace)
        return await self._typed(Call(method="GET", path=path, repeatable=True), kind)

    async def pages(
        self,
        resource: Resource,
        kind: type[T],
        namespace: str | None = None,
        limit: int = 500,
        labels: str = "",
    ) -> AsyncIterator[Answer[Page[T]]]:
        """List in pages of one version; raises Expired when that version is gone half way.

        `labels` is a label selector ("": all).
        """
        token = ""
        chosen = {"labelSelector": labels} if labels else {}
        while True:
            query = {"limit": str(limit)} | chosen | ({"continue": token} if token else {})
            path = resource.collection(namespace)
            call = Call(method="GET", path=path, query=query, repeatable=True)
            answer = await self._typed(call, Page[kind])  # type: ignore[valid-type] # a type at run time
            yield answer
            token = answer.value.metadata.continue_
            if not token:
                return

    async def list(
        self, resource: Resource, kind: type[T], namespace: str | None = None, labels: str = ""
    ) -> Answer[Page[T]]:
        """List everything; begins anew, in one piece, where the version expired half way."""
        try:
            pages = self.pages(resource, kind, namespace, labels=labels)
            found = [page async for page in pages]
        except Expired:
            pages = self.pages(resource, kind, namespace, limit=0, labels=labels)
            found = [page async for page in pages]
        items = tuple(item for page in found for item in page.value.items)
        return Answer(Page(found[-1].value.metadata, items), found[-1].date)

    async def create(
        self,
        resource: Resource,
        kind: type[T],
        body: object,
        namespace: str | None = None,
        *,
        dry_run: bool = False,
    ) -> Answer[T]:
        """Create; raises AlreadyExists, Invalid, Forbidden (also for admission)."""
        call = Call(
            method="POST",
            path=resource.collection(namespace),
            query=_dry(dry_run),
            body=msgspec.json.encode(body),
        )
        return await self._typed(call, kind)

    async def apply(  # noqa: PLR0913 - what server-side apply is asked with
        self,
        resource: Resource,
        kind: type[T],
        name: str,
        body: object,
        namespace: str | None = None,
        *,
        manager: str,
        force: bool = False,
        dry_run: bool = False,
    ) -> Answer[T]:
        """Server-side apply as `manager`; `force` takes fields over, else Conflict names them."""
        call = Call(
            method="PATCH",
            path=resource.path(name, namespace),
            query={"fieldManager": manager, "force": str(force).lower()} | _dry(dry_run),
            body=msgspec.json.encode(body),
            content_type="application/apply-patch+yaml",
        )
        return await self._typed(call, kind)

    async def json_patch(  # noqa: PLR0913 - what a patch is asked with
        self,
        resource: Resource,
        kind: type[T],
        name: str,
        operations: Sequence[PatchOperation],
        namespace: str | None = None,
        *,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Answer[T]:
        """Patch by steps; raises Invalid when a `test` step does not hold."""
        call = Call(
            method="PATCH",
            path=resource.path(name, namespace, subresource),
            query=_dry(dry_run),
            body=msgspec.json.encode(operations),
            content_type="application/json-patch+json",
        )
        return await self._typed(call, kind)

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        uid: str,
        propagation: Propagation = Propagation.BACKGROUND,
        dry_run: bool = False,
    ) -> datetime:
        """Delete the object with this UID and no other; returns the API server's clock.

        Raises NotFound, and Conflict where the name belongs to another object by now. With a UID it
        may be repeated: the second time it is NotFound.
        """
        options = {
            "preconditions": {"uid": uid},
            "propagationPolicy": propagation.value,
            "dryRun": ["All"] if dry_run else [],
        }
        call = Call(
            method="DELETE",
            path=resource.path(name, namespace),
            body=msgspec.json.encode(options),
        )
        return (await self.send(call)).date

    async def send(self, call: Call) -> Answered:
        """Send a call, repeated as the module says; raises the last KubeError."""
        started, attempt = self._clock(), 0
        while True:
            try:
                return await self.transport.exchange(call)
            except ClusterFault as error:
                pause = self._pause(call, error, attempt)
                if pause is None or self._clock() - started + pause > self._deadline:
                    raise
            await self.sleep(pause)
            attempt += 1

    async def _typed(self, call: Call, kind: type[T]) -> Answer[T]:
        answered = await self.send(call)
        return Answer(decode(call, kind, answered.body), answered.date)

    def _pause(self, call: Call, error: ClusterFault, attempt: int) -> float | None:
        never_done = isinstance(error, Overloaded) or (
            isinstance(error, Unreachable) and not error.sent
        )
        if isinstance(error, Malformed) or not (call.repeatable or never_done):
            return None
        after = error.retry_after if isinstance(error, ServerFailed) else None
        return self.backoff.delay(attempt, self.chance(), after)


def decode(call: object, kind: type[T], body: bytes | msgspec.Raw) -> T:
    """Read a value of a type; raises Malformed with the path of what is wrong."""
    try:
        value: T = _decoder(kind).decode(body)  # type: ignore[arg-type] # a type is hashable
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(str(call), str(error)) from error
    return value


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _dry(dry_run: bool) -> dict[str, str]:  # noqa: FBT001 - private, and named at every call
    return {"dryRun": "All"} if dry_run else {}
