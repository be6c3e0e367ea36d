"""Wrong usage, what each exit code means, and the rules in words."""

import pytest

from curfew.admission.findings import Rule
from curfew.admission.judge import RULES
from curfew_kube.errors import CredentialFault, KubeError
from tests.unit.cli.command import REQUESTS, CommandLine
from tests.unit.operator_edge.memory_api import away, no


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["approve"],
        ["request"],
        ["show"],
        ["drop"],
        ["drop", "a", "b"],
        ["list", "-o", "csv"],
        ["request", "edit", "-o", "json"],
        ["request", "edit", "--until", "noon"],
        ["explain", "one", "two"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_two_and_says_how_it_is_used(
    curfew: CommandLine, arguments: list[str]
) -> None:
    assert curfew.run(*arguments) == 2
    assert curfew.err.startswith("usage: kubectl curfew")
    assert curfew.api.calls == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["request", "pods/x"], "pods/x is no role: write NAME or clusterrole/NAME, or role/NAME"),
        (["request", "role/"], "role/ is no role"),
        (["request", "edit", "--for", "soon"], "'soon' is no duration from a second to 100 years"),
        (["request", "edit", "--for", "10ms"], "'10ms' is no duration from a second to 100 years"),
    ],
    ids=["a strange kind", "no name", "no duration", "too short"],
)
def test_arguments_that_mean_nothing_are_wrong_usage_too(
    curfew: CommandLine, arguments: list[str], words: str
) -> None:
    code = curfew.run(*arguments)
    assert words in curfew.err
    assert curfew.api.calls == []
    assert code == 2


@pytest.mark.parametrize("command", ["show", "drop"])
@pytest.mark.parametrize("name", ["a/b", "..", "100%", ""])
def test_a_name_that_no_object_can_have_is_told_in_words(
    curfew: CommandLine, command: str, name: str
) -> None:
    assert curfew.run(command, name) == 2
    assert curfew.err.startswith("error: ")
    assert "cannot be part of a path" in curfew.err


@pytest.mark.parametrize("command", ["request", "list", "show", "drop", "explain"])
def test_each_command_has_help_that_names_the_cluster_options(
    curfew: CommandLine, command: str
) -> None:
    assert curfew.run(command, "--help") == 0
    assert curfew.out.startswith(f"usage: kubectl curfew {command}")
    assert "--kubeconfig" in curfew.out
    assert "--context" in curfew.out


@pytest.mark.parametrize("error", [away("GET x"), CredentialFault("the kubeconfig is gone")])
def test_a_cluster_that_cannot_be_asked_ends_with_three(
    curfew: CommandLine, error: KubeError
) -> None:
    curfew.api.failing[f"GET {REQUESTS}/req-1"] = error
    assert curfew.run("show", "req-1") == 3
    assert curfew.err == f"error: {error}\n"


def test_a_server_that_fails_ends_with_three(curfew: CommandLine) -> None:
    curfew.api.failing[f"GET {REQUESTS}"] = no("GET", 500, "InternalError", "etcd is away")
    assert curfew.run("list") == 3
    assert "etcd is away" in curfew.err


def test_a_refusal_ends_with_one_and_the_servers_own_words(curfew: CommandLine) -> None:
    curfew.api.failing[f"GET {REQUESTS}/req-1"] = no("GET", 403, "Forbidden", "dana may not")
    assert curfew.run("show", "req-1") == 1
    assert curfew.err == "error: dana may not\n"


def test_the_list_of_rules_has_a_line_for_each(curfew: CommandLine) -> None:
    assert curfew.run("explain") == 0
    assert curfew.out.splitlines() == [f"{rule.id}: refuses {rule.refuses}" for rule in RULES]
    assert curfew.api.calls == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_is_explained_with_its_reason_its_cure_and_its_source(
    curfew: CommandLine, rule: Rule
) -> None:
    assert curfew.run("explain", rule.id) == 0
    assert curfew.out.splitlines() == [
        rule.id,
        f"  refuses  {rule.refuses}",
        f"  why      {rule.why}",
        f"  instead  {rule.cure}",
        f"  source   {rule.source}",
    ]


def test_a_rule_that_is_not_there_is_told_with_those_that_are(curfew: CommandLine) -> None:
    assert curfew.run("explain", "no-such-rule") == 1
    assert curfew.out == ""
    assert curfew.err.startswith("error: there is no rule no-such-rule; there are: ")
    assert all(rule.id in curfew.err for rule in RULES)
