"""What is generated is what the code and the chart say now."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from curfew.admission.judge import RULES
from localcluster import binaries

ROOT = Path(__file__).parents[2]


def _helm() -> str:
    return str(binaries.find(None, os.environ, lambda _: None).paths["helm"])


def test_the_charts_kinds_and_the_manifests_are_fresh() -> None:
    check = [sys.executable, "charts/generate.py", "--helm", _helm(), "--check"]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}; run: make generate"


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("lendable[0].kind=Pod", "lendable"),
        ("webhook.replicas=0", "replicas"),
        ("webhook.replica=3", "replica"),
        ("lendable[0].name=x y", "lendable"),
        ("requesterFrom=nobody", "requesterFrom"),
    ],
)
def test_a_value_that_is_wrong_is_refused_by_the_charts_schema(flag: str, words: str) -> None:
    render = [_helm(), "template", "x", "charts/curfew", "--kube-version=1.36.0", f"--set={flag}"]
    done = subprocess.run(render, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert words in done.stderr


def _shipped(kind: str) -> list[str]:
    documents = (ROOT / "manifests" / "curfew.yaml").read_text().split("\n---\n")
    return [one for one in documents if re.search(rf"^kind: {kind}$", one, re.MULTILINE)]


def test_nothing_that_is_shipped_stands_in_the_api_servers_own_way() -> None:
    """What matches RBAC kinds leaves out the loopback identity, or is about the operator alone."""
    ours = _shipped("Validating(AdmissionPolicy|WebhookConfiguration)")
    on_rbac = [one for one in ours if "rolebindings" in one]
    assert len(on_rbac) == 3
    for document in on_rbac:
        assert "not-the-api-server-itself" in document or "name: the-operator" in document
        assert "paramKind" not in document


def test_no_rule_of_ours_grants_by_wildcard() -> None:
    roles = _shipped("(Cluster)?Role")
    assert roles
    for role in roles:
        assert "'*'" not in role
        assert '"*"' not in role


def test_each_rule_has_an_id_of_its_own_and_says_everything() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert all([rule.id, rule.refuses, rule.why, rule.cure, rule.source])


def test_the_dockerfile_runs_what_the_chart_asks_for() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "USER 65532" in text
    rendered = (ROOT / "manifests" / "curfew.yaml").read_text()
    modules = set(re.findall(r"command:\n\s+- python\n\s+- -m\n\s+- (\S+)", rendered)) | set(
        re.findall(r"command: \[python, -m, (\S+)\]", rendered)
    )
    assert modules == {"curfew_operator", "curfew_webhook"}
    for module in modules:
        assert (ROOT / module.removeprefix("curfew_") / module / "__main__.py").exists()


def test_the_values_schema_describes_every_value() -> None:
    schema = json.loads((ROOT / "charts/curfew/values.schema.json").read_text())
    values = (ROOT / "charts/curfew/values.yaml").read_text()
    tops = set(re.findall(r"^([a-zA-Z]+):", values, re.MULTILINE))
    assert tops == set(schema["properties"]) - {"global"}
