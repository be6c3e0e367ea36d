"""An API server in memory, in the place of the transport: the client above it is the real one."""

import asyncio
import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from curfew_kube.client import Client
from curfew_kube.credentials import Credentials
from curfew_kube.errors import CredentialFault, KubeError, Refused, Unreachable, refusal
from curfew_kube.status import Status
from curfew_kube.transport import Answered, Call, Transport

DATE = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
Content = dict[str, Any]
Meanwhile = Callable[[], None]


class NoCredentials:
    """Nothing here is sent anywhere."""

    async def current(self, *, refused: Credentials | None = None) -> Credentials:
        raise CredentialFault(f"not needed here (refused={refused})")


class MemoryApi(Transport):
    """Objects by path; `kinds` are the collections that are there though they may be empty.

    `failing` and `hanging` hold calls as text: `GET /api/v1/namespaces/a`.
    `just_before` is what somebody else does before such a call is carried out, once.
    `calls` are all that came in, with `?dryRun` behind those that were to change nothing.
    """

    def __init__(self) -> None:
        super().__init__(NoCredentials())
        self.objects: dict[str, Content] = {}
        self.calls: list[str] = []
        self.posted: list[Content] = []
        self.kinds: set[str] = set()
        self.failing: dict[str, KubeError] = {}
        self.hanging: set[str] = set()
        self.just_before: dict[str, Meanwhile] = {}
        self._version = 0

    def client(self) -> Client:
        """A client that asks once and never waits."""
        return Client(NoCredentials(), transport=self, deadline=0.0)

    def put(self, path: str, content: Content) -> None:
        """Store another version of an object."""
        self._version += 1
        fresh = copy.deepcopy(content)
        meta = {"name": path.rpartition("/")[2]} | fresh.get("metadata", {})
        fresh["metadata"] = meta | {"resourceVersion": str(self._version)}
        self.objects[path] = fresh

    async def exchange(self, call: Call) -> Answered:
        """Carry the call out, at the next turn of the loop."""
        said = str(call)
        dry = call.query.get("dryRun") == "All"
        self.calls.append(f"{said}?dryRun" if dry else said)
        await asyncio.sleep(0)
        if meanwhile := self.just_before.pop(said, None):
            meanwhile()
        if said in self.hanging:
            await asyncio.Event().wait()
        if said in self.failing:
            raise self.failing[said]
        content = self._do(call, dry=dry)
        return Answered(msgspec.json.encode(content), DATE)

    def _do(self, call: Call, *, dry: bool) -> Content:
        body: Any = msgspec.json.decode(call.body) if call.body else None
        if call.method == "POST":
            self.posted.append(body)
            return self._made(call, body)
        if call.method == "PATCH":
            return self._patched(call, body, dry=dry)
        if call.path in self.objects:
            return self.objects[call.path]
        items = [o for path, o in self.objects.items() if path.rpartition("/")[0] == call.path]
        if items or call.path in self.kinds:
            return {"metadata": {"resourceVersion": str(self._version)}, "items": items}
        raise no(str(call), 404, "NotFound", f"{call.path} not found")

    def _made(self, call: Call, body: Content) -> Content:
        name = body["metadata"].get("name") or body["metadata"]["generateName"] + "x7k2p"
        path = f"{call.path}/{name}"
        self.put(path, body | {"metadata": body["metadata"] | {"name": name}})
        return self.objects[path]

    def _patched(self, call: Call, steps: list[Content], *, dry: bool) -> Content:
        if call.path not in self.objects:
            raise no(str(call), 404, "NotFound", f"{call.path} not found")
        fresh = copy.deepcopy(self.objects[call.path])
        for step in steps:
            *parents, last = step["path"].split("/")[1:]
            at: Any = fresh
            for part in parents:
                at = at[int(part)] if isinstance(at, list) else at[part]
            if step["op"] == "test" and at.get(last) != step["value"]:
                raise no(str(call), 422, "Invalid", "the object has been changed")
            at[last] = step["value"]
        if not dry:
            self.put(call.path, fresh)
        return fresh


def no(call: str, code: int, reason: str, message: str) -> Refused:
    """The error that an answer of the API server becomes."""
    return refusal(call, Status(code, reason, message), DATE)


def away(call: str) -> Unreachable:
    """Nobody answers."""
    return Unreachable(call, "connection refused", sent=False)


def now() -> datetime:
    """The wall clock: certificates of a test are of now, since OpenSSL judges them by it."""
    return datetime.now(UTC)  # noqa: TID251 - the reason is above
