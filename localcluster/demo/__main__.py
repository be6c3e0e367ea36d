"""`make demo`: start a cluster, install Curfew, and tell the story with what really happens.

It checks itself: a step that is not as told makes it exit 1. What it started, it ends.
"""

import argparse
import os
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from localcluster import binaries, chart, lifetime
from localcluster.cluster import LocalCluster
from localcluster.demo import guard, lending
from localcluster.demo.telling import NotAsTold, Teller
from localcluster.errors import RigError
from localcluster.temporary import temporary

_ARMED_WITHIN = 30.0


def main() -> int:
    """Tell it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--act", choices=["guard", "access", "all"], default="all")
    parser.add_argument("--keep", action="store_true", help="leave the cluster running")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    tell = Teller()
    try:
        binaries.find(None, os.environ, _say)  # the first run may build them, and tells
        tell.step("a cluster is started on this machine")
        with (_kept if options.keep else temporary)() as cluster:
            _play(cluster, tell, options.act)
            if options.keep:
                _say_how_to_go_on(cluster)
    except (NotAsTold, RigError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


@contextmanager
def _kept() -> Iterator[LocalCluster]:
    directory = Path(tempfile.mkdtemp(prefix="curfew-demo-")).resolve()
    yield lifetime.up(directory, binaries.find(None, os.environ, _say), _say, _now)


def _play(cluster: LocalCluster, tell: Teller, act: str) -> None:
    tell.step(f"Kubernetes {cluster.version}: etcd, kube-apiserver and its controllers run")
    chart.install(cluster)
    tell.step("Curfew is installed with helm, and its webhook and operator run")
    _wait_until_armed(cluster, tell)
    cluster.kubectl("create", "namespace", "payments")
    if act in ("guard", "all"):
        guard.play(cluster, tell)
    if act in ("access", "all"):
        lending.play(cluster, tell, _now)
    tell.title("All of it was as told.")


def _wait_until_armed(cluster: LocalCluster, tell: Teller) -> None:
    until = time.monotonic() + _ARMED_WITHIN
    policy = ""
    while policy != "Fail" and time.monotonic() < until:
        policy = chart.failure_policy(cluster)
        time.sleep(0.1)
    tell.must("the guard fails closed from now on", so=policy == "Fail", found=policy)


def _say_how_to_go_on(cluster: LocalCluster) -> None:
    where = shlex.quote(str(cluster.directory))
    print(f"\nIt runs on. To end it: python -m localcluster down --dir {where}")
    print(f"export PATH={where}/bin:$PATH\nexport KUBECONFIG={where}/kubeconfig")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the composition root


if __name__ == "__main__":
    sys.exit(main())
