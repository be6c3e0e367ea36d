"""One component as a process: started, paused, killed, and found again by its recorded id.

A recorded id counts only while a process of that id still has the cluster's directory among its
arguments, so an id that the system gave to somebody else in the meantime is never touched.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from localcluster.errors import ComponentFailed

_LAST_WORDS = 2000
_PATIENCE_SECONDS = 30
_EXEC_LOOKS = 200


@dataclass(frozen=True)
class Process:
    """A component called `name` of the cluster in `directory`."""

    name: str
    directory: Path

    @property
    def record(self) -> Path:
        """The file that holds the process id."""
        return self.directory / "run" / f"{self.name}.pid"

    @property
    def log(self) -> Path:
        """What the process prints."""
        return self.directory / "logs" / f"{self.name}.log"

    def running(self) -> psutil.Process | None:
        """The live process on record, or None."""
        try:
            found = psutil.Process(int(self.record.read_text()))
            marks = self._marks(found)
        except (FileNotFoundError, ValueError, psutil.Error):
            return None
        return found if any(f"{self.directory}/" in mark for mark in marks) else None

    def _marks(self, process: psutil.Process) -> list[str]:
        """The texts by which a process shows whose it is; none once it is dead."""
        return _words(process)

    def start(self, argv: Sequence[str], lock: int | None = None) -> None:
        """Start the program; `lock` is inherited until its id is on record."""
        for path in (self.record, self.log):
            path.parent.mkdir(parents=True, exist_ok=True)
        self.record.unlink(missing_ok=True)
        launcher = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py"))]
        inherited = "" if lock is None else str(lock)
        with self.log.open("ab") as log:
            subprocess.run(
                [*launcher, str(self.record), inherited, *argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=() if lock is None else (lock,),
                check=True,
            )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self.record.exists():
            if time.monotonic() > deadline:
                raise ComponentFailed(f"{self.name} could not be started; {self.last_words()}")
            time.sleep(0.005)

    def kill(self) -> None:
        """End it at once (SIGKILL also ends a paused process) and wait until it is gone."""
        process = self.running()
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.kill()
            self._await_end(process)
        self.record.unlink(missing_ok=True)

    def _await_end(self, process: psutil.Process) -> None:
        # A dead process that its parent has not asked about yet holds neither port nor file.
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.running() is not None:
            if time.monotonic() > deadline:
                raise ComponentFailed(f"{self.name} (process {process.pid}) does not end")
            time.sleep(0.005)

    def pause(self) -> None:
        """Stop it in its tracks: connections stay open, nothing is answered."""
        self._alive().suspend()

    def resume(self) -> None:
        """Let a paused process go on."""
        self._alive().resume()

    def _alive(self) -> psutil.Process:
        process = self.running()
        if process is None:
            raise ComponentFailed(f"{self.name} is not running")
        return process

    def last_words(self) -> str:
        """The end of the log, for an error message."""
        try:
            text = self.log.read_text(errors="replace")[-_LAST_WORDS:]
        except FileNotFoundError:
            text = ""
        return f"the end of {self.log}:\n{text}"


def _words(process: psutil.Process) -> list[str]:
    # In the middle of an exec a live process has no arguments for a moment.
    for _ in range(_EXEC_LOOKS):
        if process.status() == psutil.STATUS_ZOMBIE:
            return []
        words = process.cmdline()
        if words:
            return words
        time.sleep(0.005)
    return []
