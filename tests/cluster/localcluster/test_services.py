"""The API server reaches a Service's webhook by its ClusterIP, as in a cluster with a network."""

import json
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from localcluster import LocalCluster, pki

_HOST = "hook.hooks.svc"


class _Refuse(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        words = f"{self.headers['Host']} says no"
        answer = {"uid": review["request"]["uid"], "allowed": False, "status": {"message": words}}
        body = json.dumps(
            {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def _webhook(directory: Path, authority: pki.Pair) -> Iterator[int]:
    now = datetime.now(UTC)  # noqa: TID251 - a test's certificate is of now
    pki.store(pki.issue(authority, "hook", now, hosts=(_HOST,)), directory, "hook")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refuse)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "hook.crt", directory / "hook.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _configuration(authority: pki.Pair) -> dict[str, object]:
    service = {"namespace": "hooks", "name": "hook", "path": "/validate", "port": 443}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "hook"},
        "webhooks": [
            {
                "name": "hook.example.com",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "clientConfig": {
                    "service": service,
                    "caBundle": b64encode(authority.certificate).decode(),
                },
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "hooks"}},
                "rules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "resources": ["secrets"],
                        "operations": ["CREATE"],
                    }
                ],
            }
        ],
    }


def _refusal(cluster: LocalCluster, words: str) -> str:
    said = ""
    for _ in range(100):
        secret = ("create", "secret", "generic", "s", "-n", "hooks")
        done = cluster.kubectl(*secret, "--dry-run=server", check=False)
        said = done.stderr
        if words in said:
            return said
        time.sleep(0.1)
    raise AssertionError(said)


def test_a_webhook_behind_a_service_is_called_with_its_own_name_and_certificate(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    authority = pki.new_authority("hooks", datetime.now(UTC))  # noqa: TID251 - a test's certificate is of now
    cluster.kubectl("create", "namespace", "hooks")
    cluster.kubectl("create", "service", "clusterip", "hook", "--tcp=443:8443", "-n", "hooks")
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(_configuration(authority)))
    try:
        assert "failed calling webhook" in _refusal(cluster, "No such Service")
        with _webhook(tmp_path, authority) as port:
            cluster.route("hooks", "hook", {443: port})
            assert f"{_HOST}:443 says no" in _refusal(cluster, "says no")
        assert "failed calling webhook" in _refusal(cluster, "failed calling webhook")
    finally:
        cluster.kubectl("delete", "validatingwebhookconfiguration", "hook")
