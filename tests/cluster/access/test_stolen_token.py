"""I12: whoever holds the operator's token, or the webhook's, is not cluster-admin by it."""

import json
from typing import Any

import pytest

from localcluster import LocalCluster, chart, temporary
from tests.installed import (
    SYSTEM,
    as_account,
    ask,
    condition,
    lend_to,
    lent_bindings,
    request,
    wait_for_phase,
    wait_until,
    wait_until_armed,
)

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
        if path in ("namespace", "labels", "annotations", "ownerReferences", "finalizers"):
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
    "a finalizer": _binding(finalizers=["example.com/stay"]),
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


_GONE = {"apiVersion": "v1", "kind": "Namespace", "name": "never-was", "uid": "1111-2222"}


@pytest.mark.parametrize(
    "target_object",
    [
        ("validatingwebhookconfiguration", "curfew"),
        ("secret", "curfew-webhook-tls", "-n", SYSTEM),
        ("configmap", "curfew-webhook-probe", "-n", SYSTEM),
    ],
)
@pytest.mark.parametrize(
    "metadata",
    [
        {"ownerReferences": [_GONE]},
        {"finalizers": ["example.com/stay"]},
        {"labels": {"app.kubernetes.io/managed-by": "mallory"}},
        {"annotations": {"meta.helm.sh/release-name": "other"}},
    ],
)
def test_the_operators_token_has_no_object_collected_or_held(
    target: LocalCluster, target_object: tuple[str, ...], metadata: dict[str, object]
) -> None:
    edit = ("patch", *target_object, "--type=merge", "-p", json.dumps({"metadata": metadata}))
    done = as_account(target, "curfew-operator", *edit)
    assert "ownerReferences and finalizers of this object stay as they are" in done.stderr


def test_a_binding_that_no_granted_request_stands_behind_is_swept(target: LocalCluster) -> None:
    vic = target.kubeconfig_for("vic")
    assert ask(target, vic, request("ended", "stolen", "stolen", duration="1s")).returncode == 0
    uid = wait_for_phase(target, "ended", "Expired")["metadata"]["uid"]
    body = _binding(
        labels={"curfew.dev/request-uid": uid},
        ownerReferences=[_OWNER | {"name": "ended", "uid": uid}],
    )
    create = ("create", "-f", "-")
    done = as_account(target, "curfew-operator", *create, stdin=json.dumps(body))
    assert done.returncode == 0, done.stderr
    wait_until(lambda: lent_bindings(target, "stolen") == [], "the stray is gone")


def test_nothing_is_lent_beside_a_service_account_that_holds_a_wildcard() -> None:
    with temporary() as cluster:
        cluster.kubectl("create", "namespace", "argocd")
        cluster.kubectl("create", "serviceaccount", "argo", "-n", "argocd")
        bind = ("create", "clusterrolebinding", "argo", "--clusterrole=cluster-admin")
        cluster.kubectl(*bind, "--serviceaccount=argocd:argo")
        chart.install(cluster)
        wait_until_armed(cluster)
        ann = lend_to(cluster, "ann", "near", "argocd")
        assert ask(cluster, ann, request("near-1", "near", "argocd")).returncode == 0
        granted = condition(wait_for_phase(cluster, "near-1", "Failed"), "Granted")
        assert "lent-grant" in granted["message"]
        assert lent_bindings(cluster, "argocd") == []


def test_a_lent_binding_can_still_be_made_and_taken_back_with_it(target: LocalCluster) -> None:
    body = json.dumps(_binding())
    done = as_account(
        target, "curfew-operator", "create", "--dry-run=server", "-f", "-", stdin=body
    )
    assert done.returncode == 0, done.stderr
