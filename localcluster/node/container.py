"""One container: its process, its probes and its restarts, as one walk from start to end."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from localcluster.containers import ContainerProcess
from localcluster.node import objects
from localcluster.node.probes import verdicts
from localcluster.node.waiting import NotYet

_FIRST_PAUSE = 0.5  # seconds; doubled with each restart
_LONGEST_PAUSE = 10.0
_FORGIVEN_AFTER = 60.0  # a run of so many seconds starts the pauses anew
_SIGNALLED = 128


@dataclass(frozen=True)
class Waiting:
    """It does not run yet, or not at the moment."""

    reason: str
    message: str = ""


@dataclass(frozen=True)
class Running:
    """Its process lives."""

    since: datetime


@dataclass(frozen=True)
class Terminated:
    """Its process ended."""

    code: int
    since: datetime
    until: datetime


State = Waiting | Running | Terminated


@dataclass(frozen=True)
class Launch:
    """All that a start needs; `ports` are the local ones by the container's own."""

    argv: list[str]
    environment: dict[str, str]
    directory: Path
    ports: Mapping[int, int]


@dataclass
class Container:
    """A container of a Pod; `prepare` makes ready what a start needs, and may raise NotYet."""

    spec: objects.Container
    record: ContainerProcess
    policy: str
    grace: int  # seconds from SIGTERM to SIGKILL
    prepare: Callable[[objects.Container], Awaitable[Launch]]
    now: Callable[[], datetime]
    restarts: int = 0
    state: State = field(default_factory=lambda: Waiting("ContainerCreating"))
    last: Terminated | None = None
    ready: bool = False
    started: bool = False
    finished: bool = False
    ports: Mapping[int, int] = field(default_factory=dict)
    _ending: asyncio.Event = field(default_factory=asyncio.Event)
    _process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Run it, and again where the restart policy says so, until it has ended for good."""
        pause = _FIRST_PAUSE
        while (launch := await self._launch()) is not None:
            began = time.monotonic()
            ended = await self._live(launch)
            if self._ending.is_set() or not _again(self.policy, ended.code):
                break
            pause = _FIRST_PAUSE if time.monotonic() - began > _FORGIVEN_AFTER else pause
            self.state = Waiting("CrashLoopBackOff", f"starts again in {pause} s")
            self.last = ended
            await self._rest(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            self.restarts += 1
        if self.last is not None and not isinstance(self.state, Terminated):
            self.state = self.last
        self.finished = True

    async def end(self, grace: int) -> None:
        """End it for good: SIGTERM, and after `grace` seconds SIGKILL."""
        self._ending.set()
        await self._terminate(grace)

    def local_port(self, port: int | str) -> int | None:
        """The local port behind a port's number or name; None where it has none (yet)."""
        if isinstance(port, int):
            return self.ports.get(port)
        numbers = [known.container_port for known in self.spec.ports if known.name == port]
        return self.ports.get(numbers[0]) if numbers else None

    async def _launch(self) -> Launch | None:
        while not self._ending.is_set():
            try:
                return await self.prepare(self.spec)
            except NotYet as error:
                self.state = Waiting(error.reason, error.message)
            except OSError as error:
                self.state = Waiting("ContainerCreating", str(error))
            await self._rest(_FIRST_PAUSE)
        return None

    async def _live(self, launch: Launch) -> Terminated:
        since = self.now()
        self._process = process = await self._begin(launch)
        self.ports = launch.ports
        self.state = Running(since)
        beside = [asyncio.create_task(self._probe())]
        if self._ending.is_set():  # asked for while the process was made
            beside.append(asyncio.create_task(self._terminate(self.grace)))
        code = await process.wait()
        for task in beside:
            task.cancel()
        self.ready = self.started = False
        self._kill_group(process.pid)
        self.record.record.unlink(missing_ok=True)
        ended = Terminated(code if code >= 0 else _SIGNALLED - code, since, self.now())
        self.state = ended
        return ended

    async def _begin(self, launch: Launch) -> asyncio.subprocess.Process:
        for path in (self.record.record, self.record.log):
            path.parent.mkdir(parents=True, exist_ok=True)
        script = str(Path(__file__).with_name("enter.py"))
        words = ["-I", "-S", script, str(self.record.record), str(os.getpid()), *launch.argv]
        with self.record.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                *words,
                env=launch.environment,
                cwd=launch.directory,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def _probe(self) -> None:
        spec = self.spec
        if spec.startup_probe is not None:
            async for good in verdicts(spec.startup_probe, self._port, eager=True):
                if good:
                    break
                await self._terminate(self.grace)
        self.started = True
        self.ready = spec.readiness_probe is None
        await asyncio.gather(self._watch_readiness(), self._watch_liveness())

    async def _watch_readiness(self) -> None:
        if self.spec.readiness_probe is not None:
            async for good in verdicts(self.spec.readiness_probe, self._port, eager=True):
                self.ready = good

    async def _watch_liveness(self) -> None:
        if self.spec.liveness_probe is not None:
            async for good in verdicts(self.spec.liveness_probe, self._port, eager=False):
                if not good:
                    await self._terminate(self.grace)

    def _port(self, port: int | str) -> int:
        local = self.local_port(port)
        if local is None and isinstance(port, int):
            return port  # not declared, so not rewritten: the process listens on this very port
        if local is None:
            raise OSError(f"{self.spec.name} has no port {port!r}")
        return local

    async def _terminate(self, grace: int) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), grace)
        except TimeoutError:
            self._kill_group(process.pid)

    @staticmethod
    def _kill_group(leader: int) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS: nobody but the dead is left
            os.killpg(leader, signal.SIGKILL)

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)


def _again(policy: str, code: int) -> bool:
    return policy == "Always" or (policy == "OnFailure" and code != 0)
