"""The certificates of a workspace, and those that its tasks trust besides."""

from pathlib import Path

import certifi
import pytest
from databricks_local.server.tls import TlsFiles, write_bundle

FIRST, SECOND, OWN = (f"-----BEGIN CERTIFICATE-----\n{name}" for name in ("first", "second", "own"))


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    found = TlsFiles(tmp_path / "ca.pem", tmp_path / "server.pem", tmp_path / "server.key")
    found.authority.write_text(OWN)
    return found


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_tasks_trust_what_this_machine_trusts(files: TlsFiles, tmp_path: Path, variable: str) -> None:
    (tmp_path / "one.pem").write_text(FIRST)
    write_bundle(files, {variable: str(tmp_path / "one.pem")})
    assert files.bundle.read_text() == f"{FIRST}\n{OWN}"
    write_bundle(files, {})
    assert files.bundle.read_text() == f"{Path(certifi.where()).read_text()}\n{OWN}"


def test_a_folder_of_authorities_is_read_file_by_file(files: TlsFiles, tmp_path: Path) -> None:
    folder = tmp_path / "certificates"
    folder.mkdir()
    for name, content in {"a.pem": FIRST, "b.crt": SECOND, "b.0": SECOND, "README": "text"}.items():
        (folder / name).write_text(content)
    (folder / "more").mkdir()
    write_bundle(files, {"REQUESTS_CA_BUNDLE": str(folder)})
    assert files.bundle.read_text() == f"{FIRST}\n{SECOND}\n{OWN}"


def test_authorities_that_are_not_there_are_an_error_that_names_them(files: TlsFiles) -> None:
    with pytest.raises(FileNotFoundError, match="/no/such"):
        write_bundle(files, {"REQUESTS_CA_BUNDLE": "/no/such"})
