"""I12: whoever holds the operator's token, or the webhook's, is not cluster-admin by it."""

import json
from typing import Any

import pytest

from localcluster import LocalCluster
from tests.installed import SYSTEM, as_account, lend_to

_GROUP = "rbac.authorization.k8s.io"
_OWNER = {
    "apiVersion": "curfew.dev/v1alpha1",
    "kind": "AccessRequest",
    "name": "made-up",
    "uid": "0000",
}


@pytest.fixture(scope="module")
def target(guarded: LocalCluster) -> LocalCluster:
    lend_to(guarded, "vic", "stolen", "stolen")
    return guarded


def _binding(**changes: Any) -> dict[str, Any]:
    binding: dict[str, Any] = {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": "stolen",
            "namespace": "stolen",
            "labels": {"curfew.dev/request-uid": "0000"},
            "annotations": {"curfew.dev/expires-at": "2099-01-01T00:00:00Z"},
            "ownerReferences": [_OWNER],
        },
        "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": "curfew:edit"},
        "subjects": [{"apiGroup": _GROUP, "kind": "User", "name": "mallory"}],
    }
    for path, value in changes.items():
        if path in ("namespace", "labels", "annotations", "ownerReferences"):
            binding["metadata"][path] = value
        else:
            binding[path] = value
    return binding


_ROLE = {"apiGroup": _GROUP, "kind": "ClusterRole"}
_ATTEMPTS = {
    "cluster-admin": _binding(roleRef=_ROLE | {"name": "cluster-admin"}),
    "shipped edit": _binding(roleRef=_ROLE | {"name": "edit"}),
    "kube-system": _binding(namespace="kube-system"),
    "our own namespace": _binding(namespace=SYSTEM),
    "a group": _binding(subjects=[{"apiGroup": _GROUP, "kind": "Group", "name": "devs"}]),
    "a ServiceAccount": _binding(
        subjects=[{"kind": "ServiceAccount", "name": "default", "namespace": "stolen"}]
    ),
    "a ServiceAccount as a user": _binding(
        subjects=[{"apiGroup": _GROUP, "kind": "User", "name": "system:serviceaccount:stolen:a"}]
    ),
    "two people": _binding(
        subjects=[{"apiGroup": _GROUP, "kind": "User", "name": name} for name in ("a", "b")]
    ),
    "no deadline": _binding(annotations={}),
    "a deadline that is none": _binding(annotations={"curfew.dev/expires-at": "never"}),
    "no owner": _binding(ownerReferences=[]),
    "another's owner": _binding(ownerReferences=[_OWNER | {"uid": "1111"}]),
    "no label": _binding(labels={}),
    "cluster-wide": _binding(kind="ClusterRoleBinding"),
}


@pytest.mark.parametrize("attempt", _ATTEMPTS)
def test_the_operators_token_binds_nothing_beyond_the_fence(
    target: LocalCluster, attempt: str
) -> None:
    body = json.dumps(_ATTEMPTS[attempt])
    done = as_account(target, "curfew-operator", "create", "-f", "-", stdin=body)
    assert done.returncode != 0, attempt
    assert "orbidden" in done.stderr or "curfew-operator-fence" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "clusterrolebinding", "x", "--clusterrole=curfew:edit", "--user=mallory"),
        ("delete", "rolebinding", "curfew-operator", "-n", SYSTEM),
        ("delete", "validatingwebhookconfiguration", "curfew"),
        ("delete", "validatingadmissionpolicy", "curfew-operator-fence"),
        ("create", "token", "curfew-webhook", "-n", SYSTEM),
        ("create", "token", "generic-garbage-collector", "-n", "kube-system"),
        ("get", "secrets", "-A"),
        ("create", "secret", "generic", "x", "-n", SYSTEM),
        ("create", "clusterrole", "x", "--verb=get", "--resource=pods"),
        ("get", "pods", "-A", "--as=system:admin"),
        ("run", "x", "--image=x", "-n", SYSTEM),
    ],
)
@pytest.mark.parametrize("account", ["curfew-operator", "curfew-webhook"])
def test_neither_token_does_what_its_work_does_not_need(
    target: LocalCluster, account: str, arguments: tuple[str, ...]
) -> None:
    done = as_account(target, account, *arguments)
    assert done.returncode != 0, arguments
    assert "orbidden" in done.stderr


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/webhooks/0/failurePolicy", "Ignore"),
        ("/webhooks/0/clientConfig", {"url": "https://127.0.0.1:1/"}),
        ("/webhooks/0/clientConfig/service/namespace", "stolen"),
        ("/webhooks/0/rules", []),
        ("/webhooks/0/matchConditions", [{"name": "never", "expression": "false"}]),
        ("/webhooks/0/namespaceSelector", {"matchLabels": {"a": "b"}}),
        ("/webhooks/0/timeoutSeconds", 1),
    ],
)
def test_the_operators_token_does_not_disarm_the_guard(
    target: LocalCluster, path: str, value: object
) -> None:
    patch = json.dumps([{"op": "add", "path": path, "value": value}])
    edit = ("patch", "validatingwebhookconfiguration", "curfew", "--type=json", "-p", patch)
    done = as_account(target, "curfew-operator", *edit)
    assert "sets caBundle and arms the webhook, and nothing else" in done.stderr, done


def test_a_lent_binding_can_still_be_made_and_taken_back_with_it(target: LocalCluster) -> None:
    body = json.dumps(_binding())
    done = as_account(
        target, "curfew-operator", "create", "--dry-run=server", "-f", "-", stdin=body
    )
    assert done.returncode == 0, done.stderr
