"""However a run ends, nothing of it is left that the next start does not clear."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from localcluster import LocalCluster, RigError, temporary
from localcluster.components import ORDER
from localcluster.locking import locked
from localcluster.process import Process
from localcluster.state import LOCK
from localcluster.temporary import root_directory, sweep

_ROOT = Path(__file__).parents[2]
_RUN = """
import time
from localcluster import temporary
with temporary() as cluster:
    print(cluster.directory, flush=True)
    time.sleep(600)
"""


def _rig(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "localcluster", *arguments],
        cwd=_ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def _processes_of(directory: Path) -> list[str]:
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
            found += [" ".join(words) for word in words if f"{directory}/" in word][:1]
    return found


def _killed_run(number: signal.Signals) -> Path:
    run = subprocess.Popen(
        [sys.executable, "-c", _RUN],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=_as_on_a_terminal,  # noqa: PLW1509 - the child has no threads yet
    )
    with run:
        assert run.stdout is not None
        directory = Path(run.stdout.readline().strip())
        run.send_signal(number)
    return directory


def test_a_run_that_gets_ctrl_c_ends_its_cluster_itself() -> None:
    directory = _killed_run(signal.SIGINT)
    assert _processes_of(directory) == []
    assert not directory.exists()


def test_what_a_killed_run_left_is_ended_by_the_next_start() -> None:
    directory = _killed_run(signal.SIGKILL)
    assert len(_processes_of(directory)) == len(ORDER)
    with temporary():
        assert _processes_of(directory) == []
        assert not directory.exists()


def test_a_sweep_leaves_clusters_alone_whose_owner_lives() -> None:
    with temporary() as living:
        root = root_directory()
        with locked(root / LOCK, lambda: None):
            swept = sweep(root)
        assert living.directory not in swept
        assert living.running() == list(ORDER)


def test_a_sweep_leaves_what_is_not_ours_as_it_is_and_goes_on(tmp_path: Path) -> None:
    foreign = tmp_path / "a"
    foreign.mkdir()
    (foreign / "letter").write_text("to somebody")
    (tmp_path / "b").mkdir()
    assert sweep(tmp_path) == [tmp_path / "b"]
    assert (foreign / "letter").read_text() == "to somebody"


def test_an_id_that_now_belongs_to_another_program_is_never_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as bystander:
        process = Process("etcd", tmp_path)
        process.record.parent.mkdir()
        process.record.write_text(str(bystander.pid))
        process.kill()
        assert bystander.poll() is None
        assert not process.record.exists()
        bystander.kill()


def test_up_down_and_up_again_as_a_person_does_it(tmp_path: Path) -> None:
    directory = tmp_path / "a directory with spaces"
    up = _rig("up", "--bare", "--dir", str(directory))
    assert up.returncode == 0, up.stderr
    assert up.stdout.splitlines()[-1] == f"export KUBECONFIG='{directory}/kubeconfig'"
    script = f"{up.stdout}\nkubectl create namespace kept && helm list -A"
    subprocess.run(["/bin/sh", "-c", script], check=True, capture_output=True)
    again = _rig("up", "--bare", "--dir", str(directory))
    assert again.stdout == up.stdout

    os.kill(int((directory / "run/kube-apiserver.pid").read_text()), signal.SIGKILL)
    os.kill(int((directory / "run/etcd.pid").read_text()), signal.SIGKILL)
    assert _rig("up", "--bare", "--dir", str(directory)).stdout == up.stdout
    kept = f"{up.stdout}\nkubectl get namespace kept -o name"
    found = subprocess.run(["/bin/sh", "-c", kept], check=True, capture_output=True, text=True)
    assert found.stdout == "namespace/kept\n"

    down = _rig("down", "--dir", str(directory))
    assert down.returncode == 0
    assert _processes_of(directory) == []
    assert not directory.exists()
    assert "there is no cluster" in _rig("down", "--dir", str(directory)).stderr


def test_two_ups_in_one_directory_make_one_cluster(tmp_path: Path) -> None:
    directory = tmp_path / "shared"
    command = [sys.executable, "-m", "localcluster", "up", "--bare", "--dir", str(directory)]
    both = [
        subprocess.Popen(
            command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=180)[0] for process in both]
    try:
        assert [process.returncode for process in both] == [0, 0]
        assert answers[0] == answers[1]
        assert len(_processes_of(directory)) == len(ORDER)
    finally:
        _rig("down", "--dir", str(directory))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_is_interrupted_ends_what_it_had_begun(
    tmp_path: Path, number: signal.Signals
) -> None:
    directory = tmp_path / "interrupted"
    starting = _half_way(directory)
    with starting:
        starting.send_signal(number)
        assert starting.wait(timeout=60) == 130
    assert _processes_of(directory) == []


def _half_way(directory: Path) -> "subprocess.Popen[bytes]":
    """An `up` that has come as far as kube-apiserver."""
    starting = subprocess.Popen(
        [sys.executable, "-m", "localcluster", "up", "--bare", "--dir", str(directory)],
        cwd=_ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=_as_on_a_terminal,  # noqa: PLW1509 - the child has no threads yet
    )
    for _ in range(600):
        if (directory / "run/kube-apiserver.pid").exists():
            break
        time.sleep(0.05)
    return starting


def _as_on_a_terminal() -> None:
    # A shell that starts jobs in the background leaves SIGINT ignored; a terminal does not.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_start_that_is_killed_half_way_is_cleared_by_the_next(tmp_path: Path) -> None:
    directory = tmp_path / "half"
    with _half_way(directory) as starting:
        starting.kill()
    assert _processes_of(directory)
    try:
        assert _rig("up", "--bare", "--dir", str(directory)).returncode == 0
        assert len(_processes_of(directory)) == len(ORDER)
    finally:
        _rig("down", "--dir", str(directory))
    assert _processes_of(directory) == []


def test_a_directory_with_other_things_in_it_is_neither_used_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    for command in (("up", "--bare"), ("down",)):
        answer = _rig(*command, "--dir", str(tmp_path))
        assert answer.returncode == 1
        assert "holds files that are not a local cluster's" in answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_another_spelling_of_the_directory_is_the_same_cluster_and_a_copy_is_none(
    tmp_path: Path,
) -> None:
    real, link, copy = tmp_path / "real", tmp_path / "link", tmp_path / "copy"
    real.mkdir()
    link.symlink_to(real)
    assert _rig("up", "--bare", "--dir", str(link)).returncode == 0
    shutil.copytree(real, copy, ignore=shutil.ignore_patterns("*.sock", "bin"))
    refused = _rig("down", "--dir", str(copy))
    assert refused.returncode == 1
    assert f"is a copy of the cluster in {real}" in refused.stderr
    assert _rig("down", "--dir", str(tmp_path / "copy" / ".." / "real")).returncode == 0
    assert _processes_of(real) == []


def test_a_component_that_does_not_start_is_reported_with_its_last_words() -> None:
    with temporary() as cluster:
        with pytest.raises(RigError, match="unknown flag: --no-such-flag"):
            cluster.restart("kube-apiserver", "--no-such-flag")
        cluster.restart("kube-apiserver")
        assert cluster.running() == list(ORDER)


def test_a_component_can_be_paused_and_goes_on_where_it_was() -> None:
    with temporary() as cluster:
        cluster.pause("kube-apiserver")
        done = cluster.kubectl("get", "namespaces", "--request-timeout=1s", check=False)
        assert done.returncode != 0
        cluster.resume("kube-apiserver")
        assert _answers(cluster)


def _answers(cluster: LocalCluster) -> bool:
    for _ in range(100):
        if cluster.kubectl("get", "namespaces", check=False).returncode == 0:
            return True
        time.sleep(0.1)
    return False
