"""Requests to the API server with the node's own certificate."""

import asyncio
import http.client
import json
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from localcluster.errors import RigError

MERGE = "application/merge-patch+json"
_JSON = "application/json"
_SECONDS = 5
_FIRST_REFUSAL = 400


class Refused(RigError):
    """The API server answered that it will not; `status` is HTTP's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Api:
    """The API server at `server`; `pki` holds ca.crt, node.crt and node.key."""

    def __init__(self, server: str, pki: Path) -> None:
        address = urlsplit(server)
        self.host, self.port = address.hostname or "", address.port or 443
        self._context = ssl.create_default_context(cafile=pki / "ca.crt")
        self._context.load_cert_chain(pki / "node.crt", pki / "node.key")

    async def get(self, path: str) -> bytes:
        """Read; raises Refused, or OSError while nobody answers."""
        return await asyncio.to_thread(self._exchange, "GET", path, None, _JSON)

    async def send(self, method: str, path: str, body: object, kind: str = _JSON) -> bytes:
        """Write; raises Refused, or OSError while nobody answers."""
        return await asyncio.to_thread(self._exchange, method, path, json.dumps(body), kind)

    def _exchange(self, method: str, path: str, body: str | None, kind: str) -> bytes:
        connection = http.client.HTTPSConnection(
            self.host, self.port, context=self._context, timeout=_SECONDS
        )
        try:
            connection.request(method, path, body, {"Content-Type": kind, "Accept": _JSON})
            answer = connection.getresponse()
            content = answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{path}: {error!r}") from error
        finally:
            connection.close()
        if answer.status >= _FIRST_REFUSAL:
            raise Refused(answer.status, content.decode(errors="replace"))
        return content
