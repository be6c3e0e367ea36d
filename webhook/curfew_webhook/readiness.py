"""Whether this replica can be asked: its caches are up to date, and it answers over TLS."""

import asyncio
import ssl

import aiohttp

from curfew_webhook.certificate import ServingCertificate
from curfew_webhook.freshness import Freshness
from curfew_webhook.metrics import Metrics

_EVERY = 2.0
_PATIENCE = aiohttp.ClientTimeout(total=3)
_METHOD_NOT_ALLOWED = 405


class Readiness:
    """Looks at the parts every other second; `stopping` turns it red for good."""

    def __init__(
        self,
        freshness: Freshness,
        certificate: ServingCertificate,
        metrics: Metrics,
        address: str,
        port: int,
    ) -> None:
        self._freshness = freshness
        self._certificate = certificate
        self._metrics = metrics
        self._url = f"https://[{address}]:{port}" if ":" in address else f"https://{address}:{port}"
        self._self_call = "no call to ourselves was tried yet"
        self.stopping = False

    def faults(self) -> list[str]:
        """What is in the way, in words; empty when ready."""
        behind = [f"the cache of {kind} is not up to date" for kind in self._freshness.behind]
        wrong = self._certificate.fault or self._self_call
        return [*(["stopping"] if self.stopping else []), *behind, *([wrong] if wrong else [])]

    async def watch(self) -> None:
        """Call ourselves as the API server would, for ever."""
        while True:
            if not self._certificate.fault:
                self._self_call = await self._call()
            if self._certificate.ends is not None:
                self._metrics.certificate_ends.set(self._certificate.ends.timestamp())
            await asyncio.sleep(_EVERY)

    async def _call(self) -> str:
        name = self._certificate.server_name
        try:
            trust = ssl.create_default_context(cadata=self._certificate.trusted)
            async with (
                aiohttp.ClientSession(timeout=_PATIENCE) as session,
                session.get(f"{self._url}/validate", ssl=trust, server_hostname=name) as answer,
            ):
                # A review is posted: this refusal comes from the app itself, behind TLS.
                fine = answer.status == _METHOD_NOT_ALLOWED
                return "" if fine else f"a call to ourselves was answered with {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"a call to ourselves failed: {type(error).__name__} {error}".rstrip()
