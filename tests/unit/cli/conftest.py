"""The command line, above an API server in memory."""

from pathlib import Path

import pytest

from tests.unit.cli.command import CommandLine


@pytest.fixture
def curfew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    """`kubectl curfew`, and its API server."""
    return CommandLine(tmp_path / "kubeconfig", capsys, monkeypatch)
