"""Following a collection, with the bytes of each answer given: what is made of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from curfew.objects.meta import ObjectMeta
from curfew.objects.resource import Resource
from curfew_kube.client import Client
from curfew_kube.credentials import Credentials
from curfew_kube.errors import CredentialFault, Malformed
from curfew_kube.mirror import Added, Deleted, Modified
from curfew_kube.transport import Answered, Call, Transport
from curfew_kube.watching import Follower, Outage, Synced

PODS = Resource("", "v1", "pods", namespaced=True)
DATE = datetime(2026, 1, 1, tzinfo=UTC)


class Pod(msgspec.Struct, frozen=True):
    metadata: ObjectMeta


class NoCredentials:
    async def current(self, *, refused: Credentials | None = None) -> Credentials:
        raise CredentialFault(f"not needed here (refused={refused})")


class Chunks:
    """The part of an answer that is read: the chunks, then the end."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.content = self
        self._chunks = chunks

    async def readany(self) -> bytes:
        await asyncio.sleep(0)
        return self._chunks.pop(0) if self._chunks else b""


class Script(Transport):
    """Answers lists and watches from a script; the last of each is given again and again."""

    def __init__(self, lists: list[bytes], watches: list[list[bytes]]) -> None:
        super().__init__(NoCredentials())
        self.lists = lists
        self.watches = watches
        self.asked: list[str] = []
        self.open = 0
        self.left_open: list[int] = []

    async def exchange(self, call: Call) -> Answered:
        self.asked.append(f"list {call.path}")
        await asyncio.sleep(0)
        return Answered(self.lists.pop(0) if len(self.lists) > 1 else self.lists[0], DATE)

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[Any]:
        self.asked.append(f"watch {call.query['resourceVersion']}")
        chunks = self.watches.pop(0) if len(self.watches) > 1 else self.watches[0]
        self.open += 1
        try:
            yield Chunks(list(chunks))
        finally:
            self.open -= 1


def listed(version: str, *pods: tuple[str, str, str]) -> bytes:
    items = [
        {"metadata": {"name": n, "uid": u, "resourceVersion": v, "namespace": "n"}}
        for n, u, v in pods
    ]
    return msgspec.json.encode({"metadata": {"resourceVersion": version}, "items": items})


def event(kind: str, name: str, uid: str, version: str) -> bytes:
    meta = {"name": name, "uid": uid, "resourceVersion": version, "namespace": "n"}
    return msgspec.json.encode({"type": kind, "object": {"metadata": meta}}) + b"\n"


def play(script: Script, enough: Callable[[list[Any]], bool]) -> tuple[list[Any], list[float]]:
    told: list[Any] = []
    sleeps: list[float] = []

    async def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        script.left_open.append(script.open)
        await asyncio.sleep(0)

    async def run() -> None:
        client = Client(NoCredentials(), transport=script, sleep=sleep, chance=lambda: 0.5)
        async with aclosing(Follower(client, PODS, Pod).follow()) as changes:
            async for change in changes:
                told.append(change)
                if enough(told):
                    return

    asyncio.run(asyncio.wait_for(run(), 20))
    return told, sleeps


def names(told: list[Any]) -> list[str]:
    spelled = []
    for change in told:
        match change:
            case Added(object=o):
                spelled.append(f"+{o.metadata.name}{o.metadata.resource_version}")
            case Modified(object=o):
                spelled.append(f"~{o.metadata.name}{o.metadata.resource_version}")
            case Deleted(name=name, uid=uid):
                spelled.append(f"-{name}{uid}")
            case Synced(count=count):
                spelled.append(f"synced {count}")
            case Outage(error=error):
                spelled.append(type(error).__name__)
    return spelled


def test_a_server_that_ends_every_watch_at_once_is_asked_with_pauses() -> None:
    last = [event("ADDED", "a", "u1", "2")]
    script = Script([listed("1")], [*[[] for _ in range(20)], last])
    told, sleeps = play(script, lambda told: len(told) == 2)
    assert names(told) == ["synced 0", "+a2"]
    assert len(sleeps) == 20
    assert min(sleeps) > 0
    assert script.asked == ["list /api/v1/pods"] + ["watch 1"] * 21


def test_an_expired_version_inside_the_stream_is_an_outage_until_a_new_list() -> None:
    gone = b'{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n'
    script = Script(
        [listed("1", ("a", "u1", "1"), ("b", "u2", "1")), listed("9", ("a", "u1", "5"))],
        [[event("MODIFIED", "a", "u1", "5"), gone], []],
    )
    told, _ = play(script, lambda told: len(told) == 7)
    assert names(told) == ["+a1", "+b1", "synced 2", "~a5", "Expired", "-bu2", "synced 1"]


def test_a_bookmark_moves_the_version_from_which_a_watch_goes_on() -> None:
    mark = b'{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"77"}}}\n'
    script = Script([listed("1")], [[mark], [event("ADDED", "a", "u1", "78")], []])
    play(script, lambda told: len(told) == 2)
    assert script.asked == ["list /api/v1/pods", "watch 1", "watch 77"]


def test_an_event_that_cannot_be_read_is_an_outage_and_then_a_new_list() -> None:
    for line in (b"{not json\n", event("RENAMED", "a", "u1", "2"), b'{"type":"ADDED"}\n'):
        script = Script([listed("1"), listed("2", ("a", "u1", "2"))], [[line], []])
        told, _ = play(script, lambda told: len(told) == 4)
        assert names(told) == ["synced 0", "Malformed", "+a2", "synced 1"]
        assert isinstance(told[1], Outage)
        assert isinstance(told[1].error, Malformed)


@settings(deadline=None)
@given(st.lists(st.integers(1, 400), max_size=6))
def test_events_are_whole_wherever_the_network_cuts_them(cuts: list[int]) -> None:
    stream = b"".join(event("ADDED", f"p{n}", f"u{n}", str(n + 2)) for n in range(4))
    marks = [0, *sorted(cuts), len(stream)]
    chunks = [stream[a:b] for a, b in pairwise(marks) if stream[a:b]]
    script = Script([listed("1")], [chunks, []])
    told, _ = play(script, lambda told: len(told) == 5)
    assert names(told) == ["synced 0", "+p02", "+p13", "+p24", "+p35"]


def test_a_stream_with_an_error_in_it_is_closed_before_the_next_is_opened() -> None:
    failed = {"code": 504, "reason": "Timeout", "details": {"retryAfterSeconds": 9}}
    line = msgspec.json.encode({"type": "ERROR", "object": failed}) + b"\n"
    script = Script([listed("1")], [[line, b"more"], []])
    told, sleeps = play(script, lambda told: len(told) == 3)
    assert names(told) == ["synced 0", "ServerFailed", "synced 0"]
    assert script.left_open == [0]
    assert sleeps[0] >= 9
