"""A directory whose files change all at once, as in a kubelet's volumes.

The files are links through `..data`, itself a link to the directory of this version; replacing that
one link is the change. A certificate is so never seen beside the key of another.
"""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


def publish(directory: Path, files: Mapping[str, bytes]) -> None:
    """Make these files (path in the directory, content) all that is there."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    current = directory / "..data"
    before = current.resolve() if current.is_symlink() else None
    version = Path(tempfile.mkdtemp(prefix="..", dir=directory))
    for name, content in files.items():
        path = version / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_bytes(content)
    link = directory / "..data_new"
    link.unlink(missing_ok=True)
    link.symlink_to(version.name)
    link.replace(current)
    _link(directory, {name.split("/", 1)[0] for name in files})
    if before is not None:
        shutil.rmtree(before)


def _link(directory: Path, names: set[str]) -> None:
    there = {path.name for path in directory.iterdir() if not path.name.startswith("..")}
    for name in names - there:
        (directory / name).symlink_to(f"..data/{name}")
    for name in there - names:
        (directory / name).unlink()
