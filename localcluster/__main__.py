"""`python -m localcluster`: the cluster for people who want to try things."""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from localcluster import binaries, lifetime
from localcluster.errors import RigError
from localcluster.versions import Version, pinned


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code (1: it could not be done, 2: usage)."""
    parsed = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        {"up": _up, "down": _down, "binaries": _binaries}[parsed.command](parsed)
    except RigError as error:
        _say(f"error: {error}")
        return 1
    except OSError as error:
        _say(f"error: {error.filename or ''} {error.strerror or error}".replace("  ", " "))
        return 1
    except KeyboardInterrupt:
        _say("interrupted; what was started has been ended")
        return 130
    return 0


def _up(parsed: argparse.Namespace) -> None:
    directory = parsed.dir.expanduser().resolve()
    programs = binaries.find(parsed.version, os.environ, _say)
    _say(f"starting Kubernetes {programs.kubernetes} in {directory}")
    cluster = lifetime.up(directory, programs, _say, lambda: datetime.now(UTC))  # noqa: TID251 - the composition root
    _say(f"ready at {cluster.server}; `python -m localcluster down --dir {parsed.dir}` ends it")
    _say("kubectl and helm of the right version are in its bin directory:")
    print(f"export PATH={shlex.quote(str(directory / 'bin'))}:$PATH")
    print(f"export KUBECONFIG={shlex.quote(str(cluster.kubeconfig))}", flush=True)


def _down(parsed: argparse.Namespace) -> None:
    directory = parsed.dir.expanduser().resolve()
    ended = lifetime.down(directory, _say)
    _say(f"ended the cluster in {directory}" if ended else f"there is no cluster in {directory}")


def _binaries(parsed: argparse.Namespace) -> None:
    programs = binaries.find(parsed.version, os.environ, _say)
    _say(f"Kubernetes {programs.kubernetes}: {programs.paths['kube-apiserver']}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localcluster",
        description="A real etcd, kube-apiserver and kube-controller-manager on this machine,"
        " listening on 127.0.0.1 only. It needs no container engine and no root.",
        epilog="Programs come from the directory in CURFEW_CLUSTER_BIN or KUBEBUILDER_ASSETS,"
        " from the cache (CURFEW_CACHE), from the official releases, or are built with Go.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--dir", type=Path, required=True, help="the cluster's own directory (new, empty, or its)"
    )
    which = argparse.ArgumentParser(add_help=False)
    which.add_argument(
        "--version",
        type=_version,
        metavar="vX.Y.Z",
        help=f"another Kubernetes release than {pinned('kube-apiserver')}",
    )
    commands.add_parser(
        "up", parents=[where, which], help="start it, or find it running; data is kept"
    )
    commands.add_parser("down", parents=[where], help="end it and remove its directory")
    commands.add_parser("binaries", parents=[which], help="only get the programs it needs")
    return parser


def _version(text: str) -> Version:
    try:
        return Version.parse(text)
    except RigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
