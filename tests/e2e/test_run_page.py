"""What the page of a run shows: every task has an end, the log tells the story, texts look as they are."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from databricks_blocks.job.cluster import JobCluster
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import DatabricksTask, notebook_task
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import RepairPolicy
from databricks_flows.job.subflow import run_databricks_job
from databricks_flows.on_demand.cancel import cancel_databricks_run
from databricks_local import Faults
from prefect import flow, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.sorting import LogSort
from prefect.states import State

from .conftest import ImportNotebook, Stack, analyse, task_runs, until
from .flow_processes import create_flow_run, flow_process, flow_run, kill, press_retry, run
from .outer_flow import outer
from .single_task import is_running

CLUSTER = JobCluster().specification()
NO_REPAIR = RunPolicy(repair=RepairPolicy(max_repairs=0))
ONE_REPAIR = RunPolicy(repair=RepairPolicy(max_repairs=1, wait_seconds=1, jitter=0))
MOST_LINES = 33
"""Eight of them the notebooks say."""


def chain(first: str, second: str, name: str) -> JobSpecification:
    tasks = [
        notebook_task("load", first, new_cluster=CLUSTER),
        notebook_task("plot", second, new_cluster=CLUSTER, depends_on=["load"]),
    ]
    return JobSpecification(name=name, tasks=tasks)


def flow_runs_of(flow_run_id: UUID) -> list[UUID]:
    """A flow run and its subflows."""
    below = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        return [flow_run_id, *(found.id for found in client.read_flow_runs(flow_run_filter=below))]


def log_of(flow_run_id: UUID) -> list[str]:
    """The log of a flow run and its subflows, once it is whole."""
    ids = flow_runs_of(flow_run_id)
    criteria = LogFilter(flow_run_id=LogFilterFlowRunId(any_=ids))

    async def read() -> list[str]:
        async with get_client() as client:
            logs = await client.read_logs(criteria, limit=200, sort=LogSort.TIMESTAMP_ASC)
            return [log.message for log in logs]

    until(lambda: sum(line.startswith("Finished in state") for line in asyncio.run(read())) >= len(ids), 30)
    return asyncio.run(read())


def ended(*tasks: DatabricksTask, policy: RunPolicy = NO_REPAIR) -> tuple[State[None], UUID]:
    @flow(name="calls a job")
    async def calling() -> None:
        await run_databricks_job(JobSpecification(name="told", tasks=list(tasks)), "workspace", policy)

    state = asyncio.run(calling(return_state=True))
    assert state.state_details.flow_run_id is not None
    return state, state.state_details.flow_run_id


def shown(flow_run_id: UUID) -> dict[str, list[str]]:
    """Names of the states of the mirrored tasks."""
    return {
        key: [task_run.state_name or "" for task_run in of_key]
        for key, of_key in task_runs(flow_run_id).items()
    }


def test_the_log_of_a_good_analysis_is_a_short_story(clean_stack: Stack, tmp_path: Path) -> None:
    url = analyse(tmp_path).flow_run_url
    lines = log_of(UUID(url.rpartition("/")[2]))

    assert len(lines) <= MOST_LINES, "\n".join(lines)
    story = "\n".join(lines)
    assert "Databricks run " in story
    assert re.search(r"Task join_data: SUCCESS after [\d.]+ s", story)
    assert "The result is in renewable_share" in story


def test_a_repair_is_told_when_it_is_decided_with_its_wait(notebook: ImportNotebook, faults: Faults) -> None:
    path = notebook("fine", "pass")
    faults.add(task_key="load", error="OSError: away")
    state, flow_run_id = ended(notebook_task("load", path, new_cluster=CLUSTER), policy=ONE_REPAIR)
    assert state.is_completed()
    lines = log_of(flow_run_id)
    [decided] = [line for line in lines if line.endswith("FAILED, repair 1 of 1 in 1 s: failed: load")]
    assert "The next attempt comes with repair 1 of 1 in 1 s" in lines
    assert not [line for line in lines if "Retry 1/" in line]
    assert lines.index(decided) < len(lines) - 1 - lines[::-1].index(
        next(line for line in lines if line.startswith("Task load: SUCCESS"))
    )


def test_the_tasks_of_a_flow_that_timed_out_have_ended(notebook: ImportNotebook, stack: Stack) -> None:
    job = chain(notebook("sleeps", "import time; time.sleep(600)"), notebook("fine", "pass"), "times out")

    @flow(timeout_seconds=6)
    async def impatient() -> None:
        await run_databricks_job(job, "workspace", NO_REPAIR)

    state = asyncio.run(impatient(return_state=True))
    assert state.name == "TimedOut"
    assert state.state_details.flow_run_id is not None
    ends = shown(state.state_details.flow_run_id)
    assert ends == {"load": ["Cancelled"], "plot": ["Cancelled"]}


@pytest.fixture
def sleeping(
    stack: Stack, notebook: ImportNotebook, tmp_path: Path
) -> Iterator[tuple[JobSpecification, Path]]:
    """A job that waits for a file."""
    go = tmp_path / "go"
    waits = f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists():\n    time.sleep(.05)"
    yield chain(notebook("waits", waits), notebook("fine", "pass"), f"waits for {tmp_path.name}"), go
    go.touch()


def test_the_tasks_of_a_killed_attempt_end_with_the_retry(
    stack: Stack, sleeping: tuple[JobSpecification, Path]
) -> None:
    job, go = sleeping
    flow_run_id = create_flow_run(outer, job=job, policy=NO_REPAIR)
    with flow_process(flow_run_id) as process:
        until(lambda: is_running(stack, job))
        until(lambda: recorded_states(flow_run_id) == ["RUNNING"])
        kill(process)
    go.touch()
    press_retry(flow_run_id)
    assert run(flow_run_id) == "COMPLETED"
    assert shown(flow_run_id) == {"load": ["Crashed", "Completed"], "plot": ["Completed"]}


def recorded_states(flow_run_id: UUID) -> list[str]:
    """Types of the states of the mirrored tasks, as they are now."""
    from prefect.client.schemas.filters import FlowRunFilterId, TaskRunFilter, TaskRunFilterTags

    with get_client(sync_client=True) as client:
        found = client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=flow_runs_of(flow_run_id))),
            task_run_filter=TaskRunFilter(tags=TaskRunFilterTags(all_=["databricks"])),
        )
    return [task_run.state.type.value if task_run.state else "" for task_run in found]


EVIL = "\x1b]52;c;ZXZpbA==\x07![](http://127.0.0.1:1/pixel) <b>x</b> ```\nout"


def test_what_a_notebook_says_is_shown_as_it_is(notebook: ImportNotebook) -> None:
    says = notebook("says evil", f"dbutils.notebook.exit({EVIL!r})")
    fails = notebook("fails evilly", f"raise ValueError({EVIL!r})")
    state, flow_run_id = ended(
        notebook_task("says", says, new_cluster=CLUSTER), notebook_task("fails", fails, new_cluster=CLUSTER)
    )
    assert state.is_failed()
    assert "\x1b" not in (state.message or "")
    assert "␛]52;c" in (state.message or "")
    story = "\n".join(log_of(flow_run_id))
    assert "Exit value: ␛]52;c" in story
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", story)
    with get_client(sync_client=True) as client:
        of_runs = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=flow_runs_of(flow_run_id)))
        artifacts = {found.key: found for found in client.read_artifacts(artifact_filter=of_runs)}
    told = str(artifacts["databricks-failure"].data)
    assert "!\\[\\](http\\://127" in told.partition("\n")[0]
    assert "\n````\n" in told
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", told)


def test_a_deployed_run_takes_a_number_for_an_id_and_keeps_the_name_that_a_person_typed(
    stack: Stack, notebook: ImportNotebook
) -> None:
    ended(notebook_task("load", notebook("fine", "pass"), new_cluster=CLUSTER))
    [run_id] = [one.run_id for one in stack.databricks().jobs.list_runs(limit=1)][:1]
    names = []
    for typed in ("for the board", ""):
        flow_run_id = create_flow_run(cancel_databricks_run, run=run_id)
        if typed:
            with get_client(sync_client=True) as client:
                client.update_flow_run(flow_run_id, name=typed)
        assert run(flow_run_id) == "COMPLETED"
        names.append(flow_run(flow_run_id).name)
    assert names == ["for the board", f"cancel {run_id}"]
