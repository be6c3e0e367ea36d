"""The flags of the control plane, and the files beside them.

Sources: https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/ and
kube-controller-manager; https://etcd.io/docs/v3.6/op-guide/configuration/. Flags that a test passes
come last, and the last one counts.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ETCD, APISERVER, CONTROLLERS, EGRESS, NODE = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "egress-proxy",
    "node",
)
# What is in one stage needs the stages before, and nothing of its own.
STAGES = ((ETCD, EGRESS), (APISERVER,), (CONTROLLERS, NODE))
ORDER = tuple(name for stage in STAGES for name in stage)
NODE_USER = "local-node"
SERVICE_RANGE = "10.96.0.0/16"
SERVER_HOSTS = (
    "127.0.0.1",
    "localhost",
    "10.96.0.1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
)
_RUNNING_CONTROLLERS = (
    "certificatesigningrequest-approving-controller",
    "certificatesigningrequest-cleaner-controller",
    "certificatesigningrequest-signing-controller",
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "deployment-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "replicaset-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "ttl-after-finished-controller",
)
_RBAC = ("roles", "clusterroles", "rolebindings", "clusterrolebindings")


@dataclass(frozen=True)
class Layout:
    """Where a cluster keeps its files, and the ports it listens on."""

    directory: Path
    ports: Mapping[str, int]
    socket: Path

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.directory / "pki"

    @property
    def audit_log(self) -> Path:
        """The API server's audit log, one JSON event a line."""
        return self.directory / "logs" / "audit.log"

    @property
    def services(self) -> Path:
        """The egress proxy's table: `address:port` of a Service to a local `address:port`."""
        return self.directory / "services.json"

    @property
    def endpoints(self) -> Path:
        """The same for Services whose Pods the node runs, each with all its ready ones."""
        return self.directory / "endpoints.json"

    @property
    def server(self) -> str:
        """The API server's address."""
        return f"https://127.0.0.1:{self.ports['server']}"

    @property
    def etcd(self) -> str:
        """Etcd's address for clients."""
        return f"https://127.0.0.1:{self.ports['etcd']}"


def flags(name: str, layout: Layout) -> list[str]:
    """The arguments that a component is started with."""
    makers = {
        ETCD: _etcd,
        APISERVER: _apiserver,
        CONTROLLERS: _controllers,
        EGRESS: _egress,
        NODE: _node,
    }
    return makers[name](layout)


def write_files(layout: Layout) -> None:
    """Write what the flags name: audit policy, egress selection, the proxy's empty table."""
    rbac = [{"group": "rbac.authorization.k8s.io", "resources": list(_RBAC)}]
    policy = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        # What the rig itself asks several times a second is nobody's history.
        "rules": [
            {"level": "None", "users": [NODE_USER], "verbs": ["get", "list"]},
            {"level": "Request", "resources": rbac},
            {"level": "Metadata"},
        ],
    }
    egress = {
        "apiVersion": "apiserver.k8s.io/v1beta1",
        "kind": "EgressSelectorConfiguration",
        "egressSelections": [
            {
                "name": "cluster",
                "connection": {
                    "proxyProtocol": "HTTPConnect",
                    "transport": {"uds": {"udsName": str(layout.socket)}},
                },
            }
        ],
    }
    (layout.directory / "audit-policy.yaml").write_text(json.dumps(policy))
    (layout.directory / "egress.yaml").write_text(json.dumps(egress))
    if not layout.services.exists():
        layout.services.write_text("{}")


def _etcd(layout: Layout) -> list[str]:
    pki, peer = layout.pki, f"https://127.0.0.1:{layout.ports['etcd-peer']}"
    certificates = []
    for prefix in ("", "peer-"):
        certificates += [
            f"--{prefix}cert-file={pki}/etcd.crt",
            f"--{prefix}key-file={pki}/etcd.key",
            f"--{prefix}trusted-ca-file={pki}/ca.crt",
            f"--{prefix}client-cert-auth=true",
        ]
    return [
        "--name=local",
        f"--data-dir={layout.directory}/etcd",
        f"--listen-client-urls={layout.etcd}",
        f"--advertise-client-urls={layout.etcd}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=local={peer}",
        "--unsafe-no-fsync=true",
        "--log-level=warn",
        *certificates,
    ]


def _apiserver(layout: Layout) -> list[str]:
    pki = layout.pki
    return [
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        # A loopback address is no valid endpoint; the Service `kubernetes` stays without one.
        "--endpoint-reconciler-type=none",
        f"--secure-port={layout.ports['server']}",
        f"--etcd-servers={layout.etcd}",
        f"--etcd-cafile={pki}/ca.crt",
        f"--etcd-certfile={pki}/etcd.crt",
        f"--etcd-keyfile={pki}/etcd.key",
        f"--tls-cert-file={pki}/server.crt",
        f"--tls-private-key-file={pki}/server.key",
        f"--client-ca-file={pki}/ca.crt",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki}/accounts.pub",
        f"--service-account-signing-key-file={pki}/accounts.key",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--audit-policy-file={layout.directory}/audit-policy.yaml",
        f"--audit-log-path={layout.audit_log}",
        f"--egress-selector-config-file={layout.directory}/egress.yaml",
        "--profiling=false",
    ]


def _controllers(layout: Layout) -> list[str]:
    pki = layout.pki
    return [
        f"--kubeconfig={layout.directory}/controllers.kubeconfig",
        f"--controllers={','.join(_RUNNING_CONTROLLERS)}",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={pki}/accounts.key",
        f"--root-ca-file={pki}/ca.crt",
        f"--cluster-signing-cert-file={pki}/ca.crt",
        f"--cluster-signing-key-file={pki}/ca.key",
        "--leader-elect=false",
        "--secure-port=0",
    ]


def _egress(layout: Layout) -> list[str]:
    script = Path(__file__).with_name("egress.py")
    return ["-I", str(script), str(layout.socket), str(layout.services), str(layout.endpoints)]


def _node(layout: Layout) -> list[str]:
    # Isolated from the caller's variables and directory, so it is told where we are.
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1));"
        " from localcluster.node.agent import main; main(*sys.argv[1:])"
    )
    home = str(Path(__file__).parents[1])
    return ["-I", "-c", code, home, layout.server, str(layout.pki), str(layout.endpoints)]


def program(name: str, binaries: Mapping[str, Path]) -> str:
    """The executable of a component."""
    return sys.executable if name in (EGRESS, NODE) else str(binaries[name])
