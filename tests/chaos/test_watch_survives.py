"""A watch tells every change once, whatever becomes of its API server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager

import msgspec
import pytest

from curfew.objects.meta import ObjectMeta
from curfew.objects.resource import Resource
from curfew_kube.backoff import Backoff
from curfew_kube.client import Client
from curfew_kube.errors import Expired
from curfew_kube.kubeconfig import Kubeconfig
from curfew_kube.mirror import Added, Deleted, Modified
from curfew_kube.transport import Transport
from curfew_kube.watching import Follower, Outage, Synced
from localcluster import LocalCluster, temporary

CONFIG_MAPS = Resource("", "v1", "configmaps", namespaced=True)


class ConfigMap(msgspec.Struct, frozen=True):
    """A ConfigMap as these tests read it."""

    metadata: ObjectMeta


@pytest.fixture(scope="module")
def broken() -> Iterator[LocalCluster]:
    """A cluster of their own for tests that break it."""
    with temporary() as running:
        yield running


class Watcher:
    """Plays changes back, and fails on the first that is told twice or out of turn."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[str, str]] = {}
        self.told: set[tuple[str, str]] = set()
        self.outages = 0
        self.expired = 0
        self.synced = False
        self.waiting = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def sleep(self, seconds: float) -> None:
        """Wait, and for as long as the test wants nothing to be seen."""
        await asyncio.sleep(seconds)
        self.waiting = True
        await self.gate.wait()
        self.waiting = False

    async def run(self, client: Client, stall_after: float) -> None:
        follower = Follower(client, CONFIG_MAPS, ConfigMap, "default", stall_after, watch_for=2.0)
        async with aclosing(follower.follow()) as changes:
            async for change in changes:
                match change:
                    case Added(object=item) | Modified(object=item):
                        meta = item.metadata
                        now = (meta.uid, meta.resource_version)
                        assert now not in self.told
                        assert (meta.name in self.known) == isinstance(change, Modified)
                        self.told.add(now)
                        self.known[meta.name] = now
                    case Deleted(name=name, uid=uid):
                        assert self.known.pop(name)[0] == uid
                    case Synced(count=count):
                        assert count == len(self.known)
                        self.synced = True
                    case Outage(error=error):
                        self.outages += 1
                        self.expired += isinstance(error, Expired)
                        self.synced = False


async def _until(condition: Callable[[], bool], task: "asyncio.Task[None]") -> None:
    for _ in range(600):
        if task.done():
            task.result()
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come to that within 30 seconds")


@asynccontextmanager
async def watched(
    cluster: LocalCluster, stall_after: float = 2.0
) -> AsyncIterator[tuple[Watcher, "asyncio.Task[None]"]]:
    """A watcher at work; afterwards it must know just what the API server knows."""
    source = Kubeconfig(cluster.kubeconfig)
    transport = Transport(source, patience=3, connect=2)
    quick = Backoff(first=0.05, longest=0.5)
    watcher = Watcher()
    async with Client(source, transport=transport, backoff=quick, sleep=watcher.sleep) as client:
        task = asyncio.create_task(watcher.run(client, stall_after))
        try:
            await _until(lambda: watcher.synced, task)
            yield watcher, task
            truth = await client.list(CONFIG_MAPS, ConfigMap, "default")
            wanted = {
                o.metadata.name: (o.metadata.uid, o.metadata.resource_version)
                for o in truth.value.items
            }
            await _until(lambda: watcher.known == wanted, task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _write(cluster: LocalCluster, *names: str) -> None:
    for name in names:
        cluster.kubectl("create", "configmap", name)


def test_a_restart_of_the_api_server_loses_and_doubles_nothing(broken: LocalCluster) -> None:
    async def run() -> None:
        async with watched(broken) as (watcher, task):
            await asyncio.to_thread(_write, broken, "before-restart")
            await asyncio.to_thread(broken.restart, "kube-apiserver")
            await asyncio.to_thread(_write, broken, "after-restart")
            await _until(lambda: "after-restart" in watcher.known, task)
            assert watcher.outages > 0

    asyncio.run(run())


def test_a_kill_in_the_middle_of_writes_loses_and_doubles_nothing(broken: LocalCluster) -> None:
    async def run() -> None:
        async with watched(broken) as (watcher, task):
            for number in range(3):
                writing = asyncio.to_thread(
                    broken.kubectl, "create", "configmap", f"torn-{number}", check=False
                )
                killing = asyncio.to_thread(broken.kill, "kube-apiserver")
                await asyncio.gather(writing, killing)
                await asyncio.to_thread(broken.start, "kube-apiserver")
            await asyncio.to_thread(_write, broken, "after-kill")
            await _until(lambda: "after-kill" in watcher.known, task)

    asyncio.run(run())


def test_a_paused_api_server_is_noticed_and_followed_again(broken: LocalCluster) -> None:
    async def run() -> None:
        async with watched(broken) as (watcher, task):
            outages = watcher.outages
            broken.pause("kube-apiserver")
            await _until(lambda: watcher.outages > outages and not watcher.synced, task)
            broken.resume("kube-apiserver")
            await asyncio.to_thread(_write, broken, "after-pause")
            await _until(lambda: "after-pause" in watcher.known and watcher.synced, task)

    asyncio.run(run())


def test_a_compaction_during_an_outage_is_bridged_by_a_list(broken: LocalCluster) -> None:
    async def run() -> None:
        async with watched(broken) as (watcher, task):
            await asyncio.to_thread(_write, broken, "dies-unseen", "recreated-unseen")
            await _until(lambda: "recreated-unseen" in watcher.known, task)
            before = watcher.known["recreated-unseen"]
            lists = _lists(broken)
            watcher.gate.clear()
            await _until(lambda: watcher.waiting, task)
            for name in ("dies-unseen", "recreated-unseen"):
                await asyncio.to_thread(broken.kubectl, "delete", "configmap", name)
            await asyncio.to_thread(_write, broken, "recreated-unseen", "made-unseen")
            await asyncio.to_thread(broken.compact)
            # A new API server has no memory of what was before the compaction: 410.
            await asyncio.to_thread(broken.restart, "kube-apiserver")
            watcher.gate.set()
            await _until(lambda: "made-unseen" in watcher.known, task)
            assert "dies-unseen" not in watcher.known
            assert watcher.known["recreated-unseen"][0] != before[0]
            assert _lists(broken) > lists
            assert watcher.expired > 0

    asyncio.run(run())


def _lists(cluster: LocalCluster) -> int:
    return sum(
        "/default/configmaps?limit=" in event.request_uri and event.verb == "list"
        for event in cluster.audit()
    )
