"""Faults of requests: what goes wrong is real on the socket, and the official client meets it."""

import json
import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from databricks.sdk.errors import InternalError
from databricks_local import Faults, LocalWorkspace
from requests.exceptions import ChunkedEncodingError

from .workspace_lab import CLUSTER, Lab, until

ME = "/api/2.0/preview/scim/v2/Me"
SUBMIT = "/api/2.2/jobs/runs/submit"
EVENTUALLY = "The service at /api/2.0 is temporarily unavailable. Please try again later. [TraceId: -]"


@pytest.fixture
def faults(lab: Lab) -> Iterator[Faults]:
    yield lab.workspace.faults
    lab.workspace.faults.clear()


def connect(workspace: LocalWorkspace) -> socket.socket:
    where = urlsplit(workspace.url)
    plain = socket.create_connection((where.hostname, where.port or 0), timeout=10)
    if not workspace.authority:
        return plain
    return ssl.create_default_context(cafile=workspace.authority).wrap_socket(
        plain, server_hostname=where.hostname
    )


def send(connection: socket.socket, workspace: LocalWorkspace, path: str = ME, body: bytes = b"") -> None:
    method = "POST" if body else "GET"
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {workspace.token}\r\n"
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def receive_all(connection: socket.socket) -> tuple[dict[str, str], bytes]:
    """The headers and the body, as far as it came before the connection was closed."""
    content = b""
    while piece := connection.recv(65536):
        content += piece
    head, _, body = content.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


def submit_body(lab: Lab, **fields: Any) -> dict[str, Any]:
    path = lab.notebook("nothing", "x = 1\n")
    task = {"task_key": "a", "notebook_task": {"notebook_path": path}, "new_cluster": CLUSTER}
    return {"run_name": "faulty", "tasks": [task], **fields}


def run_names(lab: Lab) -> list[str]:
    runs = lab.get("/api/2.2/jobs/runs/list", limit=25).json().get("runs", [])
    return [run["run_name"] for run in runs]


@pytest.mark.parametrize(
    ("rule", "content_type", "text"),
    [
        (
            {"body": {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "no"}},
            "application/json",
            '{"error_code": "TEMPORARILY_UNAVAILABLE", "message": "no"}',
        ),
        ({"body": "<html>Bad gateway</html>"}, "text/html; charset=utf-8", "<html>Bad gateway</html>"),
        ({"body": "upstream connect error"}, "text/plain; charset=utf-8", "upstream connect error"),
        ({}, "application/json", ""),
    ],
)
def test_a_made_up_answer(
    lab: Lab, faults: Faults, rule: dict[str, Any], content_type: str, text: str
) -> None:
    faults.add(path=ME, method="get", status=502, retry_after=7, **rule)
    answer = lab.get(ME)
    assert (answer.status_code, answer.text) == (502, text)
    assert (answer.headers["content-type"], answer.headers["retry-after"]) == (content_type, "7")
    assert lab.get(ME).status_code == 200


def test_offset_count_and_pattern(lab: Lab, faults: Faults) -> None:
    faults.add(path="/api/2.?/preview/*", status=503, count=2, offset=1)
    faults.add(path_regex=r"/api/2\.0/workspace/(list|export)", status=429)
    assert [lab.get(ME).status_code for _ in range(4)] == [200, 503, 503, 200]
    assert lab.get("/api/2.0/workspace/list", path="/").status_code == 429
    assert [(fault["seen"], fault["applied"]) for fault in faults.show()] == [(4, 2), (1, 1)]


def test_chance_that_can_be_repeated(lab: Lab, faults: Faults) -> None:
    def statuses() -> list[int]:
        with faults.injected(path=ME, status=500, probability=0.5, seed=4):
            return [lab.get(ME).status_code for _ in range(20)]

    first = statuses()
    assert set(first) == {200, 500}
    assert statuses() == first


def test_the_sdk_tries_again_after_503_and_not_after_500(lab: Lab, faults: Faults) -> None:
    faults.add(path=ME, status=503, retry_after=1, body={"error_code": "TEMPORARILY_UNAVAILABLE"})
    lab.workspace.clear_requests()
    assert lab.sdk.current_user.me().user_name == "local@dbflow.example"
    assert [request["status"] for request in lab.workspace.requests(ME)] == [503, 200]
    faults.add(path=ME, status=500, body={"error_code": "INTERNAL_ERROR", "message": EVENTUALLY})
    with pytest.raises(InternalError, match="temporarily unavailable"):
        lab.sdk.current_user.me()


def test_a_lost_answer_is_a_second_run_without_a_token(lab: Lab, faults: Faults) -> None:
    """The handler did its work; the SDK posts again (facts, section 1)."""
    path = lab.notebook("nothing", "x = 1\n")
    names = {"plain": "lost-plain", "token": "lost-with-token"}
    faults.add(path=SUBMIT, when="after", effect="reset")
    lab.submit(lab.task("a", path), run_name=names["plain"])
    faults.add(path=SUBMIT, when="after", effect="reset")
    run_id = lab.submit(lab.task("a", path), run_name=names["token"], idempotency_token="lost-answer")
    listed = run_names(lab)
    assert (listed.count(names["plain"]), listed.count(names["token"])) == (2, 1)
    assert lab.ended(run_id)["run_name"] == names["token"]


def test_a_fault_before_the_handler_starts_nothing(lab: Lab, faults: Faults) -> None:
    faults.add(path=SUBMIT, status=503, body="busy")
    assert lab.post(SUBMIT, submit_body(lab, run_name="never started")).status_code == 503
    assert "never started" not in run_names(lab)
    faults.add(path=SUBMIT, status=503, body="busy", when="after")
    assert lab.post(SUBMIT, submit_body(lab, run_name="started unseen")).status_code == 503
    assert "started unseen" in run_names(lab)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_reset_is_one_on_the_socket(lab: Lab, faults: Faults, when: str) -> None:
    faults.add(path=ME, effect="reset", when=when)
    with closing(connect(lab.workspace)) as connection:
        send(connection, lab.workspace)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert lab.workspace.requests(ME)[-1]["status"] is None


def test_a_reset_while_a_body_is_sent(lab: Lab, faults: Faults) -> None:
    def upload() -> None:
        send(connection, lab.workspace, SUBMIT, b"x" * 3_000_000)
        connection.recv(1)

    faults.add(path=SUBMIT, effect="reset")
    broken = pytest.raises((ConnectionResetError, BrokenPipeError))
    with closing(connect(lab.workspace)) as connection, broken:
        upload()
    assert lab.get(ME).status_code == 200


def test_half_an_answer_promises_the_whole(lab: Lab, faults: Faults) -> None:
    whole = lab.get(ME).content
    faults.add(path=ME, effect="half")
    with closing(connect(lab.workspace)) as connection:
        send(connection, lab.workspace)
        headers, body = receive_all(connection)
    assert int(headers["content-length"]) == len(whole)
    assert body == whole[: len(whole) // 2]
    faults.add(path=ME, effect="half", status=200, body={"made": "up"})
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        lab.get(ME)


def test_the_sdk_gives_up_at_half_an_answer(lab: Lab, faults: Faults) -> None:
    """It retries broken connections, but not broken answers: the run is there, and nobody knows its id."""
    faults.add(path=SUBMIT, effect="half")
    path = lab.notebook("nothing", "x = 1\n")
    with pytest.raises(ChunkedEncodingError):
        lab.submit(lab.task("a", path), run_name="half told")
    assert run_names(lab).count("half told") == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_delay(lab: Lab, faults: Faults, when: str) -> None:
    faults.add(path=ME, delay_seconds=0.3, when=when)
    started = time.monotonic()
    assert lab.get(ME).status_code == 200
    assert time.monotonic() - started >= 0.3
    assert lab.workspace.requests(ME)[-1]["milliseconds"] >= 300


def test_connections_go_on_after_a_made_up_answer(lab: Lab, faults: Faults) -> None:
    """The body of the request, which nobody read, is not taken for the next request."""
    faults.add(path=SUBMIT, status=503)
    with closing(connect(lab.workspace)) as connection:
        send(connection, lab.workspace, SUBMIT, json.dumps({"a": "x" * 100_000}).encode())
        assert b" 503 " in connection.recv(65536)
        send(connection, lab.workspace)
        assert b" 200 " in connection.recv(65536)


def test_faults_need_the_token_and_have_none_themselves(lab: Lab, faults: Faults) -> None:
    url = lab.workspace.url
    assert httpx.get(f"{url}/local/faults", trust_env=False).status_code == 401
    wrong = {"Authorization": "Bearer wrong"}
    assert httpx.delete(f"{url}/local/faults", headers=wrong, trust_env=False).status_code == 403
    assert httpx.get(f"{url}/local/requests", trust_env=False).status_code == 401
    faults.add(path="*", effect="reset", count=-1)
    faults.clear()
    assert lab.get(ME).status_code == 200


def test_refusals(lab: Lab) -> None:
    answer = lab.post("/local/faults", {"path": "*", "stauts": 500})
    assert (answer.status_code, answer.json()) == (
        400,
        {"error_code": "INVALID_PARAMETER_VALUE", "message": "Unknown fields of a fault: stauts"},
    )
    with pytest.raises(ValueError, match="Fault 77777 does not exist"):
        lab.workspace.faults.remove(77777)
    assert lab.http.delete("/local/faults", params={"fault_id": "x"}).status_code == 400
    assert lab.http.get("/local/requests", params={"limit": "0"}).status_code == 400


def test_the_log_of_requests(lab: Lab) -> None:
    lab.workspace.clear_requests()
    lab.get(ME)
    lab.get("/api/2.2/jobs/runs/get", run_id="1", client_secret="hidden")
    lab.get("/api/2.0/unknown")
    first, second, third = lab.workspace.requests()
    assert (first["method"], first["path"], first["query"], first["status"]) == ("GET", ME, "", 200)
    assert abs(first["time"] - time.time() * 1000) < 10_000
    assert first["milliseconds"] > 0
    assert (second["query"], second["status"]) == ("run_id=1&client_secret=***", 400)
    assert (third["path"], third["status"]) == ("/api/2.0/unknown", 404)
    assert lab.workspace.requests("/api/2.2/") == [second]
    assert lab.workspace.requests(since_id=second["id"]) == [third]
    page = lab.get("/local/requests", limit=1).json()
    assert page == {"requests": [first], "has_more": True, "last_id": third["id"]}
    lab.workspace.clear_requests()
    assert lab.workspace.requests() == []


def test_resets_and_halves_with_tls(tmp_path: Path) -> None:
    with LocalWorkspace(tmp_path, tls=True) as workspace:
        workspace.faults.add(path=ME, effect="half")
        with closing(connect(workspace)) as connection:
            send(connection, workspace)
            headers, body = receive_all(connection)
        assert 0 < len(body) < int(headers["content-length"])
        workspace.faults.add(path=ME, effect="reset")
        with closing(connect(workspace)) as connection:
            send(connection, workspace)
            # Beneath the encryption, which takes a reset for an end: first comes what the handshake left.
            with closing(socket.socket(fileno=os.dup(connection.fileno()))) as beneath:
                beneath.settimeout(10)
                with pytest.raises(ConnectionResetError):
                    until(lambda: not beneath.recv(65536))
