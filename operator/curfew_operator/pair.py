"""The webhook's certificate: an authority of its own, used once, and the leaf it vouches for.

The authority's key is thrown away: a new leaf comes with a new authority, and both are trusted for
a while. So there is no key that could vouch for anything else.
"""

from datetime import datetime, timedelta

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=90)
_EARLIER = timedelta(minutes=5)  # clocks of other machines may be behind


class Pair(msgspec.Struct, frozen=True):
    """PEM texts."""

    authority: bytes
    certificate: bytes
    key: bytes


def new_pair(host: str, now: datetime) -> Pair:
    """A fresh pair for a DNS name, valid from now for 90 days (ECDSA P-256)."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("curfew webhook authority")
    authority = (
        _builder(authority_name, authority_name, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = (
        _builder(_name("curfew webhook"), authority_name, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return Pair(
        authority.public_bytes(pem),
        leaf.public_bytes(pem),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def is_fresh(pair: Pair, host: str, now: datetime) -> bool:
    """Whether it serves the name with its own key, with a third of its life or more to come."""
    try:
        found = x509.load_pem_x509_certificate(pair.certificate)
        key = serialization.load_pem_private_key(pair.key, password=None)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, x509.ExtensionNotFound):
        return False
    begin, end = found.not_valid_before_utc, found.not_valid_after_utc
    serves = host in names.get_values_for_type(x509.DNSName)
    serves = serves and key.public_key() == found.public_key()
    return serves and begin <= now < begin + (end - begin) * 2 / 3


def first_certificate(bundle: bytes) -> bytes:
    """The newest authority of a bundle, which comes first (empty: there is none)."""
    end = b"-----END CERTIFICATE-----"
    head, found, _ = bundle.partition(end)
    return head + found + b"\n" if found else b""


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + LIFE)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
