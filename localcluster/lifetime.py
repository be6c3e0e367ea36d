"""A cluster from birth to end: what `up` and `down` do, under the lock of its directory."""

from pathlib import Path
from typing import NoReturn

from localcluster import state
from localcluster.binaries import Programs, Say
from localcluster.cluster import Clock, LocalCluster
from localcluster.components import ORDER
from localcluster.errors import ComponentFailed, RigError
from localcluster.locking import locked

_TRIES = 3


def up(directory: Path, programs: Programs, say: Say, clock: Clock) -> LocalCluster:
    """Start the cluster of a directory, or find it running; stale processes are ended first.

    Raises NotACluster for a directory with other things in it, RigError for one of another version.
    """
    state.load(directory)  # refuses what is not ours before a lock is put into it
    with locked(directory / state.LOCK, lambda: say(f"waiting: {directory} is in use")) as lock:
        return start(directory, programs, clock, lock)


def start(directory: Path, programs: Programs, clock: Clock, lock: int) -> LocalCluster:
    """The same in a directory whose lock the caller holds."""
    saved = state.load(directory)
    if saved is not None:
        _require_same_version(directory, saved, programs)
        cluster = LocalCluster(directory, saved, clock)
        if len(cluster.running()) == len(ORDER):
            cluster.start_all(lock)
            return cluster
        cluster.kill_all()
    for _ in range(_TRIES - 1):
        try:
            return _start_ended(directory, saved, programs, clock, lock)
        except ComponentFailed as error:
            # Somebody took a port between our look and the component's start.
            if "address already in use" not in str(error):
                raise
            saved = state.load(directory)
    return _start_ended(directory, saved, programs, clock, lock)


def find(directory: Path, clock: Clock) -> LocalCluster:
    """The cluster of a directory, which must run already; RigError if it does not."""
    saved = state.load(directory)
    cluster = None if saved is None else LocalCluster(directory, saved, clock)
    if cluster is None or len(cluster.running()) < len(ORDER):
        raise RigError(f"no cluster runs in {directory}: start one with `up --bare`")
    return cluster


def down(directory: Path, say: Say) -> bool:
    """End a cluster and remove its directory; False where there was none."""
    if state.load(directory) is None:
        return False
    with locked(directory / state.LOCK, lambda: say(f"waiting: {directory} is in use")):
        return end(directory)


def end(directory: Path) -> bool:
    """The same in a directory whose lock the caller holds."""
    saved = state.load(directory)
    if saved is not None:
        LocalCluster(directory, saved, _no_clock).kill_all()
    state.remove(directory, saved)
    return saved is not None


def _start_ended(
    directory: Path, saved: state.State | None, programs: Programs, clock: Clock, lock: int
) -> LocalCluster:
    fresh = state.State(
        directory=str(directory),
        version=str(programs.kubernetes),
        ports=state.choose_ports({} if saved is None else saved.ports),
        socket=state.choose_socket(directory) if saved is None else saved.socket,
        binaries={name: str(path) for name, path in programs.paths.items()},
    )
    state.save(directory, fresh)
    cluster = LocalCluster(directory, fresh, clock)
    try:
        Path(fresh.socket).parent.mkdir(mode=0o700, exist_ok=True)
        cluster.prepare()
        cluster.start_all(lock)
    except BaseException:
        cluster.kill_all()
        raise
    return cluster


def _require_same_version(directory: Path, saved: state.State, programs: Programs) -> None:
    if saved.version != str(programs.kubernetes):
        raise RigError(
            f"{directory} holds a cluster of Kubernetes {saved.version}, not"
            f" {programs.kubernetes}: take another --dir, or end that one first (down)"
        )


def _no_clock() -> NoReturn:
    raise AssertionError("ending a cluster dates nothing")
