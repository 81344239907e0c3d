"""The Databricks subflow: one run, a failure in one line, a cancel that arrives."""

from __future__ import annotations

import asyncio
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from databricks.sdk.service.jobs import RunResultState
from databricks_blocks.errors import (
    DatabricksRunFailed,
    DatabricksRunRefused,
    DatabricksRunTimedOut,
    DatabricksUnreachable,
)
from databricks_blocks.job.cluster import JobCluster
from databricks_blocks.job.plan import plan
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import DatabricksTask, notebook_task
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import RepairPolicy
from databricks_blocks.workspace.block import DatabricksWorkspace
from databricks_blocks.workspace.runs_api import get_run
from databricks_flows.job.subflow import DatabricksRunResult, run_databricks_job
from databricks_flows.shared.progress import Progress
from prefect import flow, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey

from .conftest import ImportNotebook, Stack, analyse, until

CLUSTER = JobCluster().specification()


NO_REPAIR = RunPolicy(repair=RepairPolicy(max_repairs=0))


def job_of(*tasks: DatabricksTask, name: str = "test", **fields: Any) -> JobSpecification:
    return JobSpecification(name=name, tasks=list(tasks), **fields)


def run_job(*tasks: DatabricksTask, policy: RunPolicy = NO_REPAIR, **fields: Any) -> DatabricksRunResult:
    return asyncio.run(run_databricks_job(job_of(*tasks, **fields), "workspace", policy))


def test_tasks_run_as_one_run_and_give_their_exit_values(stack: Stack, notebook: ImportNotebook) -> None:
    path = notebook("echo", "dbutils.notebook.exit(dbutils.widgets.get('say') + str(spark.range(3).count()))")
    result = run_job(
        notebook_task("first", path, new_cluster=CLUSTER, parameters={"say": "a"}),
        notebook_task("second", path, new_cluster=CLUSTER, parameters={"say": "b"}, depends_on=["first"]),
    )
    assert result.exit_values == {"first": "a3", "second": "b3"}
    run = stack.databricks().jobs.get_run(result.run_id)
    assert [task.task_key for task in run.tasks or ()] == ["first", "second"]
    assert run.run_page_url == result.run_page_url


def test_a_failure_names_task_error_attempt_and_link_in_its_first_line(
    notebook: ImportNotebook,
) -> None:
    path = notebook("fails", "raise ValueError('no such\\ncolumn')")
    with pytest.raises(DatabricksRunFailed) as failed:
        run_job(
            notebook_task("join", path, new_cluster=CLUSTER),
            notebook_task("plot", path, new_cluster=CLUSTER, depends_on=["join"]),
        )
    first, *trace = str(failed.value).splitlines()
    assert first.startswith("Task `join` failed: ")
    assert "ValueError: no such" in first
    assert first.endswith(")")
    assert "(attempt 1, http://127.0.0.1:" in first
    assert any("raise ValueError" in line for line in trace)


def test_a_refusal_is_one_line_and_never_to_be_retried(stack: Stack) -> None:
    task = notebook_task("a", "relative/path", new_cluster=CLUSTER)
    with pytest.raises(DatabricksRunRefused, match="Only absolute paths") as refused:
        run_job(task)
    assert not refused.value.may_retry


def test_a_time_out_is_told_as_one(notebook: ImportNotebook) -> None:
    path = notebook("sleeps", "import time; time.sleep(600)")
    with pytest.raises(DatabricksRunTimedOut):
        run_job(notebook_task("slow", path, new_cluster=CLUSTER), timeout_seconds=1)


def test_cancelling_the_flow_cancels_the_run_and_waits_for_its_end(
    stack: Stack, notebook: ImportNotebook, tmp_path: Path
) -> None:
    marker = tmp_path / "alive"
    path = notebook(
        "beats", f"import time\nwhile True:\n    open({str(marker)!r}, 'a').write('.'); time.sleep(.02)"
    )
    task = notebook_task("beat", path, new_cluster=CLUSTER)

    async def cancel_when_running() -> None:
        flow = asyncio.create_task(run_databricks_job(job_of(task, name="to be cancelled"), "workspace"))
        await asyncio.to_thread(until, marker.exists)
        flow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await flow

    asyncio.run(cancel_when_running())
    beats = marker.stat().st_size
    (run,) = [run for run in stack.databricks().jobs.list_runs() if run.run_name == "to be cancelled"]
    assert run.state is not None
    assert run.state.result_state is RunResultState.CANCELED
    assert marker.stat().st_size == beats, "the notebook's process has ended"


def test_a_failed_notebook_fails_the_analysis_which_keeps_what_is_staged(
    clean_stack: Stack, notebook: ImportNotebook, tmp_path: Path
) -> None:
    notebook("join_data", "raise RuntimeError('out of cheese')")
    notebook("transform_data", "pass")
    with pytest.raises(DatabricksRunFailed, match="Task `join_data` failed: RuntimeError: out of cheese"):
        analyse(tmp_path / "out", notebook_directory="/Shared/tests")
    assert clean_stack.remove_kept()["usable"]
    assert list((tmp_path / "out").iterdir()) == []


def test_the_same_job_twice_in_a_flow_is_two_runs_and_a_retry_finds_both(
    notebook: ImportNotebook,
) -> None:
    path = notebook("twice", "dbutils.notebook.exit('x')")
    tasks = [notebook_task("only", path, new_cluster=CLUSTER)]
    seen: list[list[int]] = []

    @flow(retries=1)
    async def twice() -> None:
        results = [await run_databricks_job(job_of(*tasks, name="twice"), "workspace") for _ in range(2)]
        seen.append([result.run_id for result in results])
        if len(seen) == 1:
            raise RuntimeError("once more")

    asyncio.run(twice())
    assert seen[0] == seen[1]
    assert seen[0][0] != seen[0][1]


def test_an_error_beside_the_run_cancels_it(
    stack: Stack, notebook: ImportNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_progress(_: Progress) -> None:
        raise RuntimeError("no progress today")

    monkeypatch.setattr("databricks_flows.job.report.report", no_progress)
    path = notebook("sleeps", "import time; time.sleep(600)")
    with pytest.raises(RuntimeError, match="no progress today"):
        run_job(notebook_task("slow", path, new_cluster=CLUSTER), name="left alone")
    (run,) = [run for run in stack.databricks().jobs.list_runs() if run.run_name == "left alone"]
    assert run.state is not None
    assert run.state.result_state is RunResultState.CANCELED


def test_a_run_goes_on_when_prefect_takes_no_artifacts(
    stack: Stack, notebook: ImportNotebook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def no_artifact(*_: Any, **__: Any) -> None:
        raise httpx.ReadTimeout("no artifacts today")

    for kind in ("progress", "table", "markdown"):
        monkeypatch.setattr(f"databricks_flows.job.report.acreate_{kind}_artifact", no_artifact)
    result = run_job(notebook_task("quick", notebook("says", "x = 1"), new_cluster=CLUSTER), name="unseen")
    assert result.state == "SUCCESS"
    assert "Prefect does not show the plan of the Databricks run: no artifacts today" in caplog.text
    with pytest.raises(DatabricksRunFailed, match="Task `bad` failed"):
        run_job(notebook_task("bad", notebook("fails", "raise ValueError"), new_cluster=CLUSTER))


def test_the_plan_of_the_launch_is_an_artifact_of_the_flow_run(notebook: ImportNotebook) -> None:
    path = notebook("says", "x = 1")
    job = job_of(
        notebook_task("load", path, new_cluster=CLUSTER),
        notebook_task("train", path, new_cluster=CLUSTER, depends_on=["load"]),
        name="planned",
    )
    state = asyncio.run(run_databricks_job(job, "workspace", NO_REPAIR, return_state=True))

    async def read_plans() -> list[Any]:
        of_flow_run = ArtifactFilterFlowRunId(any_=[state.state_details.flow_run_id])
        with_key = ArtifactFilterKey(any_=["databricks-plan"])
        async with get_client() as client:
            return await client.read_artifacts(
                artifact_filter=ArtifactFilter(flow_run_id=of_flow_run, key=with_key)
            )

    (made,) = asyncio.run(read_plans())
    assert made.data == plan(job).as_markdown()
    assert "| submit (chosen) | 2 clusters | none |" in made.data
    assert made.description == "What the launch of planned does"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "refused"),
        (404, "refused"),
        (500, "unreachable"),
        (502, "unreachable"),
        (504, "unreachable"),
        (520, "unreachable"),
    ],
)
def test_only_an_answer_about_the_request_is_a_refusal(status: int, kind: str) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"<html>no</html>")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        host = f"http://127.0.0.1:{server.server_port}"
        client = DatabricksWorkspace(databricks_instance=host, token="t").workspace_client()
        expected = DatabricksRunRefused if kind == "refused" else DatabricksUnreachable
        with pytest.raises(expected):
            get_run(client, 1)
        server.shutdown()
