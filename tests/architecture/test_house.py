"""The house keeps its own rules."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("cli", "core", "kube", "operator", "webhook")
OURS = [
    path
    for folder in (*PRODUCT, "charts", "localcluster", "tests", "bench")
    for path in (ROOT / folder).rglob("*.py")
]


def test_no_directory_of_ours_shadows_the_standard_librarys_operator() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert not list((ROOT / "operator").rglob("test_*.py"))
    where = "import operator; print(operator.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert str(ROOT) not in found.stdout.replace(str(ROOT / ".venv"), "")


def test_no_module_is_longer_than_400_lines_and_none_is_a_drawer() -> None:
    assert OURS
    lengths = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in OURS}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}
    drawers = {"utils", "helpers", "common", "manager", "misc"}
    assert [name for name in lengths if Path(name).stem in drawers] == []


def test_no_function_is_longer_than_40_lines() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in OURS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= 40
    }
    assert long == set()


def test_every_module_that_the_walks_name_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = {Path(one).name for one in re.findall(r"`([a-z_/]+\.py)`", text)}
    assert len(named) > 30
    assert named - {path.name for path in OURS} == set()


def test_every_exception_to_a_rule_gives_its_reason() -> None:
    bare = re.compile(r"# (?:noqa|type: ignore)(?:: [A-Z0-9, ]+|\[[a-z, -]+\])?\s*$")
    bad = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in OURS
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if bare.search(line)
    ]
    assert bad == []
    text = (ROOT / "pyproject.toml").read_text()
    lint = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.pylint]")]
    codes = [line for line in lint.splitlines() if re.match(r'\s+"[A-Z]+[0-9]*",', line)]
    assert codes
    assert [line for line in codes if "#" not in line] == []


def test_the_wheel_holds_each_package_directory_that_there_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    there = [
        f"{folder}/{path.name}"
        for folder in PRODUCT
        for path in (ROOT / folder).iterdir()
        if path.name != "__pycache__"
    ]
    assert sorted(listed) == sorted(there)


def test_make_help_lists_at_most_twelve_targets_and_each_exists() -> None:
    listed = subprocess.run(
        ["/usr/bin/env", "make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    names = [line.split()[1] for line in listed if line.startswith("  make ")]
    assert {"test", "check", "cluster", "cluster-down", "bench"} <= set(names)
    assert len(names) <= 12
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(names) == set(phony[1].split())


def test_every_file_that_the_readme_and_the_docs_link_to_is_there() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    missing = [
        f"{page.name}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / link).exists()
    ]
    assert pages
    assert missing == []
