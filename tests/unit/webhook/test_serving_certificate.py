"""The certificate that is served: what a TLS peer is shown, before and after the Secret changes."""

import asyncio
import base64
import contextlib
import logging
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from curfew_operator.pair import LIFE, Pair, new_pair
from curfew_webhook.certificate import ServingCertificate
from tests.unit.operator_edge.memory_api import MemoryApi, away, now

SECRET = "/api/v1/namespaces/curfew-system/secrets/curfew-webhook-tls"  # noqa: S105 - a path
HOST = "curfew-webhook.curfew-system.svc"
START = now()


class Kept:
    """A certificate that follows a Secret in memory, by a clock that stands still."""

    def __init__(self) -> None:
        self.api = MemoryApi()
        self.now = START
        self.served = ServingCertificate(
            self.api.client(), "curfew-system", "curfew-webhook-tls", lambda: self.now
        )

    def write(self, **texts: bytes) -> None:
        """Store a Secret; `tls_crt` stands for the key tls.crt."""
        data = {
            name.replace("_", "."): base64.b64encode(text).decode() for name, text in texts.items()
        }
        self.api.put(SECRET, {"metadata": {}, "data": data})

    def write_pair(self, pair: Pair) -> None:
        self.write(tls_crt=pair.certificate, tls_key=pair.key, ca_crt=pair.authority)

    def refresh(self) -> None:
        asyncio.run(self.served.refresh())

    def keep_once(self) -> None:
        """One turn of the loop that looks for ever."""

        async def turn() -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await self.served.keep()

        asyncio.run(turn())


def shown(context: ssl.SSLContext, authority: bytes) -> bytes:
    """What a peer that trusts the authority is shown (DER), by a handshake in memory."""
    trust = ssl.create_default_context(cadata=authority.decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    client = trust.wrap_bio(to_client, to_server, server_hostname=HOST)
    for side in (client, server, client, server):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    assert client.version() == "TLSv1.3"
    certificate = client.getpeercert(binary_form=True)
    assert certificate is not None
    return certificate


def der(pem: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.decode())


def test_before_the_operator_has_written_a_certificate_the_fault_says_so() -> None:
    kept = Kept()
    assert kept.served.fault == "the serving certificate was not read yet"
    kept.api.put(SECRET, {"metadata": {}})
    kept.refresh()
    assert kept.served.fault == "the operator has not written the serving certificate yet"
    assert kept.served.ends is None


def test_half_a_pair_is_no_certificate_yet() -> None:
    kept, pair = Kept(), new_pair(HOST, START)
    kept.write(tls_crt=pair.certificate, ca_crt=pair.authority)
    kept.refresh()
    assert "has not written" in kept.served.fault


def test_a_good_pair_is_served_and_vouched_for() -> None:
    kept, pair = Kept(), new_pair(HOST, START)
    kept.write_pair(pair)
    kept.refresh()
    assert kept.served.fault == ""
    assert kept.served.server_name == HOST
    assert kept.served.trusted == pair.authority.decode()
    assert shown(kept.served.context, pair.authority) == der(pair.certificate)
    end = x509.load_pem_x509_certificate(pair.certificate).not_valid_after_utc
    assert kept.served.ends == end


def test_another_pair_takes_the_place_of_the_first_without_a_new_context() -> None:
    kept, first, second = Kept(), new_pair(HOST, START), new_pair(HOST, START)
    kept.write_pair(first)
    kept.refresh()
    context = kept.served.context
    kept.write_pair(second)
    kept.refresh()
    assert kept.served.context is context
    assert shown(context, second.authority) == der(second.certificate)


def test_a_certificate_whose_key_is_anothers_leaves_the_old_one_serving() -> None:
    kept, good, other = Kept(), new_pair(HOST, START), new_pair(HOST, START)
    kept.write_pair(good)
    kept.refresh()
    kept.write(tls_crt=other.certificate, tls_key=good.key, ca_crt=other.authority)
    with pytest.raises(ssl.SSLError):
        kept.refresh()
    assert kept.served.fault == ""
    assert kept.served.trusted == good.authority.decode()
    assert shown(kept.served.context, good.authority) == der(good.certificate)


@pytest.mark.parametrize("nonsense", [b"", b"nonsense", b"\xff\x00"])
def test_a_pair_that_is_no_pem_leaves_the_old_one_serving(nonsense: bytes) -> None:
    kept, good = Kept(), new_pair(HOST, START)
    kept.write_pair(good)
    kept.refresh()
    kept.write(tls_crt=nonsense, tls_key=nonsense, ca_crt=nonsense)
    with pytest.raises((ssl.SSLError, ValueError)):
        kept.refresh()
    assert kept.served.fault == ""
    assert shown(kept.served.context, good.authority) == der(good.certificate)


def test_a_secret_that_was_emptied_leaves_the_old_one_serving() -> None:
    kept, good = Kept(), new_pair(HOST, START)
    kept.write_pair(good)
    kept.refresh()
    kept.api.put(SECRET, {"metadata": {}})
    kept.refresh()
    assert shown(kept.served.context, good.authority) == der(good.certificate)
    assert kept.served.fault == ""


def test_the_version_that_is_served_is_not_loaded_again() -> None:
    kept, first, second = Kept(), new_pair(HOST, START), new_pair(HOST, START)
    kept.write_pair(first)
    kept.refresh()
    version = kept.api.objects[SECRET]["metadata"]["resourceVersion"]
    kept.write_pair(second)
    kept.api.objects[SECRET]["metadata"]["resourceVersion"] = version
    kept.refresh()
    assert kept.served.trusted == first.authority.decode()
    assert shown(kept.served.context, first.authority) == der(first.certificate)


def test_a_certificate_that_has_ended_is_a_fault_until_another_is_there() -> None:
    kept = Kept()
    kept.write_pair(new_pair(HOST, START))
    kept.refresh()
    kept.now = START + LIFE + timedelta(seconds=1)
    assert kept.served.fault.startswith("the serving certificate ended at ")
    kept.write_pair(new_pair(HOST, kept.now))
    kept.refresh()
    assert kept.served.fault == ""


def test_a_secret_that_cannot_be_read_at_first_is_told_with_its_cause() -> None:
    kept = Kept()
    kept.api.failing[f"GET {SECRET}"] = away("GET secret")
    kept.keep_once()
    assert kept.served.fault.startswith("the serving certificate cannot be read: GET secret:")


def test_an_outage_later_on_is_no_fault_since_the_certificate_serves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "curfew.webhook")
    kept = Kept()
    kept.write_pair(new_pair(HOST, START))
    kept.keep_once()
    kept.api.failing[f"GET {SECRET}"] = away("GET secret")
    kept.keep_once()
    assert "was not looked at: GET secret" in caplog.text
    assert kept.served.fault == ""


def test_no_key_stays_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept = Kept()
    kept.write_pair(new_pair(HOST, START))
    kept.refresh()
    assert list(tmp_path.iterdir()) == []
