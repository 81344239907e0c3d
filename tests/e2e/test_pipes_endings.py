"""Attempts, faults, kills and cancels: what was said is told once, and nothing stays in the volume."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from databricks_blocks.errors import DatabricksRunFailed
from databricks_blocks.job.specification import LaunchMode
from databricks_blocks.job.tasks import notebook_task
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import RepairPolicy
from databricks_flows.job.subflow import run_databricks_job
from databricks_local import Faults
from prefect import flow, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId
from prefect.client.schemas.objects import Log

from .conftest import ImportNotebook, Stack, until
from .flow_processes import create_flow_run, flow_process, kill, press_retry
from .flow_processes import run as execute
from .hearing import (
    FOLDER,
    POLICY,
    called,
    events,
    folder_left_empty,
    has_flow_run,
    left_in_the_volume,
    lines_of,
    pipes,
    run,
    run_while,
    said_in,
    speaking,
)
from .outer_flow import hears
from .single_task import is_running, outcome, runs_of, single_task

NO_REPAIR = RunPolicy(repair=RepairPolicy(max_repairs=0))


@pytest.fixture
def volume(stack: Stack) -> Iterator[None]:
    with folder_left_empty(stack):
        yield


WRITES = """
import base64, json, os, pathlib, time, zlib
given = json.loads(zlib.decompress(base64.b64decode(dbutils.widgets.get("DAGSTER_PIPES_MESSAGES"))))

def write(number, *messages):
    lines = [json.dumps({"__dagster_pipes_version": "0.1", "method": m, "params": p}) for m, p in messages]
    pathlib.Path(given["path"], f"{number}.json").write_text("\\n".join(lines))
"""
"""Code that writes chunks by itself, so that a test says when it does so."""


@pytest.mark.usefixtures("volume")
@pytest.mark.parametrize(
    ("launch", "retries"),
    [("submit", 0), ("run_now", 0), ("submit", 1)],
    ids=["a new run is repaired", "a saved job is repaired", "Databricks tries again by itself"],
)
def test_another_attempt_tells_nothing_twice_and_loses_nothing(
    notebook: ImportNotebook, tmp_path: Path, launch: LaunchMode, retries: int
) -> None:
    """Both attempts write chunks of the same names; the first one writes more of them."""
    tried = tmp_path / "tried"
    body = f"""
        first = not os.path.exists({str(tried)!r})
        open({str(tried)!r}, "w").close()
        for number in range(4 if first else 2):
            pipes.log.info("%s %s", "first" if first else "second", number)
            pipes.report_custom_message(["first" if first else "second", number])
            time.sleep(1.5)
        if first:
            raise ValueError("no such column")
    """
    path = notebook("fails_at_first", speaking(body))
    tasks = [notebook_task("only", path, job_cluster_key="shared", max_retries=retries or None)]
    job = single_task(path, launch).model_copy(update={"tasks": tasks})
    result = run(job, pipes(), NO_REPAIR if retries else POLICY)
    wanted = [("first", 0), ("first", 1), ("first", 2), ("first", 3), ("second", 0), ("second", 1)]
    assert list(result.messages) == [list(each) for each in wanted]
    said = [line for line in said_in(called(job)) if line.startswith(("first", "second"))]
    assert said == [f"{name} {number}" for name, number in wanted]
    assert result.tasks["only"].attempts == 2
    assert "The code raised ValueError: no such column" in said_in(called(job))


@pytest.mark.usefixtures("volume")
def test_after_a_failure_the_code_can_run_again_and_the_success_cleans_up(
    stack: Stack, notebook: ImportNotebook, tmp_path: Path
) -> None:
    """The context stays for a repair; the results of the first attempt are in the result of the second."""
    tried = tmp_path / "tried"
    body = f"""
        first = not os.path.exists({str(tried)!r})
        open({str(tried)!r}, "w").close()
        pipes.report_custom_message("first" if first else "second")
        if first:
            raise ValueError("no such column")
    """
    job = single_task(notebook("fails_at_first", speaking(body)))
    left: list[str] = []

    @flow(retries=1)
    async def tries_again() -> tuple[Any, ...]:
        try:
            result = await run_databricks_job(
                job, "workspace", NO_REPAIR, pipes=pipes(extras={"word": "Ada"})
            )
        except DatabricksRunFailed:
            # As somebody finds it who repairs the run by hand: a context that can be read, and no message.
            (session,) = left_in_the_volume(stack)
            assert chunks(stack) == []
            context = stack.databricks().files.download(f"{session}/context.json").contents
            assert context is not None
            left.append(json.loads(context.read())["extras"]["word"])
            raise
        messages: tuple[Any, ...] = result.messages
        return messages

    assert asyncio.run(tries_again()) == ("first", "second")
    assert left == ["Ada"]


@pytest.mark.usefixtures("volume")
def test_a_flow_that_is_killed_and_retried_has_heard_all_once(
    stack: Stack, notebook: ImportNotebook, tmp_path: Path
) -> None:
    """What was heard before the kill is deleted in the volume, and still in the result of the retry."""
    go = tmp_path / "go"
    body = f"""
        pipes.report_custom_message("before")
        pipes.log.warning("before")
        while not os.path.exists({str(go)!r}):
            time.sleep(0.1)
        pipes.report_custom_message("after")
        pipes.log.warning("after")
    """
    job = single_task(notebook("says_more", speaking(body)))
    out = tmp_path / "messages.json"
    flow_run_id = create_flow_run(hears, job=job, pipes=pipes(), out=str(out))
    with flow_process(flow_run_id) as process:
        until(lambda: bool(events(stack, "databricks.pipes.message", "before")))
        until(lambda: chunks(stack) == [])
        kill(process)
    go.touch()
    press_retry(flow_run_id)
    assert execute(flow_run_id) == "COMPLETED"
    assert json.loads(out.read_text()) == ["before", "after"]
    assert [outcome(one) for one in runs_of(stack, job)] == ["SUCCESS"]
    directory = f"{FOLDER.strip('/')}/"

    def told() -> list[Any]:
        found = events(stack, "databricks.pipes.message", directory)
        return [
            event["payload"]["message"]
            for event in found
            if event["payload"]["message"] in ("before", "after")
        ]

    # Prefect's server keeps events for some seconds before they can be read.
    until(lambda: "after" in told())
    assert told() == ["after", "before"]
    subflows = {log.message for log in lines_below(flow_run_id) if log.name == "databricks.only"}
    assert subflows >= {"before", "after"}


@pytest.mark.usefixtures("volume")
@pytest.mark.parametrize("status", [429, 503])
def test_a_volume_that_is_away_costs_a_warning_and_no_message(
    notebook: ImportNotebook, faults: Faults, tmp_path: Path, status: int
) -> None:
    go = tmp_path / "go"
    body = f"""
        for number in range(3):
            pipes.report_custom_message(number)
            time.sleep(1)
        while not os.path.exists({str(go)!r}):
            time.sleep(0.1)
    """
    job = single_task(notebook("says_numbers", speaking(body)))

    def warnings() -> list[str]:
        lines = [log.message for log in lines_of(called(job))]
        return [line for line in lines if "cannot be heard for now" in line]

    def look() -> None:
        until(lambda: has_flow_run(job))
        fault = faults.add(method="GET", path="/api/2.0/fs/*", status=status, count=-1)
        # The SDK asks again by itself, for half a minute.
        until(lambda: bool(warnings()))
        faults.remove(fault)
        go.touch()

    result = run_while(job, pipes(), look)
    assert result.messages == (0, 1, 2)
    # Once, however often it was looked for.
    assert len(warnings()) == 1


@pytest.mark.usefixtures("volume")
def test_a_retry_after_the_success_of_the_run_has_its_results(
    notebook: ImportNotebook, tmp_path: Path
) -> None:
    """The volume is empty then; the results are in Prefect."""
    job = single_task(notebook("says_one", speaking("pipes.report_custom_message('one')")))
    results: list[Any] = []

    @flow(retries=1)
    async def fails_later() -> None:
        result = await run_databricks_job(job, "workspace", POLICY, pipes=pipes())
        results.append(result.messages)
        if len(results) == 1:
            raise RuntimeError("a later step failed")

    asyncio.run(fails_later())
    assert results == [("one",), ("one",)]


def chunks(stack: Stack) -> list[str]:
    """Files of messages that are in the volume."""
    client = stack.databricks()
    sessions = [str(entry.path) for entry in client.files.list_directory_contents(FOLDER)]
    return [
        str(entry.path)
        for session in sessions
        for entry in client.files.list_directory_contents(f"{session.rstrip('/')}/only")
    ]


def lines_below(flow_run_id: UUID) -> list[Log]:
    """The lines of the subflows of a flow run."""
    below = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        subflows = client.read_flow_runs(flow_run_filter=below)
    return [log for one in subflows for log in lines_of(one.id)]


@pytest.mark.usefixtures("volume")
def test_a_cancel_while_the_code_runs_cancels_it_and_keeps_what_it_said(
    stack: Stack, notebook: ImportNotebook
) -> None:
    """Dagster's client for one task cancels, and then returns as if all had ended well."""
    body = """
        pipes.report_custom_message("said before the cancel")
        time.sleep(600)
    """
    job = single_task(notebook("works_on", speaking(body)))

    async def cancelled() -> None:
        running = asyncio.create_task(run_databricks_job(job, "workspace", POLICY, pipes=pipes()))
        heard = lambda: bool(events(stack, "databricks.pipes.message", "said before the cancel"))  # noqa: E731
        await asyncio.to_thread(until, heard)
        assert is_running(stack, job)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    assert [outcome(one) for one in runs_of(stack, job)] == ["CANCELED"]
    # That a code which was cancelled says no more is no news.
    assert not [log.message for log in lines_of(called(job)) if log.message.startswith("Pipes of")]


@pytest.mark.usefixtures("volume")
def test_a_cancel_while_the_last_messages_are_waited_for(stack: Stack, notebook: ImportNotebook) -> None:
    """The code never says that it is done, so the flow waits. The run has succeeded, and stays so."""
    said = 'write(1, ("opened", {}), ("report_custom_message", {"payload": "said at the end"}))'
    job = single_task(notebook("never_closes", WRITES + said))

    def has_ended() -> bool:
        return [outcome(one) for one in runs_of(stack, job)] == ["SUCCESS"]

    async def cancelled() -> None:
        running = asyncio.create_task(run_databricks_job(job, "workspace", POLICY, pipes=pipes()))
        await asyncio.to_thread(until, has_ended)
        heard = lambda: bool(events(stack, "databricks.pipes.message", "said at the end"))  # noqa: E731
        await asyncio.to_thread(until, heard)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    assert has_ended()
    assert len(events(stack, "databricks.pipes.message", "said at the end")) == 1


@pytest.mark.usefixtures("volume")
def test_a_volume_that_is_away_when_the_code_ends_is_waited_for(
    stack: Stack, notebook: ImportNotebook, faults: Faults, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    source = f"""{WRITES}
write(1, ("opened", {{}}), ("report_custom_message", {{"payload": "first"}}))
while not os.path.exists({str(go)!r}):
    time.sleep(0.1)
write(2, ("report_custom_message", {{"payload": "last"}}), ("closed", {{}}))
"""
    job = single_task(notebook("says_two", source))

    def look() -> None:
        until(lambda: has_flow_run(job))
        until(lambda: bool(events(stack, "databricks.pipes.message", str(called(job)))))
        fault = faults.add(method="GET", path="/api/2.0/fs/*", status=503, count=-1)
        go.touch()
        until(lambda: [outcome(one) for one in runs_of(stack, job)] == ["SUCCESS"])
        asked = faults.show()[-1]["applied"]
        until(lambda: faults.show()[-1]["applied"] > asked)
        faults.remove(fault)

    assert run_while(job, pipes(), look).messages == ("first", "last")
