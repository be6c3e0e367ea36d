"""Who asks is who the API server says, and nothing about a request can be forged or moved later."""

import asyncio
import json
import os
import signal

import pytest

from curfew.access.api import ACCESS_REQUESTS, AccessRequest
from curfew_kube.client import Client, PatchOperation
from curfew_kube.errors import Invalid
from curfew_kube.kubeconfig import Kubeconfig
from localcluster import LocalCluster
from tests.installed import (
    SYSTEM,
    account_kubeconfig,
    apply,
    ask,
    lend_to,
    lent_bindings,
    look,
    policy,
    request,
    wait_for_phase,
)

_MINE = {"username": "ann", "groups": ["system:authenticated"]}


@pytest.fixture(scope="module")
def lent(guarded: LocalCluster) -> LocalCluster:
    ann = lend_to(guarded, "ann", "identity", "identity")
    lend_to(guarded, "bob", "identity", "identity")
    assert ask(guarded, ann, request("identity-1", "identity", "identity")).returncode == 0
    wait_for_phase(guarded, "identity-1", "Active")
    return guarded


@pytest.mark.parametrize(
    "requester",
    [
        {"username": "bob", "groups": ["system:authenticated"]},
        {"username": "ann", "groups": ["system:masters", "system:authenticated"]},
        {"username": "ann", "groups": []},
        {"username": "ann", "groups": ["system:authenticated"], "uid": "forged"},
    ],
)
def test_a_requester_who_is_not_the_one_who_asks_is_refused(
    lent: LocalCluster, requester: dict[str, object]
) -> None:
    ann = lent.kubeconfig_for("ann")
    done = ask(lent, ann, request("forged", "identity", "identity", requester=requester))
    assert "is not who you are: leave it out" in done.stderr


def test_a_requester_that_is_true_may_be_written_out(lent: LocalCluster) -> None:
    ann = lent.kubeconfig_for("ann")
    body = request("written-out", "identity", "identity", requester=_MINE, duration="2s")
    assert ask(lent, ann, body).returncode == 0


def test_who_lacks_the_verb_request_is_refused_by_the_api_server_itself(
    lent: LocalCluster,
) -> None:
    bind = ("create", "clusterrolebinding", "carl-asks", "--clusterrole=curfew:requester")
    lent.kubectl(*bind, "--user=carl")
    carl = lent.kubeconfig_for("carl")
    done = ask(lent, carl, request("no-verb", "identity", "identity"))
    assert "spec.policyRef.name: you may not ask under AccessPolicy identity" in done.stderr


def test_service_accounts_and_system_identities_do_not_ask(lent: LocalCluster) -> None:
    node = lent.kubeconfig_for("system:node:a", ("system:masters",))
    done = ask(lent, node, request("system", "identity", "identity"))
    assert "ServiceAccounts and other system identities do not ask" in done.stderr


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ({"spec": {"duration": "50m"}}, "duration cannot be changed"),
        ({"spec": {"requester": {"username": "bob"}}}, "requester cannot be changed"),
        ({"spec": {"scope": {"namespaces": ["default"]}}}, "scope cannot be changed"),
        ({"spec": {"justification": {"reason": "other"}}}, "justification cannot be changed"),
    ],
)
def test_a_request_cannot_be_edited(
    lent: LocalCluster, patch: dict[str, object], words: str
) -> None:
    edit = ("patch", "areq", "identity-1", "--type=merge", "-p", json.dumps(patch))
    done = lent.kubectl(*edit, kubeconfig=lent.kubeconfig_for("ann"), check=False)
    assert words in done.stderr


def test_only_the_requester_or_who_may_revoke_cancels_it(lent: LocalCluster) -> None:
    cancel = ("patch", "areq", "identity-1", "--type=merge", "-p", '{"spec":{"cancel":true}}')
    bob = lent.kubeconfig_for("bob")
    done = lent.kubectl(*cancel, "--dry-run=server", kubeconfig=bob, check=False)
    assert "this request is of ann" in done.stderr
    bind = ("create", "clusterrolebinding", "sue-admin", "--clusterrole=curfew:admin")
    lent.kubectl(*bind, "--user=sue")
    sue = lent.kubeconfig_for("sue")
    lent.kubectl(*cancel, "--dry-run=server", kubeconfig=sue)


@pytest.mark.parametrize(
    "step",
    [
        PatchOperation("replace", "/status/expiresAt", "2099-01-01T00:00:00Z"),
        PatchOperation("remove", "/status/expiresAt"),
        PatchOperation("remove", "/status"),
    ],
)
def test_the_deadline_is_written_once_even_for_the_operator(
    lent: LocalCluster, step: PatchOperation
) -> None:
    before = look(lent, "identity-1")["status"]["expiresAt"]
    operator = Kubeconfig(account_kubeconfig(lent, "curfew-operator"))

    async def patch() -> None:
        async with Client(operator) as client:
            await client.json_patch(
                ACCESS_REQUESTS, AccessRequest, "identity-1", [step], subresource="status"
            )

    with pytest.raises(Invalid, match="expiresAt is written once"):
        asyncio.run(patch())
    assert look(lent, "identity-1")["status"]["expiresAt"] == before


def test_status_is_the_operators_even_against_the_administrator(lent: LocalCluster) -> None:
    edit = ("patch", "areq", "identity-1", "--subresource=status", "--type=merge")
    done = lent.kubectl(*edit, "-p", '{"status":{"phase":"Pending"}}', check=False)
    assert "written by Curfew's operator alone" in done.stderr


def test_a_lent_binding_is_changed_and_imitated_by_nobody(lent: LocalCluster) -> None:
    (binding,) = [
        one
        for one in lent_bindings(lent, "identity")
        if one["metadata"]["ownerReferences"][0]["name"] == "identity-1"
    ]
    name = binding["metadata"]["name"]
    later = '{"metadata":{"annotations":{"curfew.dev/expires-at":"2099-01-01T00:00:00Z"}}}'
    held = '{"metadata":{"finalizers":["example.com/mine"]}}'
    bare = '{"metadata":{"labels":{"curfew.dev/request-uid":null}}}'
    for patch in (later, held, bare):
        edit = ("patch", "rolebinding", name, "-n", "identity", "--type=merge", "-p", patch)
        assert "curfew.dev/ are Curfew's own" in lent.kubectl(*edit, check=False).stderr
    forged = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": "forged",
            "namespace": "identity",
            "labels": {"curfew.dev/request-uid": "forged"},
        },
        "roleRef": binding["roleRef"],
        "subjects": binding["subjects"],
    }
    assert "curfew.dev/ are Curfew's own" in apply(lent, forged).stderr


def test_a_request_is_not_deleted_so_that_its_bindings_stay(lent: LocalCluster) -> None:
    orphan = ("delete", "areq", "identity-1", "--cascade=orphan")
    assert "its bindings go with it" in lent.kubectl(*orphan, check=False).stderr


def test_nobody_lends_what_they_may_not_bind(lent: LocalCluster) -> None:
    bind = ("create", "clusterrolebinding", "tom-admin", "--clusterrole=curfew:admin")
    lent.kubectl(*bind, "--user=tom")
    tom = lent.kubeconfig_for("tom")
    refused = apply(lent, policy("toms", "identity"), tom)
    assert "spec.access.roles[0]: you may not lend what you may not bind" in refused.stderr
    allow = ("create", "clusterrole", "bind-edit", "--verb=bind", "--resource=clusterroles")
    lent.kubectl(*allow, "--resource-name=curfew:edit")
    lent.kubectl(
        "create", "clusterrolebinding", "tom-binds", "--clusterrole=bind-edit", "--user=tom"
    )
    assert apply(lent, policy("toms", "identity"), tom).returncode == 0


@pytest.mark.parametrize(
    "metadata",
    [
        {"ownerReferences": [{"apiVersion": "v1", "kind": "Namespace", "name": "x", "uid": "1"}]},
        {"finalizers": ["example.com/stay"]},
    ],
)
def test_a_request_is_neither_collected_nor_held_by_who_made_it(
    lent: LocalCluster, metadata: dict[str, object]
) -> None:
    ann = lent.kubeconfig_for("ann")
    body = request("tied", "identity", "identity")
    body["metadata"] |= metadata
    assert "has no ownerReferences and gets no finalizers" in ask(lent, ann, body).stderr
    edit = ("patch", "areq", "identity-1", "--type=merge", "-p", json.dumps({"metadata": metadata}))
    done = lent.kubectl(*edit, kubeconfig=ann, check=False)
    assert "has no ownerReferences and gets no finalizers" in done.stderr


@pytest.mark.parametrize("namespace", ["a/b", "..", "A", "a%2fb", ""])
def test_a_namespace_that_cannot_be_one_is_refused_by_the_schema(
    lent: LocalCluster, namespace: str
) -> None:
    ann = lent.kubeconfig_for("ann")
    assert (
        "spec.scope.namespaces[0]" in ask(lent, ann, request("odd", "identity", namespace)).stderr
    )
    assert "spec.scope.namespaces[0]" in apply(lent, policy("odd", namespace)).stderr


def test_a_status_that_was_forged_grants_nothing(lent: LocalCluster) -> None:
    """With the operator's token somebody says that a request was decided: it is decided again."""
    ann = lent.kubeconfig_for("ann")
    operator = Kubeconfig(account_kubeconfig(lent, "curfew-operator"))
    lent.kubectl("create", "namespace", "beyond", check=False)
    forged = {
        "phase": "Granting",
        "startsAt": "2026-01-01T00:00:00Z",
        "expiresAt": "9999-12-31T00:00:00Z",
    }

    async def forge() -> None:
        async with Client(operator) as client:
            step = PatchOperation("add", "/status", forged)
            await client.json_patch(
                ACCESS_REQUESTS, AccessRequest, "forged-status", [step], subresource="status"
            )

    (pod,) = [one for one in lent.pods(SYSTEM) if "operator" in one]
    process = lent.pod_process_id(SYSTEM, pod)
    os.kill(process, signal.SIGSTOP)  # or it is quicker, and there is nothing left to forge
    try:
        body = request("forged-status", "identity", "beyond")
        assert ask(lent, ann, body).returncode == 0
        asyncio.run(forge())
    finally:
        os.kill(process, signal.SIGCONT)
    wait_for_phase(lent, "forged-status", "Failed")
    assert lent_bindings(lent, "beyond") == []
