"""Which version of which program: `go.mod` beside this file is the only place that says so."""

import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import RigError

MODULE = Path(__file__).parent
KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kubectl")
NAMES = ("etcd", *KUBERNETES, "helm")
OLDEST = (1, 36)

_MODULES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "helm": "helm.sh/helm/v3",
    **dict.fromkeys(KUBERNETES, "k8s.io/kubernetes"),
}
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_RELEASE = re.compile(r"v?(\d+)\.(\d+)\.(\d+)((?:-[0-9A-Za-z.-]+)?)")


@dataclass(frozen=True)
class Version:
    """A release number, such as v1.36.3."""

    major: int
    minor: int
    patch: int
    suffix: str = ""

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read `1.36.3` or `v1.36.3`; RigError for anything that does not name one release."""
        match = _RELEASE.fullmatch(text.strip())
        if match is None:
            raise RigError(f"{text!r} is not a release: write all three numbers, such as v1.36.3")
        return cls(int(match[1]), int(match[2]), int(match[3]), match[4])

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}.{self.patch}{self.suffix}"

    @property
    def line(self) -> tuple[int, int]:
        """Major and minor: what two components of one control plane must share."""
        return (self.major, self.minor)


def pinned(name: str) -> Version:
    """The version of a binary that `go.mod` pins."""
    text = (MODULE / "go.mod").read_text()
    match = re.search(rf"^\t{re.escape(_MODULES[name])} (v\S+)", text, re.MULTILINE)
    if match is None:
        raise RigError(f"{MODULE / 'go.mod'} does not require {_MODULES[name]}")
    return Version.parse(match[1])


def go_platform() -> tuple[str, str]:
    """Operating system and processor, as Go and the release pages spell them."""
    architecture = _ARCHITECTURES.get(platform.machine().lower())
    if sys.platform not in ("linux", "darwin") or architecture is None:
        raise RigError(
            f"the local cluster runs on Linux and macOS, amd64 and arm64;"
            f" this is {sys.platform} on {platform.machine()}"
        )
    return sys.platform, architecture
