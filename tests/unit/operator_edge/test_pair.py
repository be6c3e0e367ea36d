"""The certificate of the webhook: what it says, whom it serves, and how long it is fresh."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from curfew_operator.pair import LIFE, Pair, first_certificate, is_fresh, new_pair

HOST = "curfew-webhook.curfew-system.svc"
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
PAIR = new_pair(HOST, NOW)
LEAF = x509.load_pem_x509_certificate(PAIR.certificate)
AUTHORITY = x509.load_pem_x509_certificate(PAIR.authority)
BEGIN, END = LEAF.not_valid_before_utc, LEAF.not_valid_after_utc
NO_LONGER = BEGIN + (END - BEGIN) * 2 / 3


def test_the_authority_vouches_for_the_leaf_and_the_key_is_the_leafs() -> None:
    LEAF.verify_directly_issued_by(AUTHORITY)
    key = serialization.load_pem_private_key(PAIR.key, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
    assert key.public_key() == LEAF.public_key()
    assert LEAF.public_key() != AUTHORITY.public_key()


def test_the_leaf_serves_one_name_and_can_vouch_for_nothing() -> None:
    names = LEAF.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST]
    usage = LEAF.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    limits = LEAF.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert limits.ca is False
    allowed = LEAF.extensions.get_extension_for_class(x509.KeyUsage).value
    assert allowed.digital_signature
    assert not allowed.key_cert_sign


def test_the_authority_can_vouch_for_leaves_and_for_no_other_authority() -> None:
    limits = AUTHORITY.extensions.get_extension_for_class(x509.BasicConstraints)
    assert limits.critical
    assert (limits.value.ca, limits.value.path_length) == (True, 0)
    allowed = AUTHORITY.extensions.get_extension_for_class(x509.KeyUsage).value
    assert allowed.key_cert_sign
    assert not allowed.digital_signature


def chain(host: str, now: datetime) -> list[x509.Certificate]:
    """What a strict peer that trusts the authority builds of the leaf; raises VerificationError."""
    policy = verification.PolicyBuilder().store(verification.Store([AUTHORITY])).time(now)
    return policy.build_server_verifier(x509.DNSName(host)).verify(LEAF, [])


def test_a_peer_that_is_strict_about_certificates_accepts_the_pair() -> None:
    assert chain(HOST, NOW) == [LEAF, AUTHORITY]


@pytest.mark.parametrize(
    ("host", "now"), [("another.svc", NOW), (HOST, NOW - LIFE), (HOST, NOW + LIFE + LIFE)]
)
def test_no_peer_accepts_it_for_another_name_or_outside_of_its_life(
    host: str, now: datetime
) -> None:
    with pytest.raises(verification.VerificationError):
        chain(host, now)


def test_it_is_valid_a_little_earlier_and_for_ninety_days() -> None:
    assert NOW - timedelta(minutes=5) == BEGIN
    assert END == NOW + LIFE == NOW + timedelta(days=90)


def test_two_pairs_share_nothing() -> None:
    other = new_pair(HOST, NOW)
    assert other.authority != PAIR.authority
    assert other.key != PAIR.key
    assert x509.load_pem_x509_certificate(other.certificate).serial_number != LEAF.serial_number


@settings(deadline=None)
@given(st.timedeltas(timedelta(days=-1), timedelta(days=120)))
def test_it_is_fresh_from_its_beginning_until_two_thirds_of_its_life_are_over(
    later: timedelta,
) -> None:
    now = NOW + later
    assert is_fresh(PAIR, HOST, now) is (BEGIN <= now < NO_LONGER)


def test_the_moments_themselves_count_as_they_should() -> None:
    tick = timedelta(microseconds=1)
    assert is_fresh(PAIR, HOST, BEGIN)
    assert not is_fresh(PAIR, HOST, BEGIN - tick)
    assert is_fresh(PAIR, HOST, NO_LONGER - tick)
    assert not is_fresh(PAIR, HOST, NO_LONGER)


@pytest.mark.parametrize(
    "host", ["curfew-webhook.other.svc", "", "*", "CURFEW-WEBHOOK.curfew-system.svc"]
)
def test_it_is_not_fresh_for_another_name(host: str) -> None:
    assert not is_fresh(PAIR, host, NOW)


@pytest.mark.parametrize(
    "text", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_not_fresh(text: bytes) -> None:
    assert not is_fresh(Pair(PAIR.authority, text, PAIR.key), HOST, NOW)


@pytest.mark.parametrize(
    "key",
    [b"", b"nonsense", PAIR.certificate, new_pair(HOST, NOW).key],
    ids=["none", "nonsense", "a certificate", "another's"],
)
def test_a_certificate_without_its_own_key_is_not_fresh(key: bytes) -> None:
    assert not is_fresh(Pair(PAIR.authority, PAIR.certificate, key), HOST, NOW)


def test_a_key_behind_a_password_that_nobody_has_is_not_fresh() -> None:
    key = serialization.load_pem_private_key(PAIR.key, password=None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"forgotten"),
    )
    assert not is_fresh(Pair(PAIR.authority, PAIR.certificate, locked), HOST, NOW)


def test_a_certificate_without_names_is_not_fresh() -> None:
    assert not is_fresh(Pair(PAIR.authority, PAIR.authority, PAIR.key), HOST, NOW)


def test_the_first_of_a_bundle_is_the_newest_authority() -> None:
    other = new_pair(HOST, NOW)
    assert first_certificate(PAIR.authority) == PAIR.authority
    assert first_certificate(PAIR.authority + other.authority) == PAIR.authority
    assert first_certificate(b"") == b""
    assert first_certificate(b"nonsense") == b""


def test_the_first_of_a_bundle_needs_no_line_end_after_it() -> None:
    assert first_certificate(PAIR.authority.rstrip()).rstrip() == PAIR.authority.rstrip()
