"""An analysis whose process is killed in one step after the other gives, retried, the same result as ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pandas as pd
import psutil
from databricks_flows.renewable.analysis import renewable_analysis
from databricks_local import Faults
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, TaskRunFilter, TaskRunFilterName

from .conftest import Stack, until
from .faulty_storage import Exchange, FaultyStorage, hold
from .flow_processes import create_flow_run, flow_process, kill, press_retry, run
from .test_crash import DONE_BUT_NOT_ANSWERED, SUBMIT
from .test_database_faults import other_session
from .test_renewable_analysis import COLUMNS, expected
from .test_storage_faults import storage

__all__ = ["storage"]

HOLD = """
    CREATE FUNCTION hold() RETURNS event_trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock(6); END $$;
    CREATE EVENT TRIGGER hold ON {event} WHEN TAG IN ('{tag}') EXECUTE FUNCTION hold()
"""
WAITS = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory'"


@contextmanager
def held_at_statement(stack: Stack, tag: str) -> Iterator[Callable[[], bool]]:
    """Hold each statement of a kind, after it was executed and before it is committed."""
    with other_session(stack) as other:
        other.execute("SELECT pg_advisory_lock(6)")
        other.execute(HOLD.format(tag=tag, event="ddl_command_end"))
        try:
            yield lambda: bool(stack.query(WAITS))
        finally:
            other.execute("DROP EVENT TRIGGER hold; DROP FUNCTION hold")


@contextmanager
def held_at_merge(stack: Stack) -> Iterator[Callable[[], bool]]:
    """Hold the merge into the table that stays."""
    with other_session(stack) as other:
        other.execute("SELECT pg_advisory_lock(hashtext('renewable_share'))")
        yield lambda: bool(stack.query(WAITS))


@contextmanager
def held_at_request(
    storage: FaultyStorage, method: str, part: str, after: int = 0, *, in_the_middle: bool = False
) -> Iterator[Callable[[], bool]]:
    """Hold a request to the storage, before it is passed on or in the middle of its answer."""
    over = threading.Event()
    answer = hold(over)
    if in_the_middle:
        answer = lambda exchange: Exchange.pass_on(exchange, lambda: over.wait(60))  # noqa: E731
    fault = storage.add(method, part, answer, times=100, after=after)
    try:
        yield lambda: fault.applied > 0
    finally:
        over.set()
        storage.faults.remove(fault)


@contextmanager
def held_at_submit(faults: Faults) -> Iterator[Callable[[], bool]]:
    """Hold the answer to the launch of the Databricks run."""
    faults.add(**SUBMIT, **DONE_BUT_NOT_ANSWERED)
    yield lambda: faults.show()[-1]["applied"] > 0
    faults.clear()


@contextmanager
def held_at_chart(
    flow_run_id: UUID, module: str = "databricks_flows.renewable.chart"
) -> Iterator[Callable[[], bool]]:
    """Hold the process that draws the chart, which then ends by itself, since the flow's is gone."""
    stopped: list[psutil.Process] = []

    def held() -> bool:
        if not stopped:
            stopped.extend(chart_processes(flow_run_id, module))
            for process in stopped:
                process.suspend()
        return bool(stopped) and is_running(flow_run_id, "create_graph")

    yield held
    [process] = stopped
    process.resume()
    process.wait(10)


def chart_processes(flow_run_id: UUID, module: str) -> list[psutil.Process]:
    flows = [
        one for one in psutil.process_iter(["cmdline"]) if str(flow_run_id) in (one.info["cmdline"] or ())
    ]
    return [child for one in flows for child in one.children() if child.cmdline()[-1:] == [module]]


def is_running(flow_run_id: UUID, task: str) -> bool:
    with get_client(sync_client=True) as client:
        runs = client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id])),
            task_run_filter=TaskRunFilter(name=TaskRunFilterName(like_=task)),
        )
    return any(run.state_name == "Running" for run in runs)


def kill_when(flow_run_id: UUID, held: Callable[[], bool], seconds: float = 60) -> None:
    """Start the flow run, kill its process once it is held, and press Retry."""
    with flow_process(flow_run_id) as process:
        until(held, seconds)
        kill(process)
    press_retry(flow_run_id)


def test_killed_in_one_step_after_the_other(
    clean_stack: Stack, storage: FaultyStorage, faults: Faults, tmp_path: Path
) -> None:
    stack = clean_stack
    storage.faults.clear()
    flow_run_id = create_flow_run(
        renewable_analysis,
        countries=["Switzerland", "United States"],
        output_directory=str(tmp_path / "out"),
        bucket="faulty-staging",
    )
    before = len(list(stack.databricks().jobs.list_runs()))
    for step in (
        held_at_request(storage, "PUT", "/begun"),
        held_at_statement(stack, "CREATE TABLE"),
        held_at_statement(stack, "CREATE TABLE AS"),
        held_at_request(storage, "PUT", "/country_subset/"),
        held_at_submit(faults),
        held_at_request(storage, "POST", "?delete"),
        held_at_request(storage, "GET", "/transformed_data/", in_the_middle=True),
        held_at_merge(stack),
        held_at_chart(flow_run_id),
        held_at_request(storage, "PUT", "/staged.json"),
        held_at_request(storage, "POST", "?delete"),
        held_at_request(storage, "POST", "?delete", after=1),
    ):
        with step as held:
            kill_when(flow_run_id, held)
    assert run(flow_run_id) == "COMPLETED"
    assert len(list(stack.databricks().jobs.list_runs())) == before + 1
    table = pd.read_csv(tmp_path / "out" / "shw.csv", keep_default_na=False, na_values=[""])
    golden = expected(["Switzerland", "United States"])
    pd.testing.assert_frame_equal(table[COLUMNS], golden, check_dtype=False, rtol=1e-12)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["shw.csv", "shw.png"]
