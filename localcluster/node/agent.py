"""The node: looks at all Pods several times a second, and runs those that are its own."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from localcluster import containers
from localcluster.node.api import MERGE, Api, Refused
from localcluster.node.endpoints import table
from localcluster.node.fields import LOOPBACK, NODE
from localcluster.node.objects import Pod, PodList, ServiceList
from localcluster.node.running import RunningPod, remove
from localcluster.node.saying import say
from localcluster.node.status import stamp
from localcluster.pki import write_private

_IMAGE = "curfew"
_LOOK_SECONDS = 0.25
_EXISTS = 409
_THREADS = 64


class Agent:
    """The node of the cluster whose table of endpoints it writes, beside which it keeps Pods."""

    def __init__(self, api: Api, endpoints: Path, now: Callable[[], datetime]) -> None:
        self._api = api
        self._endpoints = endpoints
        self._now = now
        self._running: dict[str, tuple[RunningPod, asyncio.Task[None]]] = {}
        self._ignored: set[str] = set()
        self._written: object = None

    async def run(self) -> None:
        """Run until the process is ended; what a node before this one left is ended first."""
        # An outage holds threads for seconds, and probes must not wait for those.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
        containers.end_all(self._endpoints.parent)
        away, registered = "", False
        while True:
            try:
                if not registered:
                    await self._register()
                registered = True
                await self._look()
                away = ""
            except (OSError, Refused) as error:
                if str(error) != away:
                    say(f"no look at the Pods, those that run run on: {error}")
                away = str(error)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _register(self) -> None:
        body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}
        try:
            await self._api.send("POST", "/api/v1/nodes", body)
        except Refused as error:
            if error.status != _EXISTS:
                raise
        path, now = f"/api/v1/nodes/{NODE}", stamp(self._now())
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
        times = {"lastHeartbeatTime": now, "lastTransitionTime": now}
        addresses = [{"type": "InternalIP", "address": LOOPBACK}]
        status = {"conditions": [ready | times], "addresses": addresses}
        await self._api.send("PATCH", f"{path}/status", {"status": status}, MERGE)
        # Admission marks a new Node as not ready, and nobody else here would take that away.
        await self._api.send("PATCH", path, {"spec": {"taints": None}}, MERGE)

    async def _look(self) -> None:
        pods = msgspec.json.decode(await self._api.get("/api/v1/pods"), type=PodList).items
        for pod in pods:
            await self._consider(pod, pods)
        listed = {pod.metadata.uid for pod in pods}
        for uid, (running, task) in list(self._running.items()):
            if uid not in listed:
                running.vanish()
                if task.done():
                    del self._running[uid]
        if self._running or self._written is None or self._written:
            await self._lead()

    async def _consider(self, pod: Pod, pods: list[Pod]) -> None:
        uid = pod.metadata.uid
        if uid in self._running:
            running, task = self._running[uid]
            running.update(pod)
            if task.done() and pod.metadata.deletion_timestamp:
                await remove(self._api, pod)
        elif pod.terminal or pod.spec.node_name not in ("", NODE):
            return
        elif not _ours(pod):
            if uid not in self._ignored:
                say(f"{pod.path} is left alone: its image is not {_IMAGE!r}")
            self._ignored.add(uid)
        elif pod.metadata.deletion_timestamp:
            await remove(self._api, pod)
        elif not self._namesake(pod):
            self._begin(pod, {known.status.pod_ip for known in pods})

    def _namesake(self, pod: Pod) -> bool:
        # One that vanished may still be on its way out, under the same name and record.
        return any(pod.path == running.pod.path for running, _ in self._running.values())

    def _begin(self, pod: Pod, taken: set[str]) -> None:
        taken |= {running.address for running, _ in self._running.values()}
        address = pod.status.pod_ip or _free_address(taken)
        say(f"{pod.path} begins")
        running = RunningPod(pod, self._endpoints.parent, self._api, address, self._now)
        task = asyncio.create_task(running.run())
        task.add_done_callback(lambda done: _say_end(pod, done))
        self._running[pod.metadata.uid] = (running, task)

    async def _lead(self) -> None:
        answer = await self._api.get("/api/v1/services")
        services = msgspec.json.decode(answer, type=ServiceList).items
        wanted = table(services, [running for running, _ in self._running.values()])
        if wanted != self._written:
            write_private(self._endpoints, json.dumps(wanted).encode())
        self._written = wanted


def _ours(pod: Pod) -> bool:
    return all(_basename(container.image) == _IMAGE for container in pod.spec.containers)


def _basename(image: str) -> str:
    return image.rsplit("/", 1)[-1].split("@", 1)[0].split(":", 1)[0]


def _free_address(taken: set[str]) -> str:
    numbers = (f"10.244.{number // 256}.{number % 256}" for number in range(2, 256 * 256))
    return next(address for address in numbers if address not in taken)


def _say_end(pod: Pod, task: "asyncio.Task[None]") -> None:
    failure = None if task.cancelled() else task.exception()
    say(f"{pod.path} has ended" if failure is None else f"{pod.path}: a fault of ours: {failure!r}")


def main(server: str, pki: str, endpoints: str) -> None:
    """Run the node of one cluster."""
    agent = Agent(Api(server, Path(pki)), Path(endpoints), lambda: datetime.now(UTC))  # noqa: TID251 - the composition root
    asyncio.run(agent.run())
