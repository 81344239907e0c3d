"""Tokens by OAuth, the certificate, the log of requests."""

import base64
import datetime
import hmac
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from databricks_local.access.oauth import ClientCredentials, OAuthError, TokenIssuer
from databricks_local.access.request_log import RequestLog, public_query
from databricks_local.access.tokens import is_token
from databricks_local.files.uploads import PresignedUrlError, Uploads
from databricks_local.files.volumes import Volumes
from databricks_local.server.tls import accepts, ensure_certificates

CLIENT = ClientCredentials("an-id", "a-secret")
GRANT = {"grant_type": "client_credentials", "scope": "all-apis"}
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1_000_000_000

    def __call__(self) -> int:
        return self.now


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def test_a_token_is_good_for_an_hour_and_at_the_next_server() -> None:
    clock = Clock()
    answer = TokenIssuer(CLIENT, clock).issue(GRANT, basic("an-id", "a-secret"))
    token = answer.pop("access_token")
    assert answer == {"token_type": "Bearer", "expires_in": 3600, "scope": "all-apis"}
    issuer = TokenIssuer(CLIENT, clock)
    assert issuer.accepts(token)
    clock.now += 3_599_000
    assert issuer.accepts(token)
    clock.now += 1_000
    assert not issuer.accepts(token)


def test_tokens_and_secrets_are_compared_in_constant_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By nothing but `compare_digest`: if that says no, what is right is refused."""
    clock = Clock()
    issuer = TokenIssuer(CLIENT, clock)
    issued = issuer.issue(GRANT, basic("an-id", "a-secret"))["access_token"]
    uploads = Uploads(Volumes(tmp_path / "volumes"), "http://here", clock)
    query = dict(parse_qsl(urlsplit(uploads.signed_url("GET", "/Volumes/a")).query, keep_blank_values=True))
    assert is_token(b"token", "token")
    assert issuer.accepts(issued)
    assert uploads.check("GET", "/Volumes/a", query) == ("", 0)
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: False)
    assert not is_token(b"token", "token")
    assert not issuer.accepts(issued)
    with pytest.raises(OAuthError, match="Client authentication failed"):
        issuer.issue(GRANT, basic("an-id", "a-secret"))
    with pytest.raises(PresignedUrlError):
        uploads.check("GET", "/Volumes/a", query)


def test_tokens_of_others_are_not_accepted() -> None:
    clock = Clock()
    token = TokenIssuer(CLIENT, clock).issue(GRANT, basic("an-id", "a-secret"))["access_token"]
    head, claims, signature = token.split(".")
    assert not TokenIssuer(ClientCredentials("an-id", "another"), clock).accepts(token)
    assert not TokenIssuer(None, clock).accepts(token)
    issuer = TokenIssuer(CLIENT, clock)
    for forged in (
        "",
        ".",
        "..",
        "a.b.c",
        f"{head}.{claims}.",
        f"{head}.{claims}x.{signature}",
        "é",
        "a" * 5000,
    ):
        assert not issuer.accepts(forged)


def test_client_id_and_secret_may_be_in_the_form() -> None:
    form = {**GRANT, "client_id": "an-id", "client_secret": "a-secret"}
    assert TokenIssuer(CLIENT, Clock()).issue(form, "")["token_type"] == "Bearer"


@pytest.mark.parametrize(
    ("form", "authorization", "status", "error"),
    [
        (GRANT, basic("an-id", "wrong"), 401, "invalid_client"),
        (GRANT, basic("other", "a-secret"), 401, "invalid_client"),
        (GRANT, "", 401, "invalid_client"),
        (GRANT, "Basic !", 401, "invalid_client"),
        ({}, basic("an-id", "a-secret"), 400, "invalid_request"),
        ({"grant_type": "password"}, basic("an-id", "a-secret"), 400, "unsupported_grant_type"),
        ({**GRANT, "scope": "sql"}, basic("an-id", "a-secret"), 400, "invalid_scope"),
    ],
)
def test_refused_requests_for_tokens(
    form: dict[str, str], authorization: str, status: int, error: str
) -> None:
    with pytest.raises(OAuthError) as caught:
        TokenIssuer(CLIENT, Clock()).issue(form, authorization)
    assert (caught.value.status, caught.value.error) == (status, error)
    with pytest.raises(OAuthError):
        TokenIssuer(None, Clock()).issue(form, authorization)


def test_secrets_are_not_shown() -> None:
    assert "a-secret" not in repr(CLIENT)


def test_the_certificate_is_kept_while_it_is_good(tmp_path: Path) -> None:
    files = ensure_certificates(tmp_path / "tls", "workspace.example")
    assert files.key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "tls").stat().st_mode & 0o777 == 0o700
    names = ("localhost", "127.0.0.1", "::1", "workspace.example")
    assert [accepts(files, name) for name in names] == [True] * 4
    assert not accepts(files, "other.example")

    def content() -> list[bytes]:
        return [file.read_bytes() for file in (files.authority, files.certificate, files.key)]

    before = content()
    ensure_certificates(tmp_path / "tls", "workspace.example")
    ensure_certificates(tmp_path / "tls", "127.0.0.1")
    assert content() == before
    ensure_certificates(tmp_path / "tls", "10.0.0.7")
    after = content()
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert accepts(files, "10.0.0.7")


def test_a_certificate_that_does_not_belong_to_its_key_is_made_anew(tmp_path: Path) -> None:
    files = ensure_certificates(tmp_path / "tls", "")
    other = ensure_certificates(tmp_path / "other", "")
    files.key.write_bytes(other.key.read_bytes())
    assert not accepts(files, "localhost")
    assert accepts(ensure_certificates(tmp_path / "tls", ""), "localhost")


def test_strict_clients_accept_the_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = ssl.create_default_context

    def strict(**options: Any) -> ssl.SSLContext:
        """What Python 3.13 has by default."""
        context = make(**options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    assert accepts(ensure_certificates(tmp_path / "tls", ""), "localhost")


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (b"", ""),
        (b"run_id=1&page_token=from-100", "run_id=1&page_token=from-100"),
        (b"path=/a/b&signature=abc&session_token=x", "path=/a/b&signature=***&session_token=***"),
        (b"client_secret=x&password=", "client_secret=***&password=***"),
        (b"%ff=%00", "%EF%BF%BD=%00"),
    ],
)
def test_queries_are_logged_without_secrets(query: bytes, shown: str) -> None:
    assert public_query(query) == shown


def test_the_log_is_a_ring_with_ids_that_go_on() -> None:
    clock = Clock()
    log = RequestLog(clock, size=3)

    def note(path: str, status: int | None = 200) -> None:
        log.note("GET", path, b"", status, 0.25)

    for path in ("/a", "/b", "/ab", "/c"):
        note(path)
    shown, more = log.show("", 0, 10)
    assert [(item["id"], item["path"]) for item in shown] == [(2, "/b"), (3, "/ab"), (4, "/c")]
    assert not more
    assert shown[0] == {
        "id": 2, "time": clock.now - 250, "method": "GET", "path": "/b", "query": "", "status": 200,
        "milliseconds": 250.0,
    }  # fmt: skip
    assert [item["id"] for item in log.show("/a", 0, 10)[0]] == [3]
    assert [item["id"] for item in log.show("", 3, 10)[0]] == [4]
    assert log.show("", 0, 2)[1]
    log.clear()
    note("/d", None)
    assert [(item["id"], item["status"]) for item in log.show("", 0, 10)[0]] == [(5, None)]
