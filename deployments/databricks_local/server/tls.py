"""The workspace's certificate: made on the spot, by an authority whose key nobody keeps."""

import datetime
import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = datetime.timedelta(days=730)
RENEWAL = datetime.timedelta(days=30)
ALWAYS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class TlsFiles:
    """Where the certificates are.

    Attributes:
        authority: What clients have to trust, as in `SSL_CERT_FILE`.
        certificate: What the server shows.
        key: The server's private key, for its owner only.
    """

    authority: Path
    certificate: Path
    key: Path


def ensure_certificates(directory: Path, host: str, now: datetime.datetime | None = None) -> TlsFiles:
    """Make an authority and a certificate for this machine, unless they are there and good for a while.

    The authority is kept over restarts, so that clients that trust it go on. Its key is not kept: nobody can
    sign another certificate with it.

    Args:
        directory: Where the files are.
        host: What the server listens on, besides `ALWAYS`.
        now: The time, if not the present.

    Returns:
        Where the files are.
    """
    files = TlsFiles(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    now = now or datetime.datetime.now(datetime.UTC)
    names = list(dict.fromkeys([*ALWAYS, *([host] if host else [])]))
    if _good(files, names, now):
        return files
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _authority(authority_key, now)
    certificate = _certificate(key, authority, authority_key, names, now)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(files.key, private, 0o600)
    _write(files.certificate, certificate.public_bytes(pem), 0o644)
    _write(files.authority, authority.public_bytes(pem), 0o644)
    return files


def _good(files: TlsFiles, names: Iterable[str], now: datetime.datetime) -> bool:
    if not (files.authority.exists() and files.certificate.exists() and files.key.exists()):
        return False
    shown = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    authority = x509.load_pem_x509_certificate(files.authority.read_bytes())
    key = serialization.load_pem_private_key(files.key.read_bytes(), password=None)
    covered = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        set(_general_names(names)) <= set(covered)
        and now + RENEWAL < min(shown.not_valid_after_utc, authority.not_valid_after_utc)
        and shown.issuer == authority.subject
        and shown.public_key() == key.public_key()
    )


def _authority(key: ec.EllipticCurvePrivateKey, now: datetime.datetime) -> x509.Certificate:
    serial = x509.random_serial_number()
    # With a number, since two authorities of the same name would be taken for one.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Local Databricks workspace {serial:x}"[:64])])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        _builder(name, name, key.public_key(), serial, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )


def _certificate(
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    names: Iterable[str],
    now: datetime.datetime,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return (
        _builder(subject, authority.subject, key.public_key(), x509.random_serial_number(), now)
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer_key, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, serial: int, now: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + LIFETIME)
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


def _general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    return [_general_name(name) for name in names]


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, content: bytes, mode: int) -> None:
    # Under another name first, with its mode from the beginning: there is no moment for others to read it.
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    part.replace(path)
