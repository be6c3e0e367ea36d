"""What a cluster's directory says about itself: its version, its ports, its socket.

The file is also the mark by which a directory is known to be ours: nothing else is ever used for a
cluster, or removed.
"""

import os
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from localcluster.errors import NotACluster
from localcluster.pki import write_private

MARK = "local-cluster.json"
LOCK = "lock"
_LONGEST_SOCKET = 100  # sun_path holds 104 bytes on macOS, 108 on Linux
_PORTS = ("etcd", "etcd-peer", "server")


class State(msgspec.Struct, frozen=True):
    """The content of the mark; `binaries` are the paths that the cluster was started with."""

    directory: str
    version: str
    ports: dict[str, int]
    socket: str
    binaries: dict[str, str]


def load(directory: Path) -> State | None:
    """The state on record; None for a directory that is absent or empty (but for our lock).

    Raises NotACluster for a directory that holds something else.
    """
    try:
        state = msgspec.json.decode((directory / MARK).read_bytes(), type=State)
    except FileNotFoundError:
        state = None
    except (msgspec.DecodeError, NotADirectoryError) as error:
        raise NotACluster(f"{directory} holds no readable cluster: {error}") from error
    if state is not None and state.directory != str(directory):
        raise NotACluster(
            f"{directory} is a copy of the cluster in {state.directory}, which it would disturb:"
            f" use that one, or another --dir"
        )
    if state is not None:
        return state
    if directory.exists() and {path.name for path in directory.iterdir()} - {LOCK, f"{MARK}.new"}:
        raise NotACluster(
            f"{directory} holds files that are not a local cluster's: choose an empty or new --dir"
        )
    return None


def save(directory: Path, state: State) -> None:
    """Write the state whole or not at all."""
    write_private(directory / MARK, msgspec.json.encode(state))


def choose_ports(before: Mapping[str, int], purposes: Sequence[str] = _PORTS) -> dict[str, int]:
    """A free port for each purpose: the one it had before, where that is still free."""
    listeners = []
    ports = {}
    for purpose in purposes:
        listener = _listen(before.get(purpose, 0))
        listeners.append(listener)
        ports[purpose] = listener.getsockname()[1]
    for listener in listeners:
        listener.close()
    return ports


def choose_socket(directory: Path) -> str:
    """A path for the proxy's socket that every system accepts."""
    beside = directory / "egress.sock"
    if len(os.fsencode(beside)) <= _LONGEST_SOCKET:
        return str(beside)
    return str(Path(tempfile.mkdtemp(prefix="curfew-", dir="/tmp")) / "egress.sock")


def remove(directory: Path, state: State | None) -> None:
    """Remove the cluster's directory, and the socket's where it is elsewhere."""
    if state is not None and Path(state.socket).parent != directory:
        shutil.rmtree(Path(state.socket).parent, ignore_errors=True)
    # The mark goes last: what an interrupted removal leaves is still known as ours.
    for path in directory.iterdir() if directory.exists() else ():
        if path.name not in (MARK, LOCK):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (directory / MARK).unlink(missing_ok=True)
    shutil.rmtree(directory, ignore_errors=True)


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    # The ports of connections that ended just now are free for a server, and only so.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.bind(("127.0.0.1", 0))
    return listener
