"""Whether a replica says that it can be asked, and what it says is in the way."""

import asyncio
import base64
import socket
from datetime import timedelta

from curfew_kube.watching import Outage, Synced
from curfew_operator.pair import LIFE, new_pair
from curfew_webhook import holders, roles
from curfew_webhook.certificate import ServingCertificate
from curfew_webhook.freshness import Freshness
from curfew_webhook.metrics import Metrics
from curfew_webhook.readiness import Readiness
from tests.unit.operator_edge.memory_api import MemoryApi, away, now

SECRET = "/api/v1/namespaces/curfew-system/secrets/curfew-webhook-tls"  # noqa: S105 - a path
KINDS = (*roles.FOLLOWED, *holders.FOLLOWED)
NOT_SYNCED = [
    "the cache of roles is not up to date",
    "the cache of clusterroles is not up to date",
    "the cache of rolebindings is not up to date",
    "the cache of clusterrolebindings is not up to date",
]


def deaf_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


class Parts:
    """Everything readiness looks at, as it is when a replica starts."""

    def __init__(self) -> None:
        self.api = MemoryApi()
        self.metrics = Metrics()
        self.now = now()
        client = self.api.client()
        self.freshness = Freshness(KINDS, self.metrics)
        self.certificate = ServingCertificate(
            client, "curfew-system", "curfew-webhook-tls", lambda: self.now
        )
        self.readiness = Readiness(
            self.freshness, self.certificate, self.metrics, "127.0.0.1", deaf_port()
        )

    def sync(self) -> None:
        for kind in KINDS:
            self.freshness.caught_up(kind, Synced(0))

    async def certify(self, authority: bytes | None = None) -> None:
        pair = new_pair("curfew-webhook.curfew-system.svc", self.now)
        texts = {
            "tls.crt": pair.certificate,
            "tls.key": pair.key,
            "ca.crt": authority or pair.authority,
        }
        data = {name: base64.b64encode(text).decode() for name, text in texts.items()}
        self.api.put(SECRET, {"metadata": {}, "data": data})
        await self.certificate.refresh()

    async def watch_until(self, words: str) -> None:
        """Let it look until it says so; raises what ends the look instead."""
        watching = asyncio.create_task(self.readiness.watch())
        try:
            for _ in range(200):
                if watching.done() or any(words in fault for fault in self.readiness.faults()):
                    break
                await asyncio.sleep(0.01)
            if watching.done():
                watching.result()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


def test_a_replica_that_starts_names_all_that_is_in_the_way() -> None:
    assert Parts().readiness.faults() == [
        *NOT_SYNCED,
        "the serving certificate was not read yet",
    ]


def test_a_replica_with_caches_and_a_certificate_still_has_to_call_itself() -> None:
    parts = Parts()
    parts.sync()
    asyncio.run(parts.certify())
    assert parts.readiness.faults() == ["no call to ourselves was tried yet"]


def test_a_call_that_nobody_answers_is_told_in_words() -> None:
    parts = Parts()
    parts.sync()

    async def look() -> None:
        await parts.certify()
        await parts.watch_until("a call to ourselves failed")

    asyncio.run(look())
    (fault,) = parts.readiness.faults()
    assert fault.startswith("a call to ourselves failed: ClientConnectorError")


def test_an_authority_that_is_no_certificate_is_told_and_does_not_end_the_look() -> None:
    parts = Parts()
    parts.sync()

    async def look() -> None:
        await parts.certify(authority=b"nonsense")
        await parts.watch_until("a call to ourselves failed")

    asyncio.run(look())
    (fault,) = parts.readiness.faults()
    assert fault.startswith("a call to ourselves failed: ")


def test_when_the_certificate_ends_is_a_metric() -> None:
    parts = Parts()

    async def look() -> None:
        await parts.certify()
        await parts.watch_until("a call to ourselves failed")

    asyncio.run(look())
    ends = parts.certificate.ends
    assert ends is not None
    value = parts.metrics.registry.get_sample_value("curfew_certificate_not_after_seconds")
    assert value == ends.timestamp()


def test_a_certificate_that_ends_makes_a_ready_replica_say_so() -> None:
    parts = Parts()
    parts.sync()
    asyncio.run(parts.certify())
    parts.now += LIFE + timedelta(days=1)
    (fault,) = parts.readiness.faults()
    assert fault.startswith("the serving certificate ended at ")


def test_an_outage_of_one_watch_is_named() -> None:
    parts = Parts()
    parts.sync()
    parts.freshness.lost("roles", Outage(away("GET roles"), 1))
    behind = [fault for fault in parts.readiness.faults() if fault in NOT_SYNCED]
    assert behind == NOT_SYNCED[:1]


def test_a_replica_that_stops_says_so_first() -> None:
    parts = Parts()
    parts.readiness.stopping = True
    assert parts.readiness.faults()[0] == "stopping"
