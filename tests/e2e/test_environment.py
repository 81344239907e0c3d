"""The command in a stranger's environment: proxies, profiles for other servers, and secrets."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from dbflow.local.stack import LocalStack

DBFLOW = [sys.executable, "-m", "dbflow"]
CANARY = "canary-of-a-stranger"
CLOSED = "http://127.0.0.1:9"
SECRETS = (
    "PGPASSWORD", "DATABASE_URL", "ARM_CLIENT_SECRET", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY",
    "DATABRICKS_TOKEN", "PREFECT_API_KEY", "MY_SECRET", "DBFLOW_WORKSPACE_CLIENT_SECRET",
)  # fmt: skip
HOSTILE = {
    **dict.fromkeys(SECRETS, CANARY),
    **dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"), CLOSED),
    "AWS_PROFILE": "nobody",
    "PGSERVICE": "nobody",
    "PREFECT_PROFILE": "nobody",
}


def environment() -> dict[str, str]:
    own = {
        name: value for name, value in os.environ.items() if name.upper() not in ("NO_PROXY", "PREFECT_HOME")
    }
    return {**own, **HOSTILE}


@dataclass(frozen=True)
class Ran:
    """A run in a hostile environment, whose stack is still up."""

    directory: Path
    result: subprocess.CompletedProcess[str]
    seen: set[str]

    @property
    def stack(self) -> LocalStack:
        return LocalStack(self.directory / ".dbflow")


def canaries_in_processes(directory: Path) -> set[str]:
    """Command lines of the processes of a stack that have a canary in their environment."""
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            environ = process.environ()
            ours = str(directory) in " ".join([*process.cmdline(), *environ.values()])
            if ours and process.cmdline()[1:3] != ["-m", "dbflow"] and CANARY in str(environ):
                found.add(" ".join(process.cmdline()))
    return found


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    directory = tmp_path_factory.mktemp("stranger")
    seen: set[str] = set()
    with subprocess.Popen(
        [*DBFLOW, "run", "--keep"],
        cwd=directory,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        while command.poll() is None:  # the processes of notebooks and of the chart live for seconds only
            seen |= canaries_in_processes(directory)
            time.sleep(0.2)
        out, err = command.communicate()
    yield Ran(directory, subprocess.CompletedProcess(command.args, command.returncode, out, err), seen)
    LocalStack(directory / ".dbflow").stop()


def test_the_analysis_runs_behind_a_proxy_and_among_profiles_of_others(ran: Ran) -> None:
    assert ran.result.returncode == 0, ran.result.stderr
    assert "2021  65.703 %" in ran.result.stdout
    assert (ran.directory / "output" / "shw.png").exists()


def test_no_secret_is_in_a_process_of_the_stack(ran: Ran) -> None:
    assert ran.seen == set()
    assert canaries_in_processes(ran.directory) == set()
    for service in ran.stack.status():
        assert service.state == "healthy"
        assert service.pid is not None
        assert CANARY not in Path(f"/proc/{service.pid}/environ").read_text(errors="replace")


def test_no_secret_is_in_a_file_of_the_stack_nor_in_the_output(ran: Ran) -> None:
    with closing(sqlite3.connect(ran.directory / ".dbflow" / "prefect" / "prefect.db")) as database:
        database.execute("PRAGMA wal_checkpoint(FULL)")
    holders = [
        path for path in ran.directory.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()
    ]
    assert holders == []
    assert CANARY not in ran.result.stdout + ran.result.stderr


def test_no_secret_is_on_a_page_of_the_workspace(ran: Ran) -> None:
    workspace = ran.stack.endpoints().workspace
    with httpx.Client(
        base_url=workspace.url, headers={"Authorization": f"Bearer {workspace.token}"}, trust_env=False
    ) as client:
        runs = client.get("/api/2.2/jobs/runs/list").json()["runs"]
        client.post("/login", data={"token": workspace.token, "next": "/"})
        for run in runs:
            page = client.get(run["run_page_url"].partition("#")[0].removeprefix(workspace.url))
            assert page.status_code == 200
            assert CANARY not in page.text


def test_no_secret_is_in_what_the_prefect_server_shows(ran: Ran) -> None:
    prefect = ran.stack.endpoints().prefect
    user, _, password = prefect.auth_string.partition(":")
    with httpx.Client(auth=(user, password), trust_env=False) as client:
        for kind in ("flow_runs", "task_runs", "logs", "artifacts", "events", "block_documents", "variables"):
            shown = client.post(f"{prefect.api_url}/{kind}/filter", json={})
            assert shown.status_code == 200, kind
            assert CANARY not in shown.text, kind


def test_a_shell_that_takes_the_variables_reaches_the_stack(ran: Ran) -> None:
    printed = subprocess.run(
        [*DBFLOW, "env"], cwd=ran.directory, env=environment(), capture_output=True, text=True, check=True
    ).stdout
    script = (
        "import os, boto3\n"
        "from databricks.sdk import WorkspaceClient\n"
        "from prefect import get_client\n"
        "print(WorkspaceClient().current_user.me().user_name)\n"
        "print(len(boto3.client('s3').list_buckets()['Buckets']))\n"
        "print(len(get_client(sync_client=True).read_block_documents()))\n"
        "print(os.environ['HTTP_PROXY'])\n"
    )
    shown = subprocess.run(
        ["bash", "-c", f'{printed}\nexec "$0" -c "$1"', sys.executable, script],
        cwd=ran.directory,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.split() == ["local@dbflow.example", "1", "4", CLOSED]
    assert "Failed to automatically resolve" not in shown.stderr


def test_a_host_where_nothing_answers_is_told_in_one_line(ran: Ran) -> None:
    job = ran.directory / "job.json"
    job.write_text('{"name": "j", "tasks": [{"task_key": "t", "notebook_task": {"notebook_path": "/a"}}]}')
    own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    result = subprocess.run(
        [*DBFLOW, "job", "run", str(job)],
        cwd=ran.directory,
        env={**own, "DATABRICKS_HOST": CLOSED, "DATABRICKS_TOKEN": "t"},
        capture_output=True,
        text=True,
        timeout=40,  # 15 s on a machine that does nothing else; 80 s without the check
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: nothing answers at {CLOSED}: connection refused.")
    assert result.stderr.count("\n") == 1
