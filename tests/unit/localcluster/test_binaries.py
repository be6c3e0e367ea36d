"""Where programs come from, and what is said when they cannot be had."""

import os
import threading
from pathlib import Path

import pytest

from localcluster import binaries, gobuild, release
from localcluster.errors import NoBinaries, RigError, WrongBinary
from localcluster.versions import KUBERNETES, MODULE, NAMES, Version, pinned


def _program(directory: Path, name: str, prints: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(f"#!/bin/sh\necho '{prints}'\n")
    (directory / name).chmod(0o755)


def _all_supplied(directory: Path, version: str = "v1.36.3") -> dict[str, str]:
    for name in NAMES:
        _program(directory, name, f"Kubernetes {version}")
    return {"CURFEW_CLUSTER_BIN": str(directory)}


def _unreachable(*_: object) -> Path:
    raise release.Unreachable("no network")


def test_supplied_programs_are_used_as_they_are(tmp_path: Path) -> None:
    found = binaries.find(None, _all_supplied(tmp_path / "bin"), pytest.fail)
    assert found.paths == {name: tmp_path / "bin" / name for name in NAMES}
    assert found.kubernetes == Version(1, 36, 3)


def test_the_first_directory_wins_and_the_second_fills_its_gaps(tmp_path: Path) -> None:
    environment = _all_supplied(tmp_path / "one")
    (tmp_path / "one" / "helm").unlink()
    environment["KUBEBUILDER_ASSETS"] = str(tmp_path / "two")
    _program(tmp_path / "two", "helm", "helm")
    _program(tmp_path / "two", "etcd", "etcd")
    found = binaries.supplied(environment)
    assert found["helm"] == tmp_path / "two" / "helm"
    assert found["etcd"] == tmp_path / "one" / "etcd"


def test_a_directory_that_is_not_there_is_named_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(NoBinaries, match=r"KUBEBUILDER_ASSETS=.*/none is not a directory"):
        binaries.supplied({"KUBEBUILDER_ASSETS": str(tmp_path / "none")})


def test_a_supplied_server_older_than_1_36_is_refused_unless_asked_for(tmp_path: Path) -> None:
    environment = _all_supplied(tmp_path / "bin", "v1.34.1")
    with pytest.raises(WrongBinary, match=r"--version v1\.34\.1"):
        binaries.find(None, environment, pytest.fail)
    assert binaries.find(Version(1, 34, 1), environment, pytest.fail).kubernetes.minor == 34


def test_two_servers_of_different_minor_versions_are_refused(tmp_path: Path) -> None:
    environment = _all_supplied(tmp_path / "bin")
    _program(tmp_path / "bin", "kube-controller-manager", "Kubernetes v1.37.0")
    with pytest.raises(WrongBinary, match=r"is v1\.37\.0, but this cluster is v1\.36\.3"):
        binaries.find(None, environment, pytest.fail)


def test_a_supplied_file_that_does_not_run_is_refused(tmp_path: Path) -> None:
    environment = _all_supplied(tmp_path / "bin")
    (tmp_path / "bin" / "kube-apiserver").write_bytes(b"\x7fELF for another machine")
    with pytest.raises(WrongBinary, match="does not run here"):
        binaries.find(None, environment, pytest.fail)


def test_one_line_says_what_is_missing_when_nothing_is_left_to_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "fetch", _unreachable)
    monkeypatch.setattr(gobuild, "go_binary", lambda: None)
    with pytest.raises(NoBinaries) as caught:
        binaries.find(None, {"CURFEW_CACHE": str(tmp_path)}, lambda _: None)
    text = str(caught.value)
    assert "missing: etcd, kube-apiserver, kube-controller-manager, kubectl, helm" in text
    assert "no network" in text
    assert "https://go.dev/dl" in text
    assert "CURFEW_CLUSTER_BIN" in text
    assert "\n" not in text


def test_a_build_that_was_cut_off_leaves_nothing_that_counts_as_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(_names: object, _version: object, into: Path) -> dict[str, Path]:
        (into / "etcd").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(release, "fetch", _unreachable)
    monkeypatch.setattr(gobuild, "go_binary", lambda: "go")
    monkeypatch.setattr(gobuild, "build", half)
    killed_before = binaries.cache_directory({"CURFEW_CACHE": str(tmp_path)}) / "unfinished-x"
    killed_before.mkdir(parents=True)
    (killed_before / "etcd").write_bytes(b"half")
    with pytest.raises(KeyboardInterrupt):
        binaries.find(None, {"CURFEW_CACHE": str(tmp_path)}, lambda _: None)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["lock"]


def test_two_processes_that_need_the_same_programs_build_them_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = []

    def build(names: dict[str, Path], _version: object, into: Path) -> dict[str, Path]:
        builds.append(sorted(names))
        for name in names:
            (into / name).write_bytes(b"whole")
        return {name: into / name for name in names}

    monkeypatch.setattr(release, "fetch", _unreachable)
    monkeypatch.setattr(gobuild, "go_binary", lambda: "go")
    monkeypatch.setattr(gobuild, "build", build)
    environment = {"CURFEW_CACHE": str(tmp_path)}
    seekers = [
        threading.Thread(target=binaries.find, args=(None, environment, lambda _: None))
        for _ in range(4)
    ]
    for seeker in seekers:
        seeker.start()
    for seeker in seekers:
        seeker.join()
    assert builds == [sorted(NAMES)]


@pytest.mark.parametrize("text", ["1.36", "latest", "", "v1.36.x", "../1.36.3"])
def test_a_version_that_names_no_single_release_is_refused(text: str) -> None:
    with pytest.raises(RigError, match="write all three numbers"):
        Version.parse(text)


def test_every_program_is_pinned_and_kubernetes_by_one_version() -> None:
    assert len({pinned(name) for name in KUBERNETES}) == 1
    assert pinned("kube-apiserver").line >= (1, 36)
    assert os.access(MODULE / "go.sum", os.R_OK)
