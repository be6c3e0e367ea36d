"""Access as people meet it: asked for, used with one's own certificate, gone on time."""

import json
from datetime import datetime

import pytest

from localcluster import LocalCluster, chart
from tests.installed import (
    apply,
    ask,
    condition,
    conditions,
    lend_to,
    lent_bindings,
    look,
    may,
    policy,
    request,
    wait_for_phase,
    wait_until,
)

_OPERATOR = "system:serviceaccount:curfew-system:curfew-operator"


def test_access_is_lent_used_and_gone_on_time_with_proof(guarded: LocalCluster) -> None:
    dana = lend_to(guarded, "dana", "lend", "lend-a", "lend-b")
    assert not may(guarded, dana, "create", "configmaps", "lend-a")
    done = ask(guarded, dana, request("lend-1", "lend", "lend-a", "lend-b", duration="6s"))
    assert done.returncode == 0, done.stderr
    found = wait_for_phase(guarded, "lend-1", "Active")
    assert found["spec"]["requester"]["username"] == "dana"
    for namespace in ("lend-a", "lend-b"):
        assert may(guarded, dana, "create", "configmaps", namespace)
        (binding,) = lent_bindings(guarded, namespace)
        assert (
            binding["metadata"]["annotations"]["curfew.dev/expires-at"]
            == found["status"]["expiresAt"]
        )
        assert binding["metadata"]["ownerReferences"][0]["uid"] == found["metadata"]["uid"]
    ended = wait_for_phase(guarded, "lend-1", "Expired")
    assert condition(ended, "Revoked")["status"] == "True"
    assert ended["status"]["verification"]["layer"] in ("Timer", "Sweep")
    assert lent_bindings(guarded, "lend-a") == lent_bindings(guarded, "lend-b") == []
    assert not may(guarded, dana, "create", "configmaps", "lend-a")
    deadline = datetime.fromisoformat(found["status"]["expiresAt"])
    deletes = [
        event.request_received_timestamp
        for event in guarded.audit()
        if event.verb == "delete"
        and event.user.username == _OPERATOR
        and event.object_ref is not None
        and event.object_ref.namespace in ("lend-a", "lend-b")
    ]
    assert len(deletes) == 2
    assert min(deletes) >= deadline


def test_the_deadline_is_on_record_before_the_binding_exists(guarded: LocalCluster) -> None:
    dana = lend_to(guarded, "deb", "order", "order")
    ask(guarded, dana, request("order-1", "order", "order"))
    wait_for_phase(guarded, "order-1", "Active")
    writes = [
        event
        for event in guarded.audit()
        if event.user.username == _OPERATOR and event.object_ref is not None
    ]
    recorded = next(
        index
        for index, event in enumerate(writes)
        if event.object_ref is not None
        and (event.object_ref.name, event.object_ref.subresource) == ("order-1", "status")
    )
    created = next(
        index
        for index, event in enumerate(writes)
        if event.verb == "create"
        and event.object_ref is not None
        and event.object_ref.namespace == "order"
    )
    assert recorded < created


def test_dropping_gives_it_back_at_once(guarded: LocalCluster) -> None:
    eve = lend_to(guarded, "eve", "drop", "drop")
    done = chart.curfew(guarded, eve, "request", "curfew:edit", "-n", "drop", "--for", "10m")
    assert done.returncode == 0, done.stderr
    name = done.stdout.partition(":")[0]
    assert may(guarded, eve, "create", "configmaps", "drop")
    dropped = chart.curfew(guarded, eve, "drop", name)
    assert (dropped.returncode, "Cancelled; the access is gone" in dropped.stdout) == (0, True)
    assert not may(guarded, eve, "create", "configmaps", "drop")
    assert "Cancelled" in chart.curfew(guarded, eve, "show", name).stdout


def test_deleting_the_request_or_its_binding_ends_the_access(guarded: LocalCluster) -> None:
    fay = lend_to(guarded, "fay", "gone", "gone")
    for name in ("gone-1", "gone-2"):
        ask(guarded, fay, request(name, "gone", "gone"))
        wait_for_phase(guarded, name, "Active")
        if name == "gone-1":
            guarded.kubectl("delete", "areq", name)
        else:
            (binding,) = lent_bindings(guarded, "gone")
            guarded.kubectl("delete", "rolebinding", binding["metadata"]["name"], "-n", "gone")
            wait_for_phase(guarded, name, "Revoked")
        wait_until(lambda: lent_bindings(guarded, "gone") == [], "the binding is gone")
        assert not may(guarded, fay, "create", "configmaps", "gone")


@pytest.mark.parametrize(
    ("name", "change", "reason", "words"),
    [
        ("bad-1", {"duration": "soon"}, "BadDuration", "spec.duration: 'soon' is no duration"),
        ("bad-2", {"duration": "2h"}, "DurationTooLong", "spec.duration: 2h is longer than"),
        (
            "bad-3",
            {"access": {"roles": [{"kind": "ClusterRole", "name": "view"}]}},
            "RoleNotInPolicy",
            "spec.access.roles[0]: AccessPolicy bad does not lend ClusterRole view",
        ),
        (
            "bad-4",
            {"scope": {"namespaces": ["bad", "default"]}},
            "NamespaceNotInPolicy",
            "spec.scope.namespaces[1]: AccessPolicy bad lends in bad, not in default",
        ),
    ],
)
def test_a_bad_request_says_which_field_and_gives_nothing(
    guarded: LocalCluster, name: str, change: dict[str, object], reason: str, words: str
) -> None:
    gil = lend_to(guarded, f"gil-{name}", "bad", "bad")
    done = ask(guarded, gil, request(name, "bad", "bad", **change))
    assert done.returncode == 0, done.stderr
    accepted = condition(wait_for_phase(guarded, name, "Failed"), "Accepted")
    assert (accepted["status"], accepted["reason"]) == ("False", reason)
    assert words in accepted["message"]
    assert lent_bindings(guarded, "bad") == []


def test_an_unknown_policy_is_said_in_a_condition_to_who_may_ask_under_any(
    guarded: LocalCluster,
) -> None:
    any_policy = ("create", "clusterrole", "ask-any", "--verb=request")
    guarded.kubectl(*any_policy, "--resource=accesspolicies.curfew.dev")
    hal = lend_to(guarded, "hal", "known", "known")
    guarded.kubectl(
        "create", "clusterrolebinding", "hal-any", "--clusterrole=ask-any", "--user=hal"
    )
    assert ask(guarded, hal, request("unknown-1", "nowhere", "known")).returncode == 0
    accepted = condition(wait_for_phase(guarded, "unknown-1", "Failed"), "Accepted")
    assert accepted["reason"] == "PolicyNotFound"
    assert "spec.policyRef.name: there is no AccessPolicy nowhere" in accepted["message"]


def test_a_policy_says_which_field_cannot_be_used(guarded: LocalCluster) -> None:
    guarded.kubectl("create", "namespace", "said")
    body = policy("said", "said", "not-there", max="long")
    body["spec"]["access"]["roles"] += [
        {"kind": "ClusterRole", "name": "cluster-admin"},
    ]
    assert apply(guarded, body).returncode == 0

    def said() -> str:
        found = json.loads(guarded.kubectl("get", "apol", "said", "-o", "json").stdout)
        return " ".join(one["message"] for one in conditions(found))

    for words in (
        "spec.duration.max: 'long' is no duration",
        "spec.scope.namespaces[1]: there is no namespace not-there",
        "spec.access.roles[1]: ClusterRole cluster-admin is not lendable in namespace said",
    ):
        wait_until(lambda: words in said(), f"{words!r} is in {said()!r}")  # noqa: B023 - used at once


def test_other_access_that_stays_is_named(guarded: LocalCluster) -> None:
    ida = lend_to(guarded, "ida", "stays", "stays")
    standing = ("create", "rolebinding", "ida-edits", "-n", "stays", "--clusterrole=edit")
    guarded.kubectl(*standing, "--user=ida")
    ask(guarded, ida, request("stays-1", "stays", "stays", duration="2s"))
    wait_for_phase(guarded, "stays-1", "Expired")
    residual = look(guarded, "stays-1")["status"]["verification"]["residual"]
    assert residual
    assert all("ida-edits/stays" in words for words in residual)
