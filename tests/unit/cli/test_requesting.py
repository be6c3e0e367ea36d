"""`kubectl curfew request`: what is sent, which policy is chosen, and what a person is told."""

import pytest

from curfew.access.api import AccessRequestStatus, Condition, ConditionStatus, LentRole
from curfew.access.lifecycle import Phase
from curfew.objects.rbac import RoleKind
from curfew_cli import asking
from curfew_cli.errors import Failed
from tests.unit.cli.command import NOON, POLICIES, REQUESTS, CommandLine
from tests.unit.operator_edge.memory_api import no

EDIT = {"kind": "ClusterRole", "name": "edit"}
DEPLOYER = {"kind": "Role", "name": "deployer"}
ACTIVE = AccessRequestStatus(phase=Phase.ACTIVE, expires_at=NOON)


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("edit", RoleKind.CLUSTER_ROLE, "edit"),
        ("clusterrole/edit", RoleKind.CLUSTER_ROLE, "edit"),
        ("ClusterRole/edit", RoleKind.CLUSTER_ROLE, "edit"),
        ("role/deployer", RoleKind.ROLE, "deployer"),
        ("Role/deployer", RoleKind.ROLE, "deployer"),
        ("role", RoleKind.CLUSTER_ROLE, "role"),
        ("curfew:edit", RoleKind.CLUSTER_ROLE, "curfew:edit"),
    ],
)
def test_a_role_is_a_name_or_a_kind_and_a_name(text: str, kind: RoleKind, name: str) -> None:
    assert asking._role(text) == LentRole(kind, name)  # noqa: SLF001 - the words of an argument


@pytest.mark.parametrize("text", ["role/", "/edit", "/", "pods/x", "clusterroles/edit"])
def test_what_is_no_role_is_told_so(text: str) -> None:
    with pytest.raises(Failed, match=f"{text} is no role"):
        asking._role(text)  # noqa: SLF001 - as above


def test_what_is_asked_for_is_sent_and_what_is_left_out_is_not(curfew: CommandLine) -> None:
    curfew.api.status = ACTIVE
    assert curfew.run("request", "edit", "--policy", "oncall") == 0
    assert curfew.api.posted == [
        {
            "apiVersion": "curfew.dev/v1alpha1",
            "kind": "AccessRequest",
            "metadata": {"generateName": "req-"},
            "spec": {
                "policyRef": {"name": "oncall"},
                "access": {"roles": [EDIT]},
                "scope": {"namespaces": ["payments"]},
            },
        }
    ]


def test_every_option_finds_its_field(curfew: CommandLine) -> None:
    curfew.api.status = ACTIVE
    options = ["-n", "shop", "-n", "web", "--for", "1h30m", "--reason", "disk", "--ticket", "T-1"]
    assert curfew.run("request", "edit", "role/deployer", "--policy", "p", *options) == 0
    spec = curfew.api.posted[0]["spec"]
    assert spec["access"] == {"roles": [EDIT, DEPLOYER]}
    assert spec["scope"] == {"namespaces": ["shop", "web"]}
    assert spec["duration"] == "1h30m"
    assert spec["justification"] == {"reason": "disk", "ticket": "T-1"}


def test_who_is_lent_it_is_told_until_when_and_how_to_give_it_back(curfew: CommandLine) -> None:
    curfew.api.status = ACTIVE
    assert curfew.run("request", "edit", "--policy", "oncall") == 0
    assert curfew.out.splitlines() == [
        "req-x7k2p: you have edit in payments until 2026-03-01T12:00:00Z",
        "To give it back earlier: kubectl curfew drop req-x7k2p",
    ]


def test_only_the_name_is_printed_where_that_is_wanted(curfew: CommandLine) -> None:
    curfew.api.status = ACTIVE
    assert curfew.run("request", "edit", "--policy", "oncall", "-o", "name") == 0
    assert curfew.out == "accessrequest.curfew.dev/req-x7k2p\n"


def test_who_does_not_wait_is_told_the_name_all_the_same(curfew: CommandLine) -> None:
    assert curfew.run("request", "edit", "--policy", "oncall", "--no-wait") == 0
    assert "GET " not in " ".join(curfew.api.calls)
    assert "req-x7k2p" in curfew.out


@pytest.mark.parametrize("kind", ["Accepted", "Granted"])
def test_who_is_refused_is_told_every_word_and_the_command_fails(
    curfew: CommandLine, kind: str
) -> None:
    said = Condition(kind, ConditionStatus.FALSE, "NotAllowed", "dana may not use it", NOON)
    curfew.api.status = AccessRequestStatus(phase=Phase.FAILED, conditions=(said,))
    assert curfew.run("request", "edit", "--policy", "oncall") == 1
    assert curfew.err == "error: req-x7k2p was not granted: dana may not use it\n"


def test_an_answer_that_does_not_come_names_the_operator(
    curfew: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_PATIENCE", 0.0)
    assert curfew.run("request", "edit", "--policy", "oncall") == 1
    assert "req-x7k2p is still Pending after 0 s: does the operator run?" in curfew.err
    assert "kubectl curfew show req-x7k2p" in curfew.err


def test_a_request_that_the_schema_refuses_is_told_with_the_servers_words(
    curfew: CommandLine,
) -> None:
    curfew.api.failing[f"POST {REQUESTS}"] = no("POST", 422, "Invalid", "spec.duration: too long")
    assert curfew.run("request", "edit", "--policy", "oncall") == 1
    assert curfew.err == "error: spec.duration: too long\n"


def test_the_first_policy_that_lends_it_to_this_person_is_chosen(curfew: CommandLine) -> None:
    curfew.store_policy("a-narrow", [DEPLOYER], "payments")
    curfew.store_policy("b-elsewhere", [EDIT], "shop")
    curfew.store_policy("c-for-others", [EDIT], "payments")
    curfew.store_policy("d-ours", [DEPLOYER, EDIT], "payments", "shop")
    curfew.store_policy("e-also-ours", [EDIT], "payments")
    asked: list[str] = []

    def answer(name: str) -> bool:
        asked.append(name)
        return name != "c-for-others"

    curfew.api.may_ask = answer
    curfew.api.status = ACTIVE
    assert curfew.run("request", "edit") == 0
    made = curfew.api.objects[f"{REQUESTS}/req-x7k2p"]
    assert made["spec"]["policyRef"] == {"name": "d-ours"}
    assert asked == ["c-for-others", "d-ours"]


def test_a_policy_that_is_named_is_not_looked_for(curfew: CommandLine) -> None:
    curfew.api.status = ACTIVE
    curfew.run("request", "edit", "--policy", "oncall")
    assert f"GET {POLICIES}" not in curfew.api.calls


def test_where_no_policy_lends_it_the_person_is_told_how_to_see_what_is_lent(
    curfew: CommandLine,
) -> None:
    curfew.store_policy("other", [DEPLOYER], "payments")
    assert curfew.run("request", "edit", "role/deployer") == 1
    assert curfew.err == (
        "error: no AccessPolicy lends edit, deployer in payments; see what is lent:"
        " kubectl get accesspolicies\n"
    )
    assert curfew.api.posted == []


def test_where_it_is_lent_to_others_the_person_is_told_by_which_policy(
    curfew: CommandLine,
) -> None:
    curfew.store_policy("oncall", [EDIT], "payments")
    curfew.store_policy("oncall-2", [EDIT], "payments", "shop")
    curfew.api.may_ask = lambda _: False
    assert curfew.run("request", "edit") == 1
    assert curfew.err == (
        "error: edit in payments is lent by AccessPolicy oncall, oncall-2, but not to you:"
        " that takes the verb request on it\n"
    )


def test_a_role_and_a_cluster_role_of_one_name_are_not_the_same(curfew: CommandLine) -> None:
    curfew.store_policy("oncall", [{"kind": "Role", "name": "edit"}], "payments")
    assert curfew.run("request", "edit") == 1
    assert "no AccessPolicy lends edit in payments" in curfew.err
    assert curfew.api.posted == []
