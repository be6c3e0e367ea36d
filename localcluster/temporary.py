"""Clusters that live no longer than a test run, however that ends.

Each keeps the lock of its directory for its whole life, and the kernel lets go of it when the run
is killed. So the next start knows which ones nobody owns, ends their processes and removes them.
"""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from localcluster import binaries, lifetime, state
from localcluster.cluster import LocalCluster
from localcluster.errors import NotACluster
from localcluster.locking import locked, try_lock
from localcluster.versions import Version


@contextmanager
def temporary(version: Version | None = None) -> Iterator[LocalCluster]:
    """A fresh cluster, ended and removed afterwards; raises RigError where it cannot be had."""
    programs = binaries.find(version, os.environ, _silence)
    directory, lock = _new_directory()
    try:
        yield lifetime.start(directory, programs, _now, lock)
    finally:
        # Under the root's lock, so that no sweep meets a directory half removed.
        with locked(directory.parent / state.LOCK, lambda: None):
            lifetime.end(directory)
        os.close(lock)


def sweep(root: Path) -> list[Path]:
    """End and remove the clusters under `root` that nobody owns any more; returns them.

    The caller holds the root's own lock, so that no directory is met half made.
    """
    swept = []
    for directory in sorted(path for path in root.iterdir() if path.is_dir()):
        lock = try_lock(directory / state.LOCK)
        if lock is None:
            continue
        try:
            lifetime.end(directory)
            swept.append(directory)
        except NotACluster:  # somebody else's files are left as they are, and stop nothing
            continue
        finally:
            os.close(lock)
    return swept


def root_directory() -> Path:
    """Where this user's temporary clusters are; NotACluster if somebody else made that place."""
    root = Path(tempfile.gettempdir()).resolve() / f"curfew-clusters-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    found = root.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NotACluster(f"{root} is not a directory that only you can enter: remove it")
    return root


def _new_directory() -> tuple[Path, int]:
    root = root_directory()
    with locked(root / state.LOCK, lambda: None):
        sweep(root)
        directory = Path(tempfile.mkdtemp(dir=root))
        lock = try_lock(directory / state.LOCK)
    if lock is None:
        raise NotACluster(f"{directory} was taken by another process as it was made")
    return directory, lock


def _silence(_: str) -> None:
    """Tests print nothing; `python -m localcluster binaries` tells beforehand."""


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a composition root: certificates are dated here
