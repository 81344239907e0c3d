"""A cancel at any moment: the flow run ends as Cancelled, nothing is launched any more, and nothing stays.

Each flow run is one of a deployment, in the process of a worker; Cancel is pressed in Prefect. CI takes a
part; the mark `matrix` has the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
from databricks.sdk.service.jobs import Run
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import RepairPolicy
from databricks_flows.load.csv_files import load_csv_files
from databricks_flows.renewable.analysis import renewable_analysis
from databricks_local import Faults
from prefect import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency

from .conftest import ImportNotebook, Stack, until
from .faulty_storage import FaultyStorage
from .flow_processes import cancel, create_flow_run, flow_run, logs_of, state_of, worker
from .matrix import cases
from .outer_flow import outer, retried_later
from .single_task import outcome, single_task
from .test_cancel import states_of, subflow_of
from .test_crash import DONE_BUT_NOT_ANSWERED, SUBMIT
from .test_killed_analysis import held_at_merge, held_at_request, held_at_statement
from .test_killed_analysis import is_running as is_task_running
from .test_storage_faults import storage

__all__ = ["storage"]

POOL = "cancelled at any moment"
HANGS = {"task_key": "*", "effect": "hang", "count": -1}
FAILS = {"task_key": "*", "error": "OSError: away", "count": -1}
WAITS_FOR_TASK_RUNS = "The flow run is ending; it waits for"

IsThere = Callable[[], bool]


@pytest.fixture(scope="module")
def working(stack: Stack) -> Iterator[psutil.Process]:
    with worker(POOL) as process:
        yield process


@pytest.fixture
def new_runs(stack: Stack) -> Callable[[], list[Run]]:
    """The Databricks runs that were launched since the test began."""
    client = stack.databricks()
    before = {run.run_id for run in client.jobs.list_runs()}
    return lambda: [run for run in client.jobs.list_runs(expand_tasks=True) if run.run_id not in before]


def cancel_when(flow_run_id: UUID, is_there: IsThere, *, waits: bool = False) -> None:
    """Press Cancel once something is there, and see that the flow run has noticed.

    Args:
        flow_run_id: The flow run.
        is_there: Whether it is at the moment that is meant.
        waits: Whether it then waits for task runs that are under way, which are held by the test.
    """
    until(is_there)
    cancel(flow_run_id)
    if waits:
        until(lambda: any(WAITS_FOR_TASK_RUNS in message for message in logs_of(flow_run_id)))


def assert_cancelled(flow_run_id: UUID) -> None:
    until(lambda: state_of(flow_run_id) not in {"CANCELLING", "RUNNING"})
    assert state_of(flow_run_id) == "CANCELLED"
    assert "CRASHED" not in states_of(flow_run_id)


Held = Callable[[Stack, FaultyStorage, Faults], AbstractContextManager[IsThere]]
IN_TASKS: dict[str, Held] = {
    "load_csv": lambda stack, storage, faults: held_at_statement(stack, "CREATE TABLE"),
    "select_countries": lambda stack, storage, faults: held_at_statement(stack, "CREATE TABLE AS"),
    "export_table": lambda stack, storage, faults: held_at_request(storage, "PUT", "/country_subset/"),
    "delete_intake_files": lambda stack, storage, faults: held_at_request(storage, "POST", "?delete"),
    "load_result": lambda stack, storage, faults: held_at_request(
        storage, "GET", "/transformed_data/", in_the_middle=True
    ),
    "publish_result": lambda stack, storage, faults: held_at_merge(stack),
}


def analysis(output: Path, **parameters: Any) -> UUID:
    return create_flow_run(
        renewable_analysis,
        POOL,
        countries=["Peru"],
        output_directory=str(output),
        bucket="faulty-staging",
        **parameters,
    )


@cases("step", list(IN_TASKS), "load_csv", "load_result")
@pytest.mark.usefixtures("working")
def test_a_cancel_in_a_step_of_the_analysis_leaves_nothing(
    clean_stack: Stack,
    storage: FaultyStorage,
    faults: Faults,
    new_runs: Callable[[], list[Run]],
    tmp_path: Path,
    step: str,
) -> None:
    storage.faults.clear()
    flow_run_id = analysis(tmp_path)
    with IN_TASKS[step](clean_stack, storage, faults) as held:
        cancel_when(flow_run_id, held, waits=True)
    assert_cancelled(flow_run_id)
    assert list(tmp_path.iterdir()) == []
    launched = ["SUCCESS"] if step in ("delete_intake_files", "load_result", "publish_result") else []
    assert [outcome(run) for run in new_runs()] == launched


@cases("launched", ["at work", "not answered"], "at work")
@pytest.mark.usefixtures("working", "storage")
def test_a_cancel_while_the_notebooks_run_leaves_nothing(
    clean_stack: Stack, faults: Faults, new_runs: Callable[[], list[Run]], tmp_path: Path, launched: str
) -> None:
    faults.add(**HANGS)
    if launched == "not answered":
        faults.add(**SUBMIT, **DONE_BUT_NOT_ANSWERED)
    flow_run_id = analysis(tmp_path)
    cancel_when(flow_run_id, lambda: is_at_work(new_runs()))
    assert_cancelled(flow_run_id)
    assert list(tmp_path.iterdir()) == []
    assert [outcome(run) for run in new_runs()] == ["CANCELED"]


def is_at_work(runs: list[Run]) -> bool:
    states = [task.state.life_cycle_state for run in runs for task in run.tasks or () if task.state]
    return any(state is not None and state.value == "RUNNING" for state in states)


@pytest.mark.usefixtures("storage")
def test_a_cancel_while_the_chart_is_drawn_leaves_nothing(
    clean_stack: Stack, working: psutil.Process, new_runs: Callable[[], list[Run]], tmp_path: Path
) -> None:
    held: list[psutil.Process] = []

    def is_drawing() -> bool:
        if not held:
            held.extend(
                one
                for one in working.children(recursive=True)
                if one.cmdline()[-1:] == ["databricks_flows.renewable.chart"]
            )
            for one in held:
                one.suspend()
        return bool(held) and is_task_running(flow_run_id, "create_graph")

    flow_run_id = analysis(tmp_path)
    cancel_when(flow_run_id, is_drawing)
    assert_cancelled(flow_run_id)
    assert not held[0].is_running()
    assert list(tmp_path.iterdir()) == []
    assert [outcome(run) for run in new_runs()] == ["SUCCESS"]


@pytest.mark.usefixtures("working")
def test_a_cancel_in_the_clean_up_loses_no_result(
    clean_stack: Stack, storage: FaultyStorage, tmp_path: Path
) -> None:
    storage.faults.clear()
    flow_run_id = analysis(tmp_path)
    with held_at_request(storage, "POST", "?delete", after=1) as held:
        cancel_when(flow_run_id, held)
    until(lambda: state_of(flow_run_id) not in {"CANCELLING", "RUNNING"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shw.csv", "shw.png"]


@pytest.fixture
def limit() -> Iterator[str]:
    """A global concurrency limit whose only slot is taken."""
    name = "taken"
    with get_client(sync_client=True) as client:
        created = GlobalConcurrencyLimitCreate(name=name, limit=1)
        client.create_global_concurrency_limit(created)
        with concurrency(name, strict=True):
            yield name
        client.delete_global_concurrency_limit_by_name(name)


@cases("called", ["the analysis", "load_csv_files"], "the analysis")
@pytest.mark.usefixtures("working", "storage")
def test_a_cancel_while_it_waits_for_a_slot_ends_it(
    clean_stack: Stack, tmp_path: Path, limit: str, called: str
) -> None:
    if called == "the analysis":
        flow_run_id = analysis(tmp_path / "out", concurrency_limit=limit)
    else:
        (tmp_path / "one.csv").write_text("a,b\n1,2\n")
        files = [str(tmp_path / "one.csv")]
        flow_run_id = create_flow_run(load_csv_files, POOL, files=files, concurrency_limit=limit)
    cancel_when(flow_run_id, lambda: waits_for_a_slot(flow_run_id))
    assert_cancelled(flow_run_id)


def waits_for_a_slot(flow_run_id: UUID) -> bool:
    return any("Waiting for a slot" in message for message in logs_of(flow_run_id))


@cases("waits", ["for an answer", "for its repair", "for its retry"], "for its retry")
@pytest.mark.usefixtures("working")
def test_a_cancel_while_it_waits_launches_nothing(
    stack: Stack, faults: Faults, notebook: ImportNotebook, new_runs: Callable[[], list[Run]], waits: str
) -> None:
    faults.add(**FAILS)
    job = single_task(notebook("fails", "pass"))
    repair = {
        "for an answer": RepairPolicy(max_repairs=0, ask=True),
        "for its repair": RepairPolicy(wait_seconds=600),
        "for its retry": RepairPolicy(max_repairs=0),
    }
    called = retried_later if waits == "for its retry" else outer
    flow_run_id = create_flow_run(called, POOL, job=job, policy=RunPolicy(repair=repair[waits]))
    until(lambda: [outcome(run) for run in new_runs()] == ["FAILED"])
    if waits == "for an answer":
        until(lambda: state_of(subflow_of(flow_run_id)) == "PAUSED")
    if waits == "for its retry":
        until(lambda: flow_run(flow_run_id).state_name == "AwaitingRetry")
    cancel(flow_run_id)
    assert_cancelled(flow_run_id)
    assert [outcome(run) for run in new_runs()] == ["FAILED"]
