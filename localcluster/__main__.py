"""`python -m localcluster`: the cluster for people who want to try things."""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from localcluster import binaries, chart, lifetime
from localcluster.cluster import LocalCluster
from localcluster.errors import RigError
from localcluster.versions import Version, pinned


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code (1: it could not be done, 2: usage)."""
    parsed = _parse(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        _COMMANDS[parsed.command](parsed)
    except RigError as error:
        _say(f"error: {error}")
        return 1
    except OSError as error:
        _say(f"error: {error.filename or ''} {error.strerror or error}".replace("  ", " "))
        return 1
    except KeyboardInterrupt:
        _say(f"interrupted; {_left(parsed)}")
        return 130
    return 0


def _up(parsed: argparse.Namespace) -> None:
    directory = parsed.dir.expanduser().resolve()
    programs = binaries.find(parsed.version, os.environ, _say)
    _say(f"starting Kubernetes {programs.kubernetes} in {directory}")
    cluster = lifetime.up(directory, programs, _say, _now)
    _say(f"ready at {cluster.server}; `python -m localcluster down --dir {parsed.dir}` ends it")
    if not parsed.bare:
        _install_into(cluster, ())
    _say("kubectl and helm of the right version are in its bin directory:")
    print(f"export PATH={shlex.quote(str(directory / 'bin'))}:$PATH")
    print(f"export KUBECONFIG={shlex.quote(str(cluster.kubeconfig))}", flush=True)


def _install(parsed: argparse.Namespace) -> None:
    cluster = lifetime.find(parsed.dir.expanduser().resolve(), _now)
    _install_into(cluster, parsed.helm_flags)


def _install_into(cluster: LocalCluster, flags: Sequence[str]) -> None:
    _say(f"installing {chart.CHART}, and waiting until all of it runs")
    said = chart.install(cluster, *flags)
    # A dry run has nothing but its words.
    _say(said.strip() if "--dry-run" in " ".join(flags) else f"Curfew runs in {chart.NAMESPACE}")


def _uninstall(parsed: argparse.Namespace) -> None:
    _say(chart.uninstall(lifetime.find(parsed.dir.expanduser().resolve(), _now)).strip())


def _down(parsed: argparse.Namespace) -> None:
    directory = parsed.dir.expanduser().resolve()
    ended = lifetime.down(directory, _say)
    _say(f"ended the cluster in {directory}" if ended else f"there is no cluster in {directory}")


def _binaries(parsed: argparse.Namespace) -> None:
    programs = binaries.find(parsed.version, os.environ, _say)
    if parsed.print is not None:
        if parsed.print not in programs.paths:
            raise RigError(f"no program {parsed.print}: one of {', '.join(programs.paths)}")
        print(programs.paths[parsed.print])
        return
    _say(f"Kubernetes {programs.kubernetes}: {programs.paths['kube-apiserver']}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localcluster",
        description="A real etcd, kube-apiserver and kube-controller-manager on this machine,"
        " listening on 127.0.0.1 only. It needs no container engine and no root.",
        epilog="Programs come from the directory in CURFEW_CLUSTER_BIN or KUBEBUILDER_ASSETS,"
        " from the cache (CURFEW_CACHE), from the official releases, or are built with Go.",
    )
    _add_commands(parser.add_subparsers(dest="command", required=True))
    return parser


def _add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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
    up = commands.add_parser(
        "up",
        parents=[where, which],
        help="start it, or find it running, and install Curfew; data is kept",
    )
    up.add_argument("--bare", action="store_true", help="install nothing")
    commands.add_parser(
        "install",
        parents=[where],
        help="install Curfew's chart, or bring it up to date",
        description="Install Curfew's chart into a cluster that runs, and wait until all of it"
        " runs too, as processes of this machine. Every other flag is helm's (upgrade --install).",
        usage="%(prog)s --dir DIR [helm flags]",
        allow_abbrev=False,
    )
    commands.add_parser("uninstall", parents=[where], help="take Curfew out again")
    commands.add_parser("down", parents=[where], help="end it and remove its directory")
    programs = commands.add_parser(
        "binaries", parents=[which], help="only get the programs it needs"
    )
    programs.add_argument("--print", metavar="NAME", help="print the path of one of them")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    parsed, others = parser.parse_known_args(arguments)
    if others and parsed.command != "install":
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    parsed.helm_flags = [word for word in others if word != "--"]
    return parsed


def _left(parsed: argparse.Namespace) -> str:
    """What an interruption leaves: a start ends what it began, an installation nothing."""
    if parsed.command in ("up", "install"):
        with suppress(RigError):
            lifetime.find(parsed.dir.expanduser().resolve(), _now)
            return f"the cluster runs on: `python -m localcluster down --dir {parsed.dir}` ends it"
    return "what was started has been ended"


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the composition root


def _version(text: str) -> Version:
    try:
        return Version.parse(text)
    except RigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


_COMMANDS = {
    "up": _up,
    "install": _install,
    "uninstall": _uninstall,
    "down": _down,
    "binaries": _binaries,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
