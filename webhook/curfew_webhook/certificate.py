"""The serving certificate: read from its Secret by the API, and swapped without a dropped call.

Read by the API and not from a mounted file, because a kubelet takes up to a minute and a half to
bring a file up to date, and the operator arms the webhook when every replica can answer.
"""

import asyncio
import base64
import logging
import ssl
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography import x509

from curfew.objects.meta import ObjectMeta
from curfew.objects.resource import Resource
from curfew_kube.client import Client
from curfew_kube.errors import KubeError

_LOG = logging.getLogger("curfew.webhook")
SECRETS = Resource("", "v1", "secrets", namespaced=True)
_LOOK_EVERY = 5.0


class Secret(msgspec.Struct, frozen=True):
    """A Secret with PEM texts in base64."""

    metadata: ObjectMeta
    data: dict[str, str] | None = None


class ServingCertificate:
    """Keeps `context` serving what the Secret holds, under `server_name`, vouched for by `trusted`.

    `clock` is the wall clock (aware): certificates are judged by it, as every TLS peer does.
    """

    def __init__(
        self, client: Client, namespace: str, name: str, clock: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._clock = clock
        self._version = ""
        self._ends: datetime | None = None
        self._fault = "the serving certificate was not read yet"
        self.context = _new_context()
        self.trusted = ""
        self.server_name = f"curfew-webhook.{namespace}.svc"

    @property
    def fault(self) -> str:
        """Why nothing can be served with it ("": all is well)."""
        if self._ends is not None and self._ends <= self._clock():
            return f"the serving certificate ended at {self._ends.isoformat()}"
        return self._fault

    @property
    def ends(self) -> datetime | None:
        """When the one in use ends."""
        return self._ends

    async def keep(self) -> None:
        """Look for another certificate every few seconds, for ever."""
        while True:
            try:
                await self.refresh()
            except (KubeError, ValueError, OSError) as error:
                if self._ends is None:
                    self._fault = f"the serving certificate cannot be read: {error}"
                _LOG.debug("the serving certificate was not looked at: %s", error)
            await asyncio.sleep(_LOOK_EVERY)

    async def refresh(self) -> None:
        """Take what the Secret holds now; raises KubeError, ValueError for what is no pair."""
        answer = await self._client.get(SECRETS, Secret, self._name, self._namespace)
        secret = answer.value
        if secret.metadata.resource_version == self._version:
            return
        data = {key: base64.b64decode(text) for key, text in (secret.data or {}).items()}
        if not {"tls.crt", "tls.key", "ca.crt"} <= data.keys():
            if self._ends is None:  # else the one in use serves on
                self._fault = "the operator has not written the serving certificate yet"
            return
        # A failed load breaks a context that serves, so it is tried on one that does not.
        _load(_new_context(), data)
        _load(self.context, data)
        self._ends = x509.load_pem_x509_certificate(data["tls.crt"]).not_valid_after_utc
        self.trusted = data["ca.crt"].decode("ascii")
        self._version = secret.metadata.resource_version
        self._fault = ""
        _LOG.info("serving with a certificate that ends at %s", self._ends.isoformat())


def _new_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load(context: ssl.SSLContext, data: dict[str, bytes]) -> None:
    # The ssl module reads keys from files only.
    with tempfile.TemporaryDirectory() as directory:
        pair = Path(directory) / "pair.pem"
        pair.touch(mode=0o600)
        pair.write_bytes(data["tls.key"] + b"\n" + data["tls.crt"])
        context.load_cert_chain(pair)
