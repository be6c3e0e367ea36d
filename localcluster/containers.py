"""The processes that the node runs for Pods, found and ended by whoever holds the directory."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from localcluster.errors import ComponentFailed
from localcluster.process import Process

_SHELF = "pods"
_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class ContainerProcess(Process):
    """A container's process, the first of a session of its own."""

    def _marks(self, process: psutil.Process) -> list[str]:
        # Its arguments are its own business; where it lives and its HOME are the directory's.
        marks = super()._marks(process)
        if marks:
            with suppress(psutil.AccessDenied):
                marks.append(process.cwd())
            with suppress(psutil.AccessDenied):
                marks += process.environ().values()
        return marks

    def kill(self) -> None:
        """End it and all that it started, at once."""
        process = self.running()
        if process is not None:
            children = _children(process)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            psutil.wait_procs(children, timeout=_PATIENCE_SECONDS)
        super().kill()


def container(directory: Path, namespace: str, pod: str, name: str) -> ContainerProcess:
    """The process of one container."""
    # No name in Kubernetes has an underscore, so the parts cannot be confused.
    return ContainerProcess(f"{_SHELF}/{namespace}_{pod}_{name}", directory)


def of_pod(directory: Path, namespace: str, pod: str) -> list[ContainerProcess]:
    """The containers of a Pod that run, by name."""
    return [c for c in _recorded(directory, f"{namespace}_{pod}_") if c.running() is not None]


def log_of_pod(directory: Path, namespace: str, pod: str) -> str:
    """What a Pod's containers printed, one after the other; it outlives the Pod."""
    found = logs(directory, namespace, pod)
    if not found:
        raise ComponentFailed(f"the node has run no Pod {pod} in {namespace}")
    return "".join(log.read_text(errors="replace") for log in found)


def logs(directory: Path, namespace: str, pod: str = "*") -> list[Path]:
    """The logs of a Pod's containers, or of all Pods in a namespace."""
    return sorted((directory / "logs" / _SHELF).glob(f"{namespace}_{pod}_*.log"))


def end_all(directory: Path) -> None:
    """End every container on record."""
    for found in _recorded(directory, ""):
        found.kill()


def _recorded(directory: Path, prefix: str) -> list[ContainerProcess]:
    records = sorted((directory / "run" / _SHELF).glob(f"{prefix}*.pid"))
    return [ContainerProcess(f"{_SHELF}/{record.stem}", directory) for record in records]


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
