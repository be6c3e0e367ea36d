"""Downloads: a file counts only when the published checksum agrees with all of it."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from localcluster.errors import WrongBinary
from localcluster.release import NotPublished, ReleaseFile, Unreachable, fetch


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def _published(files: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(files)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    directory = tmp_path / "pages"
    directory.mkdir()
    (directory / "kubectl").write_bytes(b"the binary")
    return directory


@pytest.fixture
def into(tmp_path: Path) -> Path:
    directory = tmp_path / "into"
    directory.mkdir()
    return directory


def test_a_binary_with_the_published_checksum_is_taken_and_can_be_run(
    pages: Path, into: Path
) -> None:
    (pages / "kubectl.sha256").write_text(hashlib.sha256(b"the binary").hexdigest())
    with _published(pages) as url:
        binary = fetch(ReleaseFile(f"{url}/kubectl", f"{url}/kubectl.sha256"), into)
    assert binary.read_bytes() == b"the binary"
    assert binary.stat().st_mode & 0o111


def test_a_binary_that_differs_from_its_checksum_is_refused_with_both_sums(
    pages: Path, into: Path
) -> None:
    (pages / "kubectl.sha256").write_text("0" * 64)
    with _published(pages) as url, pytest.raises(WrongBinary, match="0000 was published"):
        fetch(ReleaseFile(f"{url}/kubectl", f"{url}/kubectl.sha256"), into)


def test_a_portal_that_answers_everything_with_a_page_counts_as_unreachable(
    pages: Path, into: Path
) -> None:
    (pages / "kubectl.sha256").write_text("<html>please log in</html>")
    with _published(pages) as url, pytest.raises(Unreachable, match="holds no checksum"):
        fetch(ReleaseFile(f"{url}/kubectl", f"{url}/kubectl.sha256"), into)


def test_a_file_that_is_not_there_is_told_apart_from_a_page_that_is_away(
    pages: Path, into: Path
) -> None:
    with _published(pages) as url, pytest.raises(NotPublished, match="404"):
        fetch(ReleaseFile(f"{url}/kubectl", f"{url}/none"), into)
    with pytest.raises(Unreachable):
        fetch(ReleaseFile(f"{url}/kubectl", f"{url}/kubectl.sha256"), into)


def test_a_binary_is_taken_out_of_an_archive_by_its_own_line_among_many_checksums(
    pages: Path, into: Path
) -> None:
    with tarfile.open(pages / "etcd.tar.gz", "w:gz") as pack:
        entry = tarfile.TarInfo("etcd-v1/etcd")
        entry.size = 4
        pack.addfile(entry, io.BytesIO(b"etcd"))
    digest = hashlib.sha256((pages / "etcd.tar.gz").read_bytes()).hexdigest()
    (pages / "SHA256SUMS").write_text(f"{'1' * 64}  other.tar.gz\n{digest}  etcd.tar.gz\n")
    with _published(pages) as url:
        sums = f"{url}/SHA256SUMS"
        assert (
            fetch(ReleaseFile(f"{url}/etcd.tar.gz", sums, "etcd-v1/etcd"), into).read_bytes()
            == b"etcd"
        )
        with pytest.raises(WrongBinary, match="does not hold etcd-v2/etcd"):
            fetch(ReleaseFile(f"{url}/etcd.tar.gz", sums, "etcd-v2/etcd"), into)
