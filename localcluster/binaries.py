"""Where the five programs come from: supplied, cached, downloaded, or built, in this order.

Each cached file is moved into place whole, under a lock, so it is either absent or right. The lock
is the kernel's, so a process that was killed leaves nothing that must be cleaned up by hand.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localcluster import gobuild, release
from localcluster.errors import NoBinaries, WrongBinary
from localcluster.locking import locked
from localcluster.versions import KUBERNETES, NAMES, OLDEST, Version, go_platform, pinned

SUPPLIERS = ("CURFEW_CLUSTER_BIN", "KUBEBUILDER_ASSETS")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Programs:
    """Every program's path, and the Kubernetes release that they make."""

    kubernetes: Version
    paths: dict[str, Path]


def find(version: Version | None, environment: Mapping[str, str], say: Say) -> Programs:
    """Find every program; fetches or builds what is missing, and says so through `say`.

    `version` is Kubernetes' (None: that of a supplied kube-apiserver, else the pinned one).
    Raises NoBinaries or WrongBinary with the cure in the text.
    """
    found = supplied(environment)
    kubernetes = _kubernetes_version(version, found)
    wanted = {n: kubernetes if n in KUBERNETES else pinned(n) for n in NAMES if n not in found}
    cache = cache_directory(environment)
    places = {name: cache / f"{name}-{release}" / name for name, release in wanted.items()}
    if any(not place.exists() for place in places.values()):
        with locked(
            cache / "lock", lambda: say("waiting for another process that fetches the same")
        ):
            _provide({n: p for n, p in places.items() if not p.exists()}, wanted, kubernetes, say)
    return Programs(kubernetes, found | places)


def cache_directory(environment: Mapping[str, str]) -> Path:
    """`CURFEW_CACHE`, or the place that the system has for caches; a part for each platform."""
    home = Path.home()
    usual = home / "Library/Caches" if sys.platform == "darwin" else home / ".cache"
    base = Path(environment.get("XDG_CACHE_HOME") or usual) / "curfew"
    return Path(environment.get("CURFEW_CACHE") or base).absolute() / "-".join(go_platform())


def supplied(environment: Mapping[str, str]) -> dict[str, Path]:
    """The programs in the directories that the environment names; the first directory wins."""
    found: dict[str, Path] = {}
    for variable in SUPPLIERS:
        if not environment.get(variable):
            continue
        directory = Path(environment[variable])
        if not directory.is_dir():
            raise NoBinaries(f"{variable}={directory} is not a directory: correct it, or unset it")
        for name in NAMES:
            if os.access(directory / name, os.X_OK) and (directory / name).is_file():
                found.setdefault(name, (directory / name).absolute())
    return found


def _kubernetes_version(asked: Version | None, found: Mapping[str, Path]) -> Version:
    servers = {n: _version_of(found[n]) for n in KUBERNETES[:2] if n in found}
    wanted = asked or servers.get("kube-apiserver") or pinned("kube-apiserver")
    for name, version in servers.items():
        if version.line != wanted.line:
            raise WrongBinary(
                f"{found[name]} is {version}, but this cluster is {wanted}: supply matching"
                f" binaries in {' or '.join(SUPPLIERS)}, or unset them"
            )
    if asked is None and wanted.line < OLDEST:
        raise WrongBinary(
            f"{found['kube-apiserver']} is {wanted}; the local cluster wants 1.36 or newer:"
            f" unset {' and '.join(SUPPLIERS)}, or ask for this one with --version {wanted}"
        )
    return wanted


def _version_of(binary: Path) -> Version:
    try:
        answer = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise WrongBinary(f"{binary} does not run here: {error}") from error
    found = re.search(r"Kubernetes (v\d+\.\d+\.\d+)", answer.stdout)
    if found is None:
        raise WrongBinary(f"{binary} --version does not name a Kubernetes release")
    return Version.parse(found[1])


def _provide(
    places: Mapping[str, Path], versions: Mapping[str, Version], kubernetes: Version, say: Say
) -> None:
    if not places:
        return
    cache = next(iter(places.values())).parent.parent
    # We hold the lock, so whatever is unfinished was left by a process that was killed.
    for leftover in cache.glob("unfinished-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="unfinished-") as scratch:
        why_not = _download(places, versions, Path(scratch), say)
        missing = {name: place for name, place in places.items() if not place.exists()}
        if missing and gobuild.go_binary() is None:
            raise NoBinaries(_nothing_left(missing, kubernetes, why_not))
        if missing:
            say(f"building {', '.join(missing)} with Go (about 8 minutes on 2 cores, once)")
            for name, built in gobuild.build(missing, kubernetes, Path(scratch)).items():
                _move(built, places[name])


def _download(
    places: Mapping[str, Path], versions: Mapping[str, Version], scratch: Path, say: Say
) -> str:
    for name, place in places.items():
        try:
            fetched = release.fetch(release.release_file(name, versions[name]), scratch)
        except release.NotPublished as absent:
            say(f"not published: {absent}")
        except release.Unreachable as unreachable:
            say(f"the official releases cannot be reached ({unreachable})")
            return str(unreachable)
        else:
            _move(fetched, place)
            say(f"{name} {versions[name]}: the official release, checksum verified")
    return "not published for this platform"


def _move(binary: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    binary.replace(place)


def _nothing_left(missing: Mapping[str, Path], kubernetes: Version, why_not: str) -> str:
    return (
        f"missing: {', '.join(missing)} for Kubernetes {kubernetes}. The official release:"
        f" {why_not}; and there is no Go on the PATH to build them. Install Go (https://go.dev/dl),"
        f" or set CURFEW_CLUSTER_BIN to a directory that holds them"
    )
