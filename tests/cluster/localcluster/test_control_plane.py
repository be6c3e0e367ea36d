"""The control plane is the real one, and anybody can be anyone on it."""

import json
import stat
import subprocess
import time
from base64 import b64decode, b64encode
from pathlib import Path

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from localcluster import LocalCluster, RigError, temporary
from localcluster.components import ORDER


def _eventually(cluster: LocalCluster, *arguments: str) -> str:
    for _ in range(200):
        done = cluster.kubectl(*arguments, check=False)
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout
        time.sleep(0.1)
    raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr}")


def _gone(cluster: LocalCluster, *arguments: str) -> bool:
    for _ in range(200):
        done = cluster.kubectl("get", *arguments, check=False)
        if "NotFound" in done.stderr:
            return True
        time.sleep(0.1)
    return False


def test_a_client_certificate_makes_its_holder_that_user_with_those_groups(
    cluster: LocalCluster,
) -> None:
    config = cluster.kubeconfig_for("Jane Doe", ("dev:team", "ops"))
    who = json.loads(cluster.kubectl("auth", "whoami", "-o", "json", kubeconfig=config).stdout)
    info = who["status"]["userInfo"]
    assert info["username"] == "Jane Doe"
    assert {"dev:team", "ops", "system:authenticated"} <= set(info["groups"])


def test_a_user_without_a_binding_is_refused_by_rbac(cluster: LocalCluster) -> None:
    done = cluster.kubectl(
        "get", "pods", kubeconfig=cluster.kubeconfig_for("nobody-special"), check=False
    )
    assert 'User "nobody-special" cannot list resource "pods"' in done.stderr


def test_a_service_account_token_makes_its_holder_that_account(cluster: LocalCluster) -> None:
    cluster.kubectl("create", "serviceaccount", "robot")
    token = cluster.service_account_token("default", "robot")
    done = cluster.kubectl(
        "auth", "whoami", "-o", "json", f"--token={token}", kubeconfig=_anonymous(cluster)
    )
    assert json.loads(done.stdout)["status"]["userInfo"]["username"] == (
        "system:serviceaccount:default:robot"
    )


def _anonymous(cluster: LocalCluster) -> Path:
    config = json.loads(cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {}
    path = cluster.directory / "users" / "anonymous.kubeconfig"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(config))
    return path


def test_the_node_authorizer_and_node_restriction_hold_a_kubelet(cluster: LocalCluster) -> None:
    kubelet = cluster.kubeconfig_for("system:node:one", ("system:nodes",))
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "two"}}
    done = cluster.kubectl(
        "create", "-f", "-", stdin=json.dumps(node), kubeconfig=kubelet, check=False
    )
    assert "is not allowed to modify node" in done.stderr


def test_rbac_requests_are_audited_with_their_content_and_others_without(
    cluster: LocalCluster,
) -> None:
    cluster.kubectl("create", "role", "audited", "--verb=get", "--resource=pods")
    cluster.kubectl("create", "configmap", "audited", "--from-literal=secret=thing")
    events = [e for e in cluster.audit() if e.object_ref is not None and e.verb == "create"]
    role = [e for e in events if e.object_ref and e.object_ref.name == "audited"]
    by_kind = {e.object_ref.resource: e for e in role if e.object_ref}
    assert by_kind["roles"].level == "Request"
    assert b'"pods"' in bytes(by_kind["roles"].request_object)
    assert by_kind["configmaps"].level == "Metadata"
    assert bytes(by_kind["configmaps"].request_object) == b""
    assert by_kind["roles"].user.username == "local-admin"


def test_aggregation_garbage_collection_and_namespace_controllers_work(
    cluster: LocalCluster,
) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "sum"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"part": "sum"}}]},
        "rules": [],
    }
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(role))
    cluster.kubectl("create", "clusterrole", "part", "--verb=get", "--resource=pods")
    cluster.kubectl("label", "clusterrole", "part", "part=sum")
    _eventually(cluster, "get", "clusterrole", "sum", "-o", "jsonpath={.rules[0].verbs}")
    cluster.kubectl("create", "namespace", "short")
    owner = cluster.kubectl("create", "configmap", "owner", "-n", "short", "-o", "json").stdout
    owned = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "owned",
            "namespace": "short",
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "name": "owner",
                    "uid": json.loads(owner)["metadata"]["uid"],
                }
            ],
        },
    }
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(owned))
    cluster.kubectl("delete", "configmap", "owner", "-n", "short")
    assert _gone(cluster, "configmap", "owned", "-n", "short")
    cluster.kubectl("delete", "namespace", "short", "--wait=false")
    assert _gone(cluster, "namespace", "short")


def test_a_job_that_outlives_its_deadline_is_removed_by_its_time_to_live(
    cluster: LocalCluster,
) -> None:
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "timer"},
        "spec": {
            "parallelism": 0,
            "activeDeadlineSeconds": 1,
            "ttlSecondsAfterFinished": 0,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "none", "image": "none"}],
                }
            },
        },
    }
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(job))
    assert _gone(cluster, "job", "timer")


def test_two_clusters_stand_side_by_side(cluster: LocalCluster) -> None:
    with temporary() as other:
        other.kubectl("create", "namespace", "only-here")
        assert other.server != cluster.server
        assert _gone(cluster, "namespace", "only-here")


def test_keys_and_kubeconfigs_are_for_their_owner_only(cluster: LocalCluster) -> None:
    secret = [*cluster.directory.rglob("*.key"), *cluster.directory.rglob("*kubeconfig")]
    assert secret
    assert {
        stat.S_IMODE(path.stat().st_mode) for path in secret if path.name != "anonymous.kubeconfig"
    } == {0o600}


def test_everything_listens_on_loopback_only(cluster: LocalCluster) -> None:
    listening = [
        connection
        for name in ORDER
        for connection in psutil.Process(cluster.process_id(name)).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}


def test_helm_works_with_the_same_kubeconfig(cluster: LocalCluster) -> None:
    done = subprocess.run(
        [cluster.directory / "bin" / "helm", "list", "-A", "--kubeconfig", cluster.kubeconfig],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "NAMESPACE" in done.stdout


def test_an_unknown_component_is_refused_by_name(cluster: LocalCluster) -> None:
    with pytest.raises(RigError, match="no component 'kubelet'"):
        cluster.kill("kubelet")


def test_an_approved_certificate_request_is_signed(cluster: LocalCluster) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "asks-for-one")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256())
    body = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "asks-for-one"},
        "spec": {
            "request": b64encode(request.public_bytes(Encoding.PEM)).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
        },
    }
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(body))
    cluster.kubectl("certificate", "approve", "asks-for-one")
    get = ("get", "csr", "asks-for-one", "-o", "jsonpath={.status.certificate}")
    signed = x509.load_pem_x509_certificate(b64decode(_eventually(cluster, *get)))
    assert signed.subject == name
