"""One Pod from its binding to its end."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from localcluster import containers, state
from localcluster.node import environment, objects
from localcluster.node.api import MERGE, Api, Refused
from localcluster.node.command import expand, rewrite
from localcluster.node.container import Container, Launch
from localcluster.node.fields import NODE
from localcluster.node.saying import say
from localcluster.node.sources import Sources
from localcluster.node.status import conditions, stamp, status
from localcluster.node.volumes import Volumes
from localcluster.node.waiting import NotYet

_LOOK_SECONDS = 0.1
_REFRESH_SECONDS = 1.0
_PATIENCE_SECONDS = 0.3
_GONE, _CONFLICT, _THEIR_FAULT = 404, 409, 500


class RunningPod:
    """A Pod that this node runs; `directory` is the cluster's, `address` the Pod's (a fiction)."""

    def __init__(
        self, pod: objects.Pod, directory: Path, api: Api, address: str, now: Callable[[], datetime]
    ) -> None:
        self.pod = pod
        self.address = address
        self._api = api
        self._now = now
        self._start = now()
        self._cluster = directory
        self._home = directory / "pods" / pod.metadata.uid
        self._sources = Sources(api, pod)
        self._volumes = Volumes(pod, self._home / "volumes", self._sources)
        before = {known.name: known.restart_count + 1 for known in pod.status.container_statuses}
        self._containers = [self._container(c, before.get(c.name, 0)) for c in pod.spec.containers]
        self._since: dict[str, tuple[bool, str]] = {}
        self._told: dict[str, object] = {}
        self._end: asyncio.Task[None] | None = None
        self._vanished = False
        self._said = ""

    @property
    def ready(self) -> bool:
        """Whether Services lead to it."""
        return self._end is None and all(container.ready for container in self._containers)

    def local_port(self, port: int | str) -> int | None:
        """The local port behind a port's number or name."""
        found = (container.local_port(port) for container in self._containers)
        return next((local for local in found if local is not None), None)

    async def run(self) -> None:
        """Run it until it has ended for good, and the API server knows."""
        await self._insist(self._bind)
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = [asyncio.create_task(self._refresh()), asyncio.create_task(self._report())]
        await asyncio.gather(*(container.run() for container in self._containers))
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await self._insist(self._tell)
        if self._end is not None:
            await self._insist(self._remove)
        shutil.rmtree(self._home, ignore_errors=True)

    def update(self, pod: objects.Pod) -> None:
        """Take note of what the API server says; a wish to end it is followed once."""
        self.pod = pod
        if pod.metadata.deletion_timestamp:
            grace = pod.metadata.deletion_grace_period_seconds
            self._end_within(pod.spec.termination_grace_period_seconds if grace is None else grace)

    def vanish(self) -> None:
        """End it because the API server does not know it any more."""
        if not self._vanished:
            self._vanished = True
            self._end = asyncio.create_task(self._end_all(1))

    def _end_within(self, grace: int) -> None:
        if self._end is None:
            self._end = asyncio.create_task(self._end_all(grace))

    async def _end_all(self, grace: int) -> None:
        await asyncio.gather(*(container.end(grace) for container in self._containers))

    def _container(self, spec: objects.Container, restarts: int) -> Container:
        meta, pod = self.pod.metadata, self.pod.spec
        record = containers.container(self._cluster, meta.namespace, meta.name, spec.name)
        grace = pod.termination_grace_period_seconds
        return Container(
            spec, record, pod.restart_policy, grace, self._prepare, self._now, restarts
        )

    async def _prepare(self, spec: objects.Container) -> Launch:
        _require_known(spec, self.pod)
        try:
            await self._volumes.refresh()
            base = environment.base(self._home, self._api)
            variables = await environment.variables(spec, self.pod, self._sources, base)
        except Refused as error:
            raise NotYet("CreateContainerConfigError", str(error)) from error
        words = [str(port.container_port) for port in spec.ports]
        before = next((c.ports for c in self._containers if c.spec is spec), {})
        chosen = state.choose_ports({str(k): v for k, v in before.items()}, words)
        ports = {int(word): local for word, local in chosen.items()}
        mounts = self._volumes.mounts(spec)
        argv = [expand(word, variables) for word in (*spec.command, *spec.args)]
        return Launch(
            [rewrite(word, mounts, ports) for word in argv],
            # What is this machine's already stays: a checkout may lie below a mount's path.
            {
                name: value if base.get(name) == value else rewrite(value, mounts, ports)
                for name, value in variables.items()
            },
            self._home,
            ports,
        )

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH_SECONDS)
            # What cannot be had now (an outage, a Secret that was removed) stays as it was.
            with suppress(NotYet, Refused, OSError):
                await self._volumes.refresh()

    async def _report(self) -> None:
        while True:
            await self._insist(self._tell)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _bind(self) -> None:
        if self.pod.spec.node_name:
            return
        meta = self.pod.metadata
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": meta.name, "namespace": meta.namespace, "uid": meta.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
        }
        await self._api.send("POST", f"{self.pod.path}/binding", body)

    async def _tell(self) -> None:
        going = self._end is not None
        wanted = status(self._containers, self.address, self._start, going=going)
        wanted["conditions"] = self._conditions(going=going)
        if wanted == self._told or self._vanished:
            return
        body = {"metadata": {"uid": self.pod.metadata.uid}, "status": wanted}
        await self._api.send("PATCH", f"{self.pod.path}/status", body, MERGE)
        self._told = wanted

    def _conditions(self, *, going: bool) -> list[dict[str, str]]:
        for kind, holds in conditions(self._containers, going=going).items():
            if kind not in self._since or self._since[kind][0] != holds:
                self._since[kind] = (holds, stamp(self._now()))
        return [
            {"type": kind, "status": str(holds), "lastTransitionTime": since}
            for kind, (holds, since) in self._since.items()
        ]

    async def _remove(self) -> None:
        if not self._vanished:
            await remove(self._api, self.pod)

    async def _insist(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take a step when the API server answers: an outage ends nothing."""
        while not self._vanished:
            try:
                return await step()
            except Refused as error:
                if error.status not in (_GONE, _CONFLICT) and str(error) != self._said:
                    say(f"{self.pod.path}: {error}")
                    self._said = str(error)
                await asyncio.sleep(_PATIENCE_SECONDS)
                if error.status < _THEIR_FAULT:
                    return None  # the next look at the Pods tells what has become of it
            except OSError:
                pass  # the look at the Pods, which fails as well, says so
            await asyncio.sleep(_PATIENCE_SECONDS)
        return None


async def remove(api: Api, pod: objects.Pod) -> None:
    """Tell the API server that nothing of a Pod is left here."""
    body = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod.metadata.uid}}
    await api.send("DELETE", pod.path, body)


def _require_known(spec: objects.Container, pod: objects.Pod) -> None:
    if not spec.command:
        raise NotYet("CreateContainerError", "there is no image here that has a command")
    if pod.spec.init_containers:
        raise NotYet("CreateContainerError", "this node runs no init containers")
    for probe in (spec.readiness_probe, spec.liveness_probe, spec.startup_probe):
        if probe is not None and probe.http_get is None and probe.tcp_socket is None:
            raise NotYet("CreateContainerError", "this node asks probes by httpGet and tcpSocket")
