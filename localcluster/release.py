"""Official release files, taken only when their published checksum agrees.

Sources: https://kubernetes.io/releases/download/ (a binary and its `.sha256`),
https://github.com/etcd-io/etcd/releases (an archive and `SHA256SUMS`), https://helm.sh/docs/intro/install/
(an archive and its `.sha256sum`). Kubernetes publishes no servers for macOS; those are built.
"""

import hashlib
import http.client
import re
import tarfile
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import RigError, WrongBinary
from localcluster.progress import Progress
from localcluster.versions import Version, go_platform

_TIMEOUT_SECONDS = 10
_CHUNK = 1 << 20
_MEBIBYTE = 1 << 20


class Unreachable(RigError):
    """The release page did not answer, or answered with something that is no checksum."""


class NotPublished(RigError):
    """The release page answers, and does not have this file."""


@dataclass(frozen=True)
class ReleaseFile:
    """Where one binary is published; `member` is its path inside an archive, if it is in one."""

    url: str
    checksum_url: str
    member: str | None = None


def release_file(name: str, version: Version) -> ReleaseFile:
    """The published file that holds a binary, for this machine."""
    system, architecture = go_platform()
    if name == "helm":
        url = f"https://get.helm.sh/helm-{version}-{system}-{architecture}.tar.gz"
        return ReleaseFile(url, f"{url}.sha256sum", f"{system}-{architecture}/helm")
    if name == "etcd":
        base = f"https://github.com/etcd-io/etcd/releases/download/{version}"
        stem = f"etcd-{version}-{system}-{architecture}"
        suffix = "zip" if system == "darwin" else "tar.gz"
        return ReleaseFile(f"{base}/{stem}.{suffix}", f"{base}/SHA256SUMS", f"{stem}/etcd")
    url = f"https://dl.k8s.io/release/{version}/bin/{system}/{architecture}/{name}"
    return ReleaseFile(url, f"{url}.sha256")


def fetch(file: ReleaseFile, into: Path) -> Path:
    """Download, verify and unpack into the directory `into`; returns the binary.

    Raises Unreachable, NotPublished, or WrongBinary when the checksum does not agree.
    """
    expected = _checksum(file)
    archive = into / file.url.rsplit("/", 1)[1]
    actual = _download(file.url, archive)
    if actual != expected:
        raise WrongBinary(
            f"{file.url} has SHA-256 {actual}, but {expected} was published: nothing was kept."
            f" Try again; if it stays so, set CURFEW_CLUSTER_BIN to binaries that you trust"
        )
    binary = archive if file.member is None else _unpack(archive, file.member)
    binary.chmod(0o755)
    return binary


def _checksum(file: ReleaseFile) -> str:
    with _open(file.checksum_url) as answer:
        text = _read(answer, _CHUNK).decode("ascii", "replace")
    wanted = file.url.rsplit("/", 1)[1]
    for line in text.splitlines():
        found = re.fullmatch(r"([0-9a-f]{64})(?:\s+\*?(\S+))?", line.strip())
        if found is not None and found[2] in (None, wanted):
            return found[1]
    raise Unreachable(f"{file.checksum_url} holds no checksum for {wanted}")


def _download(url: str, target: Path) -> str:
    digest = hashlib.sha256()
    with _open(url) as answer, target.open("wb") as out:
        size = int(answer.headers.get("Content-Length") or 0)
        progress = Progress(f"downloading {target.name}", size // _MEBIBYTE)
        while chunk := _read(answer, _CHUNK):
            digest.update(chunk)
            out.write(chunk)
            progress.advance(len(chunk) // _MEBIBYTE)
        progress.close()
    return digest.hexdigest()


def _open(url: str) -> http.client.HTTPResponse:
    try:
        answer: http.client.HTTPResponse = urllib.request.urlopen(  # noqa: S310 - a constant address of ours
            url, timeout=_TIMEOUT_SECONDS
        )
    except urllib.error.HTTPError as error:
        error.close()
        raise NotPublished(f"{url}: {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{url}: {error}") from error
    return answer


def _read(answer: http.client.HTTPResponse, size: int) -> bytes:
    try:
        return answer.read(size)
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"the download was cut off: {error}") from error


def _unpack(archive: Path, member: str) -> Path:
    target = archive.parent / member.rsplit("/", 1)[1]
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as pack:
                target.write_bytes(pack.read(member))
        else:
            with tarfile.open(archive) as pack:
                source = pack.extractfile(member)
                target.write_bytes(b"" if source is None else source.read())
    except (KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise WrongBinary(f"{archive.name} does not hold {member}: {error}") from error
    return target
