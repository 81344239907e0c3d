"""The workspace's certificate: made on the spot, by an authority whose key nobody keeps."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import certifi
import trustme

BEGIN = b"-----BEGIN CERTIFICATE-----"
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

    @property
    def bundle(self) -> Path:
        """What tasks have to trust: the authority, and those of this machine."""
        return self.authority.with_name("bundle.pem")


def ensure_certificates(directory: Path, host: str) -> TlsFiles:
    """Make an authority and a certificate for this machine, unless there are good ones.

    The authority stays the same over restarts, so that clients that trust it go on. Its key is not kept:
    nobody can sign another certificate with it.

    Args:
        directory: Where the files are.
        host: What the server listens on, besides `ALWAYS`.

    Returns:
        Where the files are.
    """
    files = TlsFiles(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    names = list(dict.fromkeys([*ALWAYS, *([host] if host else [])]))
    if all(accepts(files, name) for name in names):
        return files
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority = trustme.CA(organization_name="Local Databricks workspace")
    certificate = authority.issue_cert(*names, common_name="localhost")
    _write(files.key, certificate.private_key_pem.bytes(), 0o600)
    _write(files.certificate, b"".join(pem.bytes() for pem in certificate.cert_chain_pems), 0o644)
    _write(files.authority, authority.cert_pem.bytes(), 0o644)
    return files


def write_bundle(files: TlsFiles, environment: Mapping[str, str]) -> None:
    """Write the authorities that tasks trust.

    Args:
        files: The workspace's certificates.
        environment: Names those of this machine, a file or a folder, as for `requests`.

    Raises:
        OSError: If they cannot be read.
    """
    named = environment.get("REQUESTS_CA_BUNDLE") or environment.get("SSL_CERT_FILE")
    others = Path(named or certifi.where())
    places = sorted(place for place in others.iterdir() if place.is_file()) if others.is_dir() else [others]
    # A folder may hold other files, and each certificate under two names.
    found = dict.fromkeys(content for place in places if BEGIN in (content := place.read_bytes()))
    _write(files.bundle, b"\n".join([*found, files.authority.read_bytes()]), 0o644)


def accepts(files: TlsFiles, name: str) -> bool:
    """Whether a client that trusts the authority would accept the certificate of a server of this name.

    Client and server shake hands in memory, so that this is judged by what judges it later.
    """
    try:
        client_context = ssl.create_default_context(cafile=files.authority)
        server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_context.load_cert_chain(files.certificate, files.key)
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = client_context.wrap_bio(down, up, server_hostname=name)
        server = server_context.wrap_bio(up, down, server_side=True)
        while not all([_is_done(client), _is_done(server)]):
            continue
    except (OSError, ssl.SSLError):
        return False
    return True


def _is_done(side: ssl.SSLObject) -> bool:
    """Go on with a handshake; whether it is finished."""
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _write(path: Path, content: bytes, mode: int) -> None:
    # Under another name first, with its mode from the beginning: at no moment can others read it.
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    part.replace(path)
