"""The sweep takes what nobody needs any more, and nothing else."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from databricks_blocks.pipes.channel import channel_of
from databricks_blocks.pipes.protocol import context_data
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import NewSettings, RepairPolicy
from databricks_blocks.staging.area import StagingArea, open_staging
from databricks_flows.job.report import RUN_ARTIFACT
from databricks_flows.renewable.data_contract import StagedData
from databricks_flows.renewable.leftovers import Leftovers as OfRun
from databricks_flows.renewable.scope import RunScope, read_note
from databricks_flows.renewable.staged_note import STAGED_NOTE, StagedNote
from databricks_flows.shared.leaving import mark_as_leaving
from databricks_flows.sweep import places
from databricks_flows.sweep.act import Swept
from databricks_flows.sweep.flow import SWEEP_ARTIFACT, sweep_leftovers
from databricks_local import Faults
from prefect import Flow, flow, get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort
from prefect.states import Cancelled, Cancelling, Completed, Crashed, Failed, Running, State
from prefect_sqlalchemy.database import SqlAlchemyConnector

from .conftest import ImportNotebook, Stack, task_runs, until
from .flow_processes import cancel, create_flow_run, flow_process, kill, state_of
from .outer_flow import outer
from .single_task import is_running, outcome, runs_of, single_task
from .test_database_faults import other_session

PIPES_FOLDER = "/Volumes/main/default/pipes"
DBFLOW = [sys.executable, "-m", "dbflow"]
SLEEPS = "import time; time.sleep(600)"
ON_DEMAND = {"aws_attributes": {"availability": "ON_DEMAND"}}
CHANGES_CLUSTERS = RunPolicy(
    repair=RepairPolicy(wait_seconds=0, new_settings=(NewSettings(on="away", cluster=ON_DEMAND),))
)
PAST, FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)
NOTE = StagedNote("inputs", PAST, StagedData((), {}), keep_hours=24)
OVER = replace(NOTE, keep_hours=0, keep_until=PAST)


@flow(name="renewable-analysis")
def nothing() -> None:
    """A flow whose runs the tests set to the states they need."""


@flow(name="of-a-user")
def of_a_user() -> None:
    """A flow of a user, who may write to a folder that is named after its flow run."""


def flow_run_in(state: State[Any], of_flow: Flow[..., Any] = nothing) -> UUID:
    """A flow run of this state."""
    with get_client(sync_client=True) as client:
        flow_run_id = client.create_flow_run(of_flow).id
        client.set_flow_run_state(flow_run_id, Running(), force=True)
        client.set_flow_run_state(flow_run_id, state, force=True)
    return flow_run_id


class Leftovers:
    """What the processes of flow runs left, in all places."""

    def __init__(self, stack: Stack, output: Path) -> None:
        self._stack = stack
        self._output = output
        output.mkdir(exist_ok=True)

    def leave(self, flow_run_id: UUID, note: StagedNote | None = None) -> None:
        """Leave a schema, files and a folder, as a killed analysis does."""
        self.schema(f"run_{flow_run_id.hex}")
        self.object(f"{flow_run_id}/country_subset/hydro.csv")
        if note:
            self.object(f"{flow_run_id}/{STAGED_NOTE}", note.as_json().decode())
        self.folder(f".shw-{flow_run_id}")

    def schema(self, name: str) -> None:
        self._stack.query(f'CREATE SCHEMA "{name}"; CREATE TABLE "{name}".solar (a int)')

    def object(self, key: str, content: str = "a\n1\n") -> None:
        self._stack.s3.put_object(Bucket=self._stack.endpoints.s3.bucket, Key=key, Body=content.encode())

    def folder(self, name: str) -> None:
        (self._output / name).mkdir()
        (self._output / name / "shw.csv").write_text("a\n")

    def names(self) -> set[str]:
        """The names of all that is there: schemas, prefixes, folders."""
        schemas_and_objects = {name.partition("/")[0] for name in self._stack.left_behind()}
        return schemas_and_objects | {path.name for path in self._output.iterdir()}

    def remove(self) -> None:
        for name in self._stack.left_behind():
            if name.startswith("run_"):
                self._stack.query(f'DROP SCHEMA "{name}" CASCADE')
            else:
                self._stack.s3.delete_object(Bucket=self._stack.endpoints.s3.bucket, Key=name)
        shutil.rmtree(self._output)


@pytest.fixture
def leftovers(clean_stack: Stack, tmp_path: Path) -> Iterator[Leftovers]:
    # A failed flow of another test rightly keeps its messages, and a sweep would take them, too.
    channel = channel_of(clean_stack.databricks(), PIPES_FOLDER)
    for entry in channel.list(PIPES_FOLDER):
        channel.clean(f"{PIPES_FOLDER}/{entry.name}")
    found = Leftovers(clean_stack, tmp_path / "output")
    yield found
    found.remove()


def of(flow_run_id: UUID) -> set[str]:
    """The names of what a flow run leaves."""
    return {f"run_{flow_run_id.hex}", str(flow_run_id), f".shw-{flow_run_id}"}


def sweep(output: Path | None = None, **parameters: Any) -> list[Swept]:
    """Sweep in this process; the rows."""
    parameters["output_directories"] = [str(output)] if output else []
    rows: list[Swept] = asyncio.run(sweep_leftovers(**parameters))
    return rows


def done_with(rows: list[Swept], flow_run_id: UUID) -> dict[str, str]:
    """What was done with the things of a flow run."""
    return {row.what: row.done for row in rows if row.flow_run == str(flow_run_id)}


def artifact() -> Any:
    with get_client(sync_client=True) as client:
        only = ArtifactFilter(key=ArtifactFilterKey(any_=[SWEEP_ARTIFACT]))
        return client.read_artifacts(artifact_filter=only, sort=ArtifactSort.CREATED_DESC, limit=1)[0]


def test_what_ended_flow_runs_left_goes_when_its_time_is_over(leftovers: Leftovers, tmp_path: Path) -> None:
    gone = {
        "completed": flow_run_in(Completed()),
        "cancelled": flow_run_in(Cancelled()),
        "failed long ago": flow_run_in(Failed()),
        "crashed long ago": flow_run_in(Crashed()),
        "completed, of a renamed flow": flow_run_in(Completed(), of_a_user),
    }
    asyncio.run(mark_as_leaving(gone["completed, of a renamed flow"]))
    kept = {
        "failed": flow_run_in(Failed()),
        "failed, kept by its note": flow_run_in(Failed()),
        "crashed": flow_run_in(Crashed()),
        "crashed, after it had failed and was retried": flow_run_in(Crashed()),
        "running": flow_run_in(Running()),
        "cancelling": flow_run_in(Cancelling()),
        "unknown": uuid4(),
    }
    for name, flow_run_id in {**gone, **kept}.items():
        notes = {
            "long ago": OVER,
            "its note": replace(NOTE, keep_until=FUTURE),
            "was retried": replace(NOTE, keep_until=PAST),
        }
        leftovers.leave(flow_run_id, next((notes[part] for part in notes if part in name), None))
    of_others = flow_run_in(Completed(), of_a_user)
    leftovers.leave(of_others)
    completed = gone["completed"]
    leftovers.schema("run_abc")
    leftovers.schema(f"run_{completed.hex}_x")
    leftovers.object(f"{completed}-copy/a.csv")
    leftovers.object(f"{completed.hex}/a.csv")
    leftovers.folder(f".shw-{completed}.bak")
    alike = {
        "run_abc",
        f"run_{completed.hex}_x",
        f"{completed}-copy",
        completed.hex,
        f".shw-{completed}.bak",
    }
    before = leftovers.names()
    output = tmp_path / "output"

    planned = sweep(output, dry_run=True)
    assert leftovers.names() == before
    for flow_run_id in gone.values():
        assert set(done_with(planned, flow_run_id).values()) == {"would be removed"}

    rows = sweep(output)
    expected = alike.union(*(of(flow_run_id) for flow_run_id in [*kept.values(), of_others]))
    assert leftovers.names() == expected
    every = ("tables", "staged files", "output folder")
    for flow_run_id in gone.values():
        assert done_with(rows, flow_run_id) == dict.fromkeys(every, "removed")
    for flow_run_id in kept.values():
        assert done_with(rows, flow_run_id) == dict.fromkeys(every, "left")
    assert done_with(rows, of_others) == {}
    why = {row.flow_run: row.why for row in rows}
    assert why[str(kept["unknown"])] == "unknown: this Prefect server has no such flow run"
    assert why[str(kept["running"])] == "flow run running; whether its process is alive is not known"
    assert "kept for a retry until 2999-01-01 00:00 UTC" in why[str(kept["failed, kept by its note"])]
    told = artifact()
    assert told.type == "table"
    assert "15 removed" in told.description.split(", ")
    assert str(completed) in told.data

    again = sweep(output)
    assert not [row for row in again if row.done == "removed"]
    later = sweep(output, keep_after_failure=0)
    assert {row.flow_run for row in later if row.done == "removed"} == {
        str(kept["failed"]),
        str(kept["crashed"]),
    }


def test_a_folder_of_another_flow_is_not_looked_into(
    leftovers: Leftovers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, of_others = flow_run_in(Completed()), flow_run_in(Completed(), of_a_user)
    leftovers.object(f"{ours}/a.csv")
    leftovers.object(f"{of_others}/a.csv")
    looked_into = []

    def opened(bucket: str, prefix: str) -> StagingArea:
        looked_into.append(prefix)
        return open_staging(bucket, prefix)

    monkeypatch.setattr(places, "open_staging", opened)
    assert done_with(sweep(), ours) == {"staged files": "removed"}
    assert str(ours) in looked_into
    assert str(of_others) not in looked_into


def test_what_is_in_doubt_is_left(
    leftovers: Leftovers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, unreadable, sure = (flow_run_in(Failed()) for _ in range(3))
    for flow_run_id in (elsewhere, unreadable, sure):
        leftovers.leave(flow_run_id, OVER)
    link = ArtifactCreate(
        key=RUN_ARTIFACT,
        type="markdown",
        data="[Databricks run 7](https://elsewhere.example/jobs/1/runs/7)",
        metadata_={"run_id": "7"},
        flow_run_id=elsewhere,
    )

    async def create_link() -> None:
        async with get_client() as client:
            await client.create_artifact(link)

    asyncio.run(create_link())

    def read(staging: StagingArea) -> StagedNote | None:
        if str(unreadable) in staging.uri():
            raise PermissionError("no right to read it")
        return read_note(staging)

    monkeypatch.setattr(places, "read_note", read)
    rows = sweep(tmp_path / "output", keep_after_failure=0)
    every = ("tables", "staged files", "output folder")
    assert done_with(rows, elsewhere) == dict.fromkeys(every, "left")
    assert done_with(rows, unreadable) == dict.fromkeys(every, "left")
    assert done_with(rows, sure) == dict.fromkeys(every, "removed")
    why = {row.flow_run: row.why for row in rows}
    assert why[str(elsewhere)] == "its Databricks run 7 is in another workspace"
    assert why[str(unreadable)] == "its note on how long it is kept cannot be read"


def test_two_sweeps_at_once_do_no_harm(leftovers: Leftovers, tmp_path: Path) -> None:
    ended = [flow_run_in(Completed()) for _ in range(5)]
    for flow_run_id in ended:
        leftovers.leave(flow_run_id)

    async def both() -> list[list[Swept]]:
        folders = [str(tmp_path / "output")]
        return await asyncio.gather(*(sweep_leftovers(output_directories=folders) for _ in range(2)))

    for rows in asyncio.run(both()):
        assert not [row for row in rows if row.done == "failed"]
    assert leftovers.names() == set()


def test_what_cannot_be_removed_is_a_row_and_the_rest_goes(
    clean_stack: Stack, leftovers: Leftovers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("databricks_blocks.database.postgres.LOCK_TIMEOUT", "100ms")
    flow_run_id = flow_run_in(Completed())
    leftovers.leave(flow_run_id)
    with other_session(clean_stack) as other:
        other.execute(f"BEGIN; LOCK TABLE run_{flow_run_id.hex}.solar")
        rows = sweep(tmp_path / "output")
        other.execute("ROLLBACK")
    assert done_with(rows, flow_run_id) == {
        "tables": "failed",
        "staged files": "removed",
        "output folder": "removed",
    }
    [why] = [row.why for row in rows if row.done == "failed"]
    assert why == "canceling statement due to lock timeout"
    assert done_with(sweep(tmp_path / "output"), flow_run_id) == {"tables": "removed"}


def test_a_run_that_cannot_remove_its_tables_leaves_them_to_the_sweep(
    clean_stack: Stack,
    leftovers: Leftovers,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("databricks_blocks.database.postgres.LOCK_TIMEOUT", "100ms")
    flow_run_id = flow_run_in(Completed())
    leftovers.leave(flow_run_id)
    scope = RunScope("database", f"run_{flow_run_id.hex}", "staging", str(flow_run_id))
    of_run = OfRun.of(scope, logging.getLogger(__name__))
    with other_session(clean_stack) as other:
        other.execute(f"BEGIN; SELECT * FROM run_{flow_run_id.hex}.solar")
        asyncio.run(of_run.remove())
        other.execute("ROLLBACK")
    [warning] = [message for message in caplog.messages if message.startswith("Left for the flow sweep")]
    assert warning.endswith("canceling statement due to lock timeout")
    assert leftovers.names() == {f"run_{flow_run_id.hex}", f".shw-{flow_run_id}"}
    assert done_with(sweep(), flow_run_id) == {"tables": "removed"}


def test_tables_with_the_name_of_a_run_go_where_there_are_no_schemas(stack: Stack, tmp_path: Path) -> None:
    block: Any = SqlAlchemyConnector(connection_info=f"sqlite:///{tmp_path / 'dwh.sqlite'}")
    block.save("swept", overwrite=True, _sync=True)
    ended, working = flow_run_in(Completed()), flow_run_in(Running())
    kept = [f"run_{working.hex}_solar", f"run_{ended.hex}x", f"old_run_{ended.hex}_solar", "renewable_share"]
    with sqlite3.connect(tmp_path / "dwh.sqlite") as connection:
        for name in (f"run_{ended.hex}_solar", f"run_{ended.hex}_wind", *kept):
            connection.execute(f"CREATE TABLE {name} (a int)")
    rows = sweep(database="swept")
    assert done_with(rows, ended) == {"tables": "removed"}
    assert done_with(rows, working) == {"tables": "left"}
    with sqlite3.connect(tmp_path / "dwh.sqlite") as connection:
        assert {name for (name,) in connection.execute("SELECT name FROM sqlite_master")} == set(kept)


def test_a_block_that_is_not_there_is_a_row(stack: Stack) -> None:
    rows = sweep(database="no-database", bucket="no-bucket", workspace="no-workspace")
    found = {row.name: row.why for row in rows if row.done == "not configured"}
    assert found.keys() == {"database `no-database`", "storage `no-bucket`", "workspace `no-workspace`"}
    assert all("no block" in why for why in found.values())
    assert not [row for row in rows if row.done == "failed"]


def test_a_cancel_that_nobody_carries_out_is_carried_out(
    leftovers: Leftovers, clean_stack: Stack, notebook: ImportNotebook
) -> None:
    job = single_task(notebook("sleeps", SLEEPS))
    flow_run_id = create_flow_run(outer, job=job, policy=RunPolicy())
    with flow_process(flow_run_id) as process:
        until(lambda: is_running(clean_stack, job))
        until(lambda: bool(linked(flow_run_id)))
        kill(process)
    asyncio.run(mark_as_leaving(flow_run_id))
    leftovers.leave(flow_run_id)
    cancel(flow_run_id)

    assert set(done_with(sweep(), flow_run_id).values()) == {"left"}
    assert state_of(flow_run_id) == "CANCELLING"
    planned = sweep(cancelling_minutes=0, dry_run=True)
    assert done_with(planned, flow_run_id) == {
        "flow run": "would be set to Cancelled",
        "tables": "would be removed",
        "staged files": "would be removed",
    }
    assert [outcome(run) for run in runs_of(clean_stack, job)] == ["not ended"]

    rows = sweep(cancelling_minutes=0)
    assert [outcome(run) for run in runs_of(clean_stack, job)] == ["CANCELED"]
    assert "cancelled" in [row.done for row in rows if row.what == "Databricks run"]
    assert done_with(rows, flow_run_id) == {
        "flow run": "set to Cancelled",
        "tables": "removed",
        "staged files": "removed",
    }
    assert state_of(flow_run_id) == "CANCELLED"
    assert [state_of(subflow) for subflow in subflows(flow_run_id)] == ["CANCELLED"]
    ended = [run.state_type for runs in task_runs(flow_run_id).values() for run in runs]
    assert [state.value for state in ended if state] == ["CANCELLED"]
    mine = {str(flow_run_id), *map(str, subflows(flow_run_id))}
    assert not [row for row in sweep(cancelling_minutes=0) if row.flow_run in mine]


def test_a_cancelled_run_whose_link_was_never_written_is_found_by_its_note(
    clean_stack: Stack, notebook: ImportNotebook
) -> None:
    job = single_task(notebook("sleeps", SLEEPS))
    flow_run_id = create_flow_run(outer, job=job, policy=RunPolicy())
    with flow_process(flow_run_id) as process:
        until(lambda: is_running(clean_stack, job))
        until(lambda: bool(linked(flow_run_id)))
        kill(process)
    only = ArtifactFilter(
        key=ArtifactFilterKey(any_=[RUN_ARTIFACT]),
        flow_run_id=ArtifactFilterFlowRunId(any_=subflows(flow_run_id)),
    )
    with get_client(sync_client=True) as client:
        for link in client.read_artifacts(artifact_filter=only):
            client.delete_artifact(link.id)
        client.set_flow_run_state(flow_run_id, Cancelled(), force=True)
    assert linked(flow_run_id) == []
    rows = sweep(cancelling_minutes=0)
    assert [(row.done, row.why) for row in rows if row.what == "Databricks run"] == [
        ("cancelled", "its flow run was cancelled")
    ]
    assert [outcome(run) for run in runs_of(clean_stack, job)] == ["CANCELED"]


def subflows(flow_run_id: UUID) -> list[UUID]:
    from databricks_flows.sweep.flow_runs import FlowRuns

    async def read() -> list[UUID]:
        async with get_client() as client:
            return [run.id for run in await FlowRuns(client).subflows(flow_run_id)]

    return asyncio.run(read())


def linked(flow_run_id: UUID) -> list[int]:
    """The Databricks runs that the subflows of a flow run link."""
    from databricks_flows.sweep.flow_runs import FlowRuns

    async def read() -> list[int]:
        async with get_client() as client:
            return [link.run_id for link in await FlowRuns(client).links(subflows_of)]

    subflows_of = subflows(flow_run_id)
    return asyncio.run(read()) if subflows_of else []


def test_the_run_of_a_crashed_flow_run_goes_on_and_its_leftovers_stay(
    leftovers: Leftovers, clean_stack: Stack, notebook: ImportNotebook
) -> None:
    job = single_task(notebook("sleeps", SLEEPS))
    flow_run_id = create_flow_run(outer, job=job, policy=RunPolicy())
    with flow_process(flow_run_id) as process:
        until(lambda: is_running(clean_stack, job))
        until(lambda: bool(linked(flow_run_id)))
        kill(process)
    asyncio.run(mark_as_leaving(flow_run_id))
    leftovers.leave(flow_run_id)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run_id, Crashed(), force=True)
    rows = sweep(keep_after_failure=0, cancelling_minutes=0)
    [run] = runs_of(clean_stack, job)
    assert outcome(run) == "not ended"
    assert done_with(rows, flow_run_id) == {"tables": "left", "staged files": "left"}
    assert {row.why for row in rows if row.flow_run == str(flow_run_id)} == {
        f"Databricks run {run.run_id} is active"
    }
    # The Databricks run goes on; the task run that showed it has no process any more.
    assert [mirror.state_name for mirror in task_runs(flow_run_id)["only"]] == ["Crashed"]
    clean_stack.databricks().jobs.cancel_run_and_wait(run.run_id)
    rows = sweep(keep_after_failure=0, cancelling_minutes=0)
    assert done_with(rows, flow_run_id) == {"tables": "removed", "staged files": "removed"}


def test_a_saved_job_gets_the_clusters_back_that_a_killed_repair_changed(
    stack: Stack, faults: Faults, notebook: ImportNotebook
) -> None:
    job = single_task(notebook("says hello", "print('hello')"), "run_now")
    faults.add(task_key="only", error="OSError: away", run_name=job.name)
    faults.add(path="/api/*/jobs/runs/repair", when="before", delay_seconds=600)
    client = stack.databricks()

    def clusters() -> list[Any]:
        [found] = list(client.jobs.list(name=job.name))
        settings = client.jobs.get(found.job_id).settings
        return [cluster.new_cluster.as_dict() for cluster in settings.job_clusters]

    flow_run_id = create_flow_run(outer, job=job, policy=CHANGES_CLUSTERS)
    with flow_process(flow_run_id) as process:
        until(lambda: faults.show()[-1]["applied"] > 0)
        kill(process)
    faults.clear()
    assert [cluster["aws_attributes"]["availability"] for cluster in clusters()] == ["ON_DEMAND"]

    assert done_with(sweep(), flow_run_id)["job settings"] == "left", "the flow run is still running"
    with get_client(sync_client=True) as prefect:
        prefect.set_flow_run_state(flow_run_id, Crashed(), force=True)
    assert done_with(sweep(dry_run=True), flow_run_id)["job settings"] == "would be restored"
    assert done_with(sweep(), flow_run_id)["job settings"] == "restored"
    assert clusters() == [job.job_clusters["shared"]]
    assert "job settings" not in done_with(sweep(), flow_run_id)


@pytest.fixture
def messages(stack: Stack) -> Iterator[Callable[[str, dict[str, Any] | None], str]]:
    """Leaves a folder of messages with a context; what is there at the end is removed."""
    files, folder = stack.databricks().files, PIPES_FOLDER
    left: list[str] = []

    def leave(name: str, context: dict[str, Any] | None) -> str:
        left.append(f"{folder}/{name}")
        files.create_directory(f"{folder}/{name}/only")
        files.upload(f"{folder}/{name}/only/1.json", io.BytesIO(b"{}"))
        if context is not None:
            files.upload(f"{folder}/{name}/context.json", io.BytesIO(json.dumps(context).encode()))
        return left[-1]

    yield leave
    for directory in left:
        channel_of(stack.databricks(), folder).clean(directory)


def test_messages_that_ended_flow_runs_left_go_and_those_of_others_stay(
    stack: Stack, messages: Callable[[str, dict[str, Any] | None], str]
) -> None:
    def context(flow_run_id: UUID) -> dict[str, Any]:
        return context_data(run_id=str(flow_run_id), job_name="nightly", retry_number=0, extras={})

    ended = [flow_run_in(state, of_a_user) for state in (Completed(), Cancelled(), Failed(), Crashed())]
    kept = [*ended[2:], flow_run_in(Running(), of_a_user), uuid4()]
    left = {each: messages(each.hex[:24], context(each)) for each in (*ended, *kept)}
    foreign = {
        messages("0" * 24, {"run_id": str(ended[0])}),
        messages("1" * 24, None),
        messages(f"logs-{ended[0]}", context(ended[0])),
    }

    def there() -> set[str]:
        entries = stack.databricks().files.list_directory_contents(PIPES_FOLDER)
        return {str(entry.path).rstrip("/") for entry in entries}

    assert done_with(sweep(dry_run=True), ended[0]) == {"messages": "would be removed"}
    assert there() == {*left.values(), *foreign}
    rows = sweep()
    assert there() == {*(left[each] for each in kept), *foreign}
    assert [done_with(rows, each)["messages"] for each in kept] == ["left"] * 4
    sweep(keep_after_failure=0)
    assert there() == {*(left[each] for each in kept[2:]), *foreign}


@contextmanager
def standing_in(directory: Path) -> Iterator[dict[str, str]]:
    """The environment of somebody who has configured nothing but a home of their own."""
    directory.mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    yield {
        **environment,
        "HOME": str(directory),
        "PREFECT_HOME": str(directory / "prefect"),
        "COLUMNS": "250",
    }


def dbflow(directory: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DBFLOW, "sweep", *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_sweeps_the_stack_of_the_directory(
    clean_stack: Stack, leftovers: Leftovers, tmp_path: Path
) -> None:
    flow_run_id = flow_run_in(Completed())
    leftovers.leave(flow_run_id)
    out = str(tmp_path / "output")
    with standing_in(tmp_path / "home") as environment:
        planned = dbflow(clean_stack.directory, environment, "--dry-run", "--out", out)
        assert (planned.returncode, planned.stderr) == (0, "")
        assert leftovers.names() == of(flow_run_id)
        swept = dbflow(clean_stack.directory, environment, "--out", out)
        assert (swept.returncode, swept.stderr) == (0, "")
    assert leftovers.names() == set()
    heading, *lines = planned.stdout.splitlines()
    assert heading.split() == ["what", "name", "done", "why"]
    assert [line for line in lines if f"run_{flow_run_id.hex}" in line and "would be removed" in line]
    assert "3 would be removed" in lines[-1]
    assert "3 removed" in swept.stdout.splitlines()[-1]


def test_the_command_without_a_server_ends_with_one_line(tmp_path: Path) -> None:
    with standing_in(tmp_path / "home") as environment:
        refused = dbflow(tmp_path, environment)
    assert refused.returncode == 2
    assert refused.stderr.startswith("Error: there is no Prefect server that knows your flow runs")
    assert refused.stderr.count("\n") == 1
