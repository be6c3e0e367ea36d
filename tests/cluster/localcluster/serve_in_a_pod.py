"""What the Pods of the node's tests run: tells who it is, then is a webhook that always refuses."""

import argparse
import http.client
import json
import os
import signal
import ssl
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the container's log


class _Refuse(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        words = f"{os.environ['POD_NAME']} says no"
        answer = {"uid": review["request"]["uid"], "allowed": False, "status": {"message": words}}
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
        body = json.dumps(review | {"response": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the log for what matters."""


def _ask(account: Path, method: str, path: str, body: object) -> tuple[int, str]:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    context = ssl.create_default_context(cafile=account / "ca.crt")
    connection = http.client.HTTPSConnection(host, int(port), context=context)
    token = (account / "token").read_text()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request(method, path, json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def _introduce(account: Path) -> None:
    namespace = (account / "namespace").read_text()
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    _, said = _ask(account, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    _say(f"I am {json.loads(said)['status']['userInfo']['username']}")
    here = f"/api/v1/namespaces/{namespace}"
    for path in (f"{here}/configmaps/app", f"{here}/secrets", "/api/v1/nodes"):
        _say(f"{path} gives {_ask(account, 'GET', path, None)[0]}")


def _leave(*_: object) -> None:
    _say("told to end")
    sys.exit(0)


def main() -> None:
    """Serve, or with `--once` only tell and end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--account", type=Path, required=True)
    parser.add_argument("--tls", type=Path)
    parser.add_argument("--port", type=int)
    parser.add_argument("--once", action="store_true")
    parsed = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)
    _introduce(parsed.account)
    _say(f"variables: {sorted(os.environ)}")
    _say(f"greeting: {os.environ.get('GREETING')}")
    if parsed.once:
        return
    server = HTTPServer((os.environ["POD_IP"], parsed.port), _Refuse)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(parsed.tls / "tls.crt", parsed.tls / "tls.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
