"""What the commands about jobs decide: which server records a run, which login counts."""

from __future__ import annotations

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from databricks_blocks.errors import InvalidJob, WorkspaceNotConfigured
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import notebook_task
from databricks_flows.job.requested_job import load_requested_job
from dbflow.job.file import JobFile, pairs
from dbflow.prefect_api import prefect_api
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE, temporary_settings


def test_the_server_of_the_user_records_a_run_and_where_there_is_none_one_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with temporary_settings({PREFECT_API_URL: "http://prefect.example/api"}), prefect_api():
        assert PREFECT_API_URL.value() == "http://prefect.example/api"
        assert not PREFECT_SERVER_ALLOW_EPHEMERAL_MODE.value()
    with temporary_settings(restore_defaults={PREFECT_API_URL}), prefect_api():
        assert PREFECT_API_URL.value() is None
        assert PREFECT_SERVER_ALLOW_EPHEMERAL_MODE.value()
    assert list(tmp_path.iterdir()) == [], "a stack is looked for, not made"


def test_the_value_of_a_pair_may_have_equals_signs_and_be_empty() -> None:
    assert pairs("--param", ["a=b=c", "d="]) == {"a": "b=c", "d": ""}
    with pytest.raises(InvalidJob, match="--param =x: write it as name=value"):
        pairs("--param", ["=x"])


@pytest.mark.parametrize(("name", "is_bundle"), [("", True), ("x.yml", True), ("x.json", False)])
def test_a_directory_or_a_yaml_file_is_a_bundle(tmp_path: Path, name: str, is_bundle: bool) -> None:
    assert JobFile(tmp_path / name).is_bundle is is_bundle


def test_a_specification_without_a_workspace_runs_in_that_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = JobSpecification(name="x", tasks=[notebook_task("a", "/x", environment_key="e")])
    job = job.model_copy(update={"environments": {"e": {"client": "1"}}})
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("DATABRICKS_")]:
        monkeypatch.delenv(name)
    with pytest.raises(
        WorkspaceNotConfigured, match="No workspace to log in to: set DATABRICKS_HOST"
    ) as none:
        load_requested_job(job, "", None, {})
    assert "\n" not in none.value.message
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        host = f"http://127.0.0.1:{server.server_port}"
        (tmp_path / ".databrickscfg").write_text(f"[DEFAULT]\nhost = {host}\ntoken = secret\n")
        Thread(target=server.serve_forever, daemon=True).start()
        client = load_requested_job(job, "", None, {}).client
        server.shutdown()
    assert (client.config.host, client.config.auth_type) == (host, "pat")
