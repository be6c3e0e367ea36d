"""How anybody reaches the cluster: a kubeconfig per user, and plain requests as its owner."""

import base64
import http.client
import json
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from localcluster.pki import Pair, write_private


def write_kubeconfig(path: Path, server: str, ca: bytes, user: str, pair: Pair) -> None:
    """Write a kubeconfig (JSON is YAML) that holds everything it needs."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "local",
                "cluster": {"server": server, "certificate-authority-data": _base64(ca)},
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _base64(pair.certificate),
                    "client-key-data": _base64(pair.key),
                },
            }
        ],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": user}}],
        "current-context": "local",
    }
    write_private(path, json.dumps(config, indent=2).encode())


def ask(pki: Path, who: str, url: str, body: object = None) -> tuple[int, bytes]:
    """Send one request with the certificate `who`; returns status and body.

    Raises OSError while nobody answers.
    """
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    context.load_cert_chain(pki / f"{who}.crt", pki / f"{who}.key")
    target = urlsplit(url)
    connection = http.client.HTTPSConnection(
        target.hostname or "", target.port, context=context, timeout=5
    )
    try:
        connection.request(
            "GET" if body is None else "POST",
            target.path,
            None if body is None else json.dumps(body),
        )
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise ConnectionError(f"{url}: {error!r}") from error
    finally:
        connection.close()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
