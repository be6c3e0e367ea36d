"""Outages end no Pod, a killed node leaves none unknown, and no end of the cluster leaves one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from localcluster import LocalCluster, temporary
from localcluster.components import APISERVER, NODE

_ROOT = Path(__file__).parents[2]
_STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, lambda *_: print("no", flush=True))
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("begun", flush=True)
time.sleep(600)
"""
_RUN = """
import sys, time
from localcluster import temporary
with temporary() as cluster:
    cluster.kubectl("create", "-f", "-", stdin=sys.argv[1])
    while True:
        try:
            begun = "begun" in cluster.pod_log("default", "p")
        except Exception:
            begun = False
        if begun:
            break
        time.sleep(0.1)
    print(cluster.directory, cluster.pod_process_id("default", "p"), flush=True)
    time.sleep(600)
"""


def _pod(name: str, image: str = "curfew") -> str:
    container = {"name": "c", "image": image, "command": ["python", "-c", _STUBBORN]}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 1}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    return json.dumps(pod)


def _until(holds: Callable[[], object], what: str) -> None:
    for _ in range(200):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError(what)


def _status(cluster: LocalCluster, pod: str, path: str) -> str:
    return cluster.kubectl("get", "pod", pod, "-o", f"jsonpath={{.status{path}}}").stdout


def _begin(cluster: LocalCluster, pod: str) -> list[psutil.Process]:
    """Start a Pod; its process, and the one that it started."""
    cluster.kubectl("create", "-f", "-", stdin=_pod(pod))
    _until(lambda: _status(cluster, pod, ".phase") == "Running", "it does not run")
    _until(lambda: "begun" in cluster.pod_log("default", pod), "it says nothing")
    process = psutil.Process(cluster.pod_process_id("default", pod))
    return [process, *process.children()]


def _dead(processes: list[psutil.Process]) -> bool:
    return not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_a_pod_outlives_the_api_server_and_the_node_but_not_the_cluster() -> None:
    with temporary() as cluster:
        first = _begin(cluster, "p")
        assert len(first) == 2
        cluster.kill(APISERVER)
        time.sleep(1)
        assert not _dead(first)
        cluster.start(APISERVER)
        cluster.kubectl("create", "-f", "-", stdin=_pod("q", "example.org/other:v1"))
        assert cluster.pod_process_id("default", "p") == first[0].pid

        cluster.kill(NODE)
        assert not _dead(first)
        cluster.start(NODE)
        _until(lambda: _status(cluster, "p", ".containerStatuses[0].restartCount") == "1", "none")
        assert _dead(first)
        assert _status(cluster, "q", ".phase") == "Pending"

        second = psutil.Process(cluster.pod_process_id("default", "p"))
        _until(second.children, "it has no child")
        both = [second, *second.children()]
        cluster.kubectl("delete", "pod", "p")  # it does not listen to SIGTERM
        assert _dead(both)
        third = _begin(cluster, "r")
    assert _dead(third)


def test_what_a_killed_run_left_of_a_pod_is_ended_by_the_next_start() -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", _RUN, _pod("p")], cwd=_ROOT, stdout=subprocess.PIPE, text=True
    )
    with run:
        assert run.stdout is not None
        directory, number = run.stdout.readline().split()
        run.send_signal(signal.SIGKILL)
    left = psutil.Process(int(number))
    both = [left, *left.children()]
    assert len(both) == 2
    with temporary():
        assert _dead(both)
        assert not os.path.lexists(directory)


def test_the_command_line_says_what_is_missing_before_anything_can_be_installed(
    tmp_path: Path,
) -> None:
    for command in ("install", "uninstall"):
        words = [sys.executable, "-m", "localcluster", command, "--dir", str(tmp_path / "none")]
        done = subprocess.run(words, cwd=_ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "start one with `up --bare`" in done.stderr
    assert list(tmp_path.iterdir()) == []
