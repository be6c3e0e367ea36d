"""Binaries built from the published Go modules that `go.mod` pins, checked against `go.sum`.

A build lands in a directory of its own and is moved into place only when `go build` has ended well,
so a build that was cut off is never taken for a whole one.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from localcluster.errors import NoBinaries, RigError
from localcluster.progress import Progress
from localcluster.versions import KUBERNETES, MODULE, Version, pinned

_PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "helm": "helm.sh/helm/v3/cmd/helm",
    **{name: f"k8s.io/kubernetes/cmd/{name}" for name in KUBERNETES},
}
_OLDEST_GO = (1, 21)  # the first that can fetch the newer toolchain go.mod asks for


def go_binary() -> str | None:
    """The path of `go`, or None."""
    return shutil.which("go")


def build(names: Iterable[str], kubernetes: Version, into: Path) -> dict[str, Path]:
    """Build binaries into the directory `into`; Kubernetes' own at version `kubernetes`.

    Raises NoBinaries when Go is too old, or with the compiler's own last words.
    """
    names = sorted(names)
    _require_recent_go()
    ours = [n for n in names if n not in KUBERNETES or kubernetes == pinned(n)]
    other = [n for n in names if n not in ours]
    built = _build(ours, kubernetes, MODULE, into) if ours else {}
    if other:
        built |= _build(other, kubernetes, _module_for(kubernetes, into / "module"), into)
    return built


def _build(names: list[str], kubernetes: Version, module: Path, into: Path) -> dict[str, Path]:
    packages = [_PACKAGES[name] for name in names]
    mode = "-mod=readonly" if module == MODULE else "-mod=mod"
    listed = _go(["list", mode, "-deps", *packages], module)
    progress = Progress("building " + ", ".join(names), len(listed.splitlines()))
    flags = ["-v", mode, "-trimpath", "-buildvcs=false", "-ldflags", _ldflags(kubernetes)]
    _go(["build", *flags, "-o", f"{into}/", *packages], module, progress)
    progress.close()
    return {name: into / _PACKAGES[name].removesuffix("/v3").rsplit("/", 1)[1] for name in names}


def _ldflags(kubernetes: Version) -> str:
    # Kubernetes' version is a linker setting (hack/lib/version.sh), else it is v0.0.0-master.
    values = {"helm.sh/helm/v3/internal/version.version": str(pinned("helm"))}
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
        values |= {
            f"{package}.gitVersion": str(kubernetes),
            f"{package}.gitMajor": str(kubernetes.major),
            f"{package}.gitMinor": str(kubernetes.minor),
        }
    return "-s -w " + " ".join(f"-X {name}={value}" for name, value in values.items())


def _module_for(version: Version, directory: Path) -> Path:
    """Write a module that builds another Kubernetes release, with the staging modules it names."""
    directory.mkdir(parents=True)
    mod = directory / "go.mod"
    mod.write_text("module curfew.dev/localcluster\n")
    described = json.loads(
        _go(["mod", "download", "-json", f"k8s.io/kubernetes@{version}"], directory)
    )
    source = Path(described["GoMod"]).read_text()
    go_line = re.search(r"^go \S+$", source, re.MULTILINE)
    staging = re.findall(r"^\t(k8s\.io/\S+) => \./staging/", source, re.MULTILINE)
    release = f"v0.{version.minor}.{version.patch}{version.suffix}"
    mod.write_text(
        "module curfew.dev/localcluster\n\n"
        + (f"{go_line[0]}\n\n" if go_line else "")
        + f"require k8s.io/kubernetes {version}\n\nreplace (\n"
        + "".join(f"\t{name} => {name} {release}\n" for name in staging)
        + ")\n"
    )
    return directory


def _go(arguments: list[str], module: Path, progress: Progress | None = None) -> str:
    go = go_binary()
    if go is None:
        raise NoBinaries("there is no go on the PATH")
    # A workspace or flags of the person's own must not change what is built.
    environment = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": ""}
    with subprocess.Popen(
        [go, *arguments],
        cwd=module,
        env=environment,
        stdout=subprocess.PIPE if progress is None else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            output, errors = _drain(process, progress)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise NoBinaries(f"go {arguments[0]} failed: " + " / ".join(errors[-5:]))
    return output


def _drain(process: "subprocess.Popen[str]", progress: Progress | None) -> tuple[str, list[str]]:
    if progress is None or process.stderr is None:
        output, errors = process.communicate()
        return output, (errors or output).strip().splitlines()
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line.strip())
        progress.advance()
    process.wait()
    return "", lines


def _require_recent_go() -> None:
    found = re.search(r"go(\d+)\.(\d+)", _go(["version"], MODULE.parent))
    if found is None or (int(found[1]), int(found[2])) < _OLDEST_GO:
        raise RigError(
            "Go 1.21 or newer is needed to build the control plane; see https://go.dev/dl"
        )
