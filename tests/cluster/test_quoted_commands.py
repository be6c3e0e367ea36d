"""Every `kubectl curfew` command that a message, the README or a page quotes is one that runs."""

import re
import shlex
from pathlib import Path

import pytest

from localcluster import LocalCluster, chart
from tests.installed import lend_to

ROOT = Path(__file__).parents[2]
_FOLDERS = ("cli", "core", "kube", "operator", "webhook", "charts/curfew", "docs")
_SOURCES = [
    ROOT / "README.md",
    *(
        path
        for folder in _FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".yaml", ".tpl", ".md")
    ),
]
_QUOTED = re.compile(r"kubectl curfew ([a-z]+(?: [^\n`\"';(,]+)?)")
_COMMANDS = {"request", "list", "show", "drop", "explain"}


def _quoted() -> list[str]:
    found = {one.strip(" .") for path in _SOURCES for one in _QUOTED.findall(path.read_text())}
    return sorted(found)


def test_no_command_is_quoted_that_there_is_not_and_each_is_quoted() -> None:
    assert {words.split()[0] for words in _quoted()} == _COMMANDS


@pytest.fixture(scope="module")
def made(guarded: LocalCluster) -> tuple[Path, str]:
    dana = lend_to(guarded, "quo", "quoted", "quoted")
    asked = chart.curfew(guarded, dana, "request", "curfew:edit", "-n", "quoted", "-o", "name")
    assert asked.returncode == 0, asked.stderr
    return dana, asked.stdout.strip().rpartition("/")[2]


@pytest.mark.parametrize("quoted", _quoted())
def test_a_command_that_is_quoted_runs(
    guarded: LocalCluster, made: tuple[Path, str], quoted: str
) -> None:
    dana, name = made
    places = {
        r"\{place\}": " -n quoted",
        r"\{[a-z_.]*rule\.id\}|\bRULE\b": "wildcard-grant",
        r"\{[a-z_.]*name\}|\bNAME\b|req-[a-z0-9]{5}": name,
        r"-n (NAMESPACE|payments|shop)": "-n quoted",
    }
    for pattern, value in places.items():
        quoted = re.sub(pattern, value, quoted)
    words = shlex.split(quoted)
    if words in (["request"], ["drop"], ["show"]):
        words.append("--help")  # named, not shown as a line to type
    who = guarded.kubeconfig if words[0] == "list" else dana
    done = chart.curfew(guarded, who, *words)
    assert done.returncode == 0, f"{quoted}: {done.stderr}"
