"""`list`, `show` and `drop`: what there is, what became of it, and giving it back."""

import msgspec
import pytest
import yaml

from curfew.access.api import (
    AccessRequestStatus,
    Condition,
    ConditionStatus,
    Layer,
    Passage,
    Verification,
)
from curfew.access.lifecycle import ENDS, Phase
from curfew_cli import ending
from tests.unit.cli.command import NOON, REQUESTS, CommandLine, request
from tests.unit.operator_edge.memory_api import no

ENDED = AccessRequestStatus(
    phase=Phase.EXPIRED,
    expires_at=NOON,
    history=(Passage(Phase.ACTIVE, NOON), Passage(Phase.EXPIRED, NOON)),
    conditions=(Condition("Revoked", ConditionStatus.TRUE, "Expired", "all refused", NOON),),
    verification=Verification(
        layer=Layer.TIMER, verified_at=NOON, revoke_latency_ms=7, residual=("get pods (admin)",)
    ),
)


def test_the_list_shows_what_is_open_in_columns(curfew: CommandLine) -> None:
    curfew.store(request())
    curfew.store(request("req-2", status=ENDED))
    assert curfew.run("list") == 0
    assert curfew.out.splitlines() == [
        "NAME    REQUESTER   ROLE          SCOPE      PHASE    EXPIRES",
        "req-1   dana        curfew:edit   payments   Active   2026-03-01T12:00:00Z",
    ]


def test_the_list_of_all_holds_those_that_have_ended(curfew: CommandLine) -> None:
    for phase in Phase:
        curfew.store(request(phase.value.lower(), phase))
    assert curfew.run("list", "--all") == 0
    assert len(curfew.out.splitlines()) == 1 + len(Phase)
    assert curfew.run("list") == 0
    assert len(curfew.out.splitlines()) == 1 + len(Phase) - len(ENDS)


def test_the_wide_list_adds_the_policy_and_the_reason(curfew: CommandLine) -> None:
    curfew.store(request())
    curfew.run("list", "-o", "wide")
    head, row = curfew.out.splitlines()
    assert head.endswith("POLICY   REASON")
    assert row.endswith("oncall   disk full")


def test_an_empty_list_says_so(curfew: CommandLine) -> None:
    assert curfew.run("list") == 0
    assert curfew.out == "No access requests are open.\n"
    assert curfew.run("list", "--all") == 0
    assert curfew.out == "No access requests.\n"


def test_an_empty_list_of_names_is_empty_for_the_program_that_reads_it(
    curfew: CommandLine,
) -> None:
    assert curfew.run("list", "-o", "name") == 0
    assert curfew.out == ""


def test_the_list_of_names_has_one_on_each_line(curfew: CommandLine) -> None:
    curfew.store(request("req-1"))
    curfew.store(request("req-2"))
    assert curfew.run("list", "-o", "name") == 0
    assert curfew.out == "accessrequest.curfew.dev/req-1\naccessrequest.curfew.dev/req-2\n"


def test_the_list_for_programs_is_a_list_of_what_is_open(curfew: CommandLine) -> None:
    curfew.store(request())
    curfew.store(request("req-2", status=ENDED))
    assert curfew.run("list", "-o", "json") == 0
    found = msgspec.json.decode(curfew.out)
    assert [item["metadata"]["name"] for item in found["items"]] == ["req-1"]
    assert curfew.run("list", "-o", "yaml", "--all") == 0
    assert len(yaml.safe_load(curfew.out)["items"]) == 2


def test_who_may_not_list_is_told_what_they_may_do(curfew: CommandLine) -> None:
    curfew.api.failing[f"GET {REQUESTS}"] = no("GET", 403, "Forbidden", "dana cannot list")
    assert curfew.run("list") == 1
    assert curfew.err.startswith("error: you may not list access requests (dana cannot list);")
    assert "kubectl curfew show NAME" in curfew.err


def test_one_request_is_shown_with_its_life_and_its_proof(curfew: CommandLine) -> None:
    curfew.store(request(status=ENDED))
    assert curfew.run("show", "req-1") == 0
    assert curfew.out.splitlines() == [
        "Name:       req-1",
        "Requester:  dana",
        "Policy:     oncall",
        "Roles:      ClusterRole curfew:edit",
        "Namespaces: payments",
        "Reason:     disk full",
        "Phase:      Expired",
        "Expires:    2026-03-01T12:00:00Z",
        "Life:",
        "  2026-03-01T12:00:00Z  asked for",
        "  2026-03-01T12:00:00Z  Active",
        "  2026-03-01T12:00:00Z  Expired",
        "Revoked=True (Expired): all refused",
        "Proof: ended by Timer; 7 ms from the delete until the authorizer refused",
        "  still allowed by other access: get pods (admin)",
    ]


def test_one_request_is_shown_to_programs_as_one_object(curfew: CommandLine) -> None:
    curfew.store(request())
    assert curfew.run("show", "req-1", "-o", "json") == 0
    assert msgspec.json.decode(curfew.out)["kind"] == "AccessRequest"
    assert curfew.run("show", "req-1", "-o", "name") == 0
    assert curfew.out == "accessrequest.curfew.dev/req-1\n"


@pytest.mark.parametrize("command", ["show", "drop"])
def test_a_request_that_is_not_there_is_told_so(curfew: CommandLine, command: str) -> None:
    assert curfew.run(command, "req-9") == 1
    assert curfew.err == "error: there is no access request req-9, or it is gone\n"


def test_what_is_given_back_is_told_with_what_still_stands(curfew: CommandLine) -> None:
    curfew.store(request())
    curfew.api.status = ENDED
    assert curfew.run("drop", "req-1") == 0
    assert curfew.api.objects[f"{REQUESTS}/req-1"]["spec"]["cancel"] is True
    assert curfew.out.splitlines() == [
        "req-1: Expired; the access is gone",
        "  still allowed by other access: get pods (admin)",
    ]


def test_what_has_ended_already_is_not_given_back_again(curfew: CommandLine) -> None:
    curfew.store(request(status=ENDED))
    assert curfew.run("drop", "req-1") == 0
    assert curfew.out == "req-1 has ended already: Expired\n"
    assert not [call for call in curfew.api.calls if call.startswith("PATCH")]


def test_who_does_not_wait_for_the_proof_is_told_that_it_is_under_way(curfew: CommandLine) -> None:
    curfew.store(request())
    assert curfew.run("drop", "req-1", "--no-wait") == 0
    assert curfew.out == "req-1 is being given back\n"
    assert curfew.api.calls[-1] == f"PATCH {REQUESTS}/req-1"


def test_a_proof_that_does_not_come_is_a_failure_that_names_the_operator(
    curfew: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "_PATIENCE", 0.0)
    curfew.store(request())
    assert curfew.run("drop", "req-1") == 1
    assert "req-1 is still Active after 0 s: does the operator run?" in curfew.err
    assert "Its deadline stands." in curfew.err
