"""SQL in flows: executed once, found again after a kill, ended with its flow run, whatever is lost."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psutil
import pytest
from databricks.sdk.service.sql import QueryInfo, State
from databricks_blocks import SqlWarehouse, StatementFailed, StatementTimedOut, WarehouseUnavailable
from databricks_blocks.errors import DatabricksRunRefused
from databricks_blocks.loading import load_block
from databricks_blocks.sql.statement import CALL_TAG
from databricks_flows import SqlResult, cancel_databricks_runs, databricks_sql
from databricks_flows.tasks.sql import start_warehouse, stop_warehouse
from databricks_local import Faults
from prefect import flow, get_client, runtime, task
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort
from prefect.states import Cancelled, Crashed

from .conftest import Stack, until
from .flow_processes import (
    cancel,
    create_flow_run,
    flow_process,
    flow_run,
    kill,
    logs_of,
    press_retry,
    run,
    state_of,
    worker,
)
from .sql_flows import has_too_little_time, maps_sql, runs_sql

pytestmark = pytest.mark.usefixtures("warehouse")

POOL = "sql"
ENDLESS = "SELECT count(*) FROM range(1000000000000) WHERE hash(id) = 1"
SECONDS_OF_WORK = "SELECT count(*) FROM range(2000000000) WHERE hash(id) = 1"
"""Longer than the request to execute waits for an end, so that it is polled."""
SECONDS = 180
EXECUTE = {"method": "POST", "path": "/api/2.0/sql/statements"}
LOOK = {"method": "GET", "path_regex": "/api/2.0/sql/statements/[^/]+"}
LOST = {"when": "after", "effect": "reset"}
NOT_ANSWERED = {"when": "after", "delay_seconds": 600}
NOT_DONE = {"status": 503, "count": -1}


@pytest.fixture(scope="module")
def warehouse(stack: Stack) -> str:
    """Id of the warehouse, which runs."""
    client = stack.databricks()
    found = next(one for one in client.warehouses.list() if one.name == "Starter Warehouse")
    assert found.id
    client.warehouses.start(found.id)
    until(lambda: client.warehouses.get(str(found.id)).state is State.RUNNING)
    return found.id


@pytest.fixture
def table(stack: Stack, warehouse: str) -> str:
    """A table of its own, without rows."""
    name = f"main.default.t_{uuid4().hex}"
    execute(stack, warehouse, f"CREATE TABLE {name} (a INT)")
    return name


@pytest.fixture
def mark() -> str:
    """A comment that makes a statement one of its own."""
    return f"/* {uuid4()} */"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flow processes send the log of their task runs, not only its warnings."""
    monkeypatch.setenv("PREFECT_LOGGING_LOGGERS_PREFECT_TASK_RUNS_LEVEL", "INFO")


def execute(stack: Stack, warehouse: str, text: str) -> list[list[str]]:
    answer = stack.databricks().statement_execution.execute_statement(text, warehouse, wait_timeout="50s")
    assert answer.status
    assert answer.status.state
    assert answer.status.state.value == "SUCCEEDED", answer.status
    return (answer.result and answer.result.data_array) or []


def rows_in(stack: Stack, warehouse: str, table: str) -> int:
    return int(execute(stack, warehouse, f"SELECT count(*) FROM {table}")[0][0])


def executed(stack: Stack, text: str) -> list[QueryInfo]:
    """The statements with this text in the query history, the latest first; those of flows only."""
    found = stack.databricks().query_history.list(max_results=500).res or []
    ours = [one for one in found if any(tag.key == CALL_TAG for tag in one.query_tags or ())]
    return [one for one in ours if text in (one.query_text or "")]


def statuses(stack: Stack, text: str) -> list[str]:
    return [one.status.value for one in executed(stack, text) if one.status]


def is_going_on(stack: Stack, text: str) -> bool:
    return "RUNNING" in statuses(stack, text)


def run_here(*arguments: Any, **named: Any) -> SqlResult:
    @flow
    async def here() -> SqlResult:
        return await databricks_sql(*arguments, **named)

    return asyncio.run(here())


@pytest.mark.parametrize("fault", [LOST, {**LOST, "effect": "half"}], ids=["reset", "half an answer"])
def test_an_answer_that_is_lost_executes_nothing_twice(
    stack: Stack, faults: Faults, warehouse: str, table: str, fault: dict[str, Any]
) -> None:
    faults.add(**EXECUTE, **fault)
    result = run_here(f"INSERT INTO {table} VALUES (1), (2)")
    assert faults.show()[0]["applied"] == 1
    assert result.affected["num_affected_rows"] == 2
    assert rows_in(stack, warehouse, table) == 2
    assert statuses(stack, table) == ["FINISHED"]


def test_a_request_that_did_not_arrive_is_made_again(
    stack: Stack, faults: Faults, warehouse: str, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("databricks_blocks.sql.life._PAUSES_BEFORE_LOOKS", (0.0, 0.1))
    monkeypatch.setattr("databricks_blocks.sql.life._FURTHER_PAUSES", ())
    faults.add(**EXECUTE, effect="reset")
    faults.add(**EXECUTE, status=503)
    faults.add(**EXECUTE, status=429, retry_after="1")
    run_here(f"INSERT INTO {table} VALUES (1)")
    assert [one["applied"] for one in faults.show()] == [1, 1, 1]
    assert rows_in(stack, warehouse, table) == 1
    assert statuses(stack, table) == ["FINISHED"]


def test_polling_outlives_refusals_and_lost_answers(stack: Stack, faults: Faults, mark: str) -> None:
    for fault in ({"status": 429, "retry_after": "1"}, {"status": 503}, {"effect": "reset"}):
        faults.add(**LOOK, **fault)
    result = run_here(f"{SECONDS_OF_WORK} {mark}")
    assert all(one["applied"] for one in faults.show())
    assert result.rows() != []
    assert statuses(stack, mark) == ["FINISHED"]


KILLED_AT: dict[str, dict[str, Any]] = {
    "before the statement": {**EXECUTE, **NOT_DONE},
    "before the answer": {**EXECUTE, **NOT_ANSWERED},
    "while it is polled": {**LOOK, **NOT_ANSWERED},
}


@pytest.mark.parametrize("held", KILLED_AT.values(), ids=KILLED_AT)
def test_killed_and_run_again_a_statement_is_executed_once(
    stack: Stack, faults: Faults, warehouse: str, table: str, held: dict[str, Any]
) -> None:
    insert = f"INSERT INTO {table} SELECT CAST(a AS INT) FROM ({SECONDS_OF_WORK}) AS t (a)"
    flow_run_id = create_flow_run(runs_sql, statements=[insert])
    faults.add(**held)
    with flow_process(flow_run_id) as process:
        until(lambda: faults.show()[-1]["applied"] > 0, SECONDS)
        kill(process)
    faults.clear()
    press_retry(flow_run_id)
    assert run(flow_run_id, SECONDS) == "COMPLETED"
    assert statuses(stack, insert) == ["FINISHED"]
    assert rows_in(stack, warehouse, table) == 1


@pytest.mark.usefixtures("told")
def test_a_retry_attaches_to_what_goes_on_and_uses_what_was_done(
    stack: Stack, warehouse: str, table: str, mark: str
) -> None:
    statements = [
        f"INSERT INTO {table} VALUES (1)",
        f"{SECONDS_OF_WORK} {mark}",
        f"INSERT INTO {table} VALUES (2)",
    ]
    flow_run_id = create_flow_run(runs_sql, statements=statements)
    with flow_process(flow_run_id) as process:
        until(lambda: is_going_on(stack, mark), SECONDS)
        kill(process)
    press_retry(flow_run_id)
    assert run(flow_run_id, SECONDS) == "COMPLETED"
    assert statuses(stack, mark) == ["FINISHED"]
    assert statuses(stack, table) == ["FINISHED", "FINISHED"]
    assert rows_in(stack, warehouse, table) == 2
    assert any("executed by the attempt before" in line for line in logs_of(flow_run_id))


def test_equal_calls_are_told_apart_in_a_retry(stack: Stack, warehouse: str, table: str) -> None:
    insert = f"INSERT INTO {table} VALUES (1)"
    flow_run_id = create_flow_run(
        runs_sql, statements=[insert, insert, "SELECT * FROM nowhere"], at_once=True
    )
    for _ in range(2):
        assert run(flow_run_id, SECONDS) == "FAILED"
        press_retry(flow_run_id)
    assert statuses(stack, insert) == ["FINISHED", "FINISHED"]
    assert rows_in(stack, warehouse, table) == 2


def test_a_task_whose_stored_result_a_retry_takes_keeps_its_statement(
    stack: Stack, warehouse: str, table: str
) -> None:
    insert = f"INSERT INTO {table} VALUES (1)"

    @task(persist_result=True)
    def load(batch: int) -> int:
        databricks_sql(insert)
        return batch

    @flow(retries=1)
    def batches() -> None:
        load(0)
        if runtime.flow_run.get_run_count() == 1:
            raise OSError("before the second")
        load(1)

    batches()
    assert statuses(stack, insert) == ["FINISHED", "FINISHED"]
    assert rows_in(stack, warehouse, table) == 2


def test_a_sync_task_outside_of_flows_executes_its_sql(stack: Stack, warehouse: str, table: str) -> None:
    @task
    def load() -> int:
        return int(databricks_sql(f"INSERT INTO {table} VALUES (1)").affected["num_affected_rows"])

    assert load() == 1
    assert rows_in(stack, warehouse, table) == 1


@pytest.fixture(scope="module")
def working(stack: Stack) -> Iterator[psutil.Process]:
    with worker(POOL) as process:
        yield process


@pytest.mark.parametrize("called", [runs_sql, maps_sql], ids=["async", "mapped in threads"])
@pytest.mark.usefixtures("working")
def test_a_cancel_of_the_flow_run_cancels_its_statement(stack: Stack, mark: str, called: Any) -> None:
    flow_run_id = create_flow_run(called, POOL, statements=[f"{ENDLESS} {mark}"])
    until(lambda: is_going_on(stack, mark), SECONDS)
    cancel(flow_run_id)
    until(lambda: state_of(flow_run_id) == "CANCELLED", SECONDS)
    assert statuses(stack, mark) == ["CANCELED"]


@pytest.mark.usefixtures("working")
def test_a_cancel_before_the_answer_cancels_the_statement(stack: Stack, faults: Faults, mark: str) -> None:
    faults.add(**EXECUTE, **NOT_ANSWERED)
    flow_run_id = create_flow_run(runs_sql, POOL, statements=[f"{ENDLESS} {mark}"])
    until(lambda: is_going_on(stack, mark), SECONDS)
    cancel(flow_run_id)
    until(lambda: state_of(flow_run_id) == "CANCELLED", SECONDS)
    until(lambda: statuses(stack, mark) == ["CANCELED"])


def test_the_hook_cancels_the_statement_of_a_process_that_is_gone(stack: Stack, mark: str) -> None:
    flow_run_id = create_flow_run(runs_sql, statements=[f"{ENDLESS} {mark}"])
    with flow_process(flow_run_id) as process:
        until(lambda: is_going_on(stack, mark), SECONDS)
        kill(process)
    asyncio.run(cancel_databricks_runs(runs_sql, flow_run(flow_run_id), Crashed()))
    assert is_going_on(stack, mark)
    asyncio.run(cancel_databricks_runs(runs_sql, flow_run(flow_run_id), Cancelled()))
    until(lambda: statuses(stack, mark) == ["CANCELED"])


def test_sigterm_leaves_the_statement_to_the_retry(stack: Stack, mark: str) -> None:
    flow_run_id = create_flow_run(runs_sql, statements=[f"{ENDLESS} {mark}"])
    with flow_process(flow_run_id) as process:
        until(lambda: is_going_on(stack, mark), SECONDS)
        kill(process, signal.SIGTERM)
    assert state_of(flow_run_id) == "CRASHED"
    assert is_going_on(stack, mark)
    stack.databricks().statement_execution.cancel_execution(str(executed(stack, mark)[0].query_id))


def test_a_time_out_of_the_flow_cancels_the_statement(stack: Stack, mark: str) -> None:
    flow_run_id = create_flow_run(has_too_little_time, statements=[f"{ENDLESS} {mark}"])
    assert run(flow_run_id, SECONDS) == "FAILED"
    assert statuses(stack, mark) == ["CANCELED"]


def test_a_time_out_of_the_call_cancels_the_statement(stack: Stack, mark: str) -> None:
    with pytest.raises(StatementTimedOut, match="took longer than 20 s, and was cancelled"):
        run_here(f"{ENDLESS} {mark}", timeout_seconds=20)
    assert statuses(stack, mark) == ["CANCELED"]


def test_another_failure_of_the_flow_cancels_the_statement(stack: Stack, mark: str) -> None:
    @flow
    async def fails() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(databricks_sql(f"{ENDLESS} {mark}"))
            await asyncio.to_thread(until, lambda: is_going_on(stack, mark), SECONDS)
            raise OSError("something else")

    with pytest.raises(ExceptionGroup):
        asyncio.run(fails())
    assert statuses(stack, mark) == ["CANCELED"]


def stop_when(stack: Stack, warehouse: str, is_there: Callable[[], bool]) -> None:
    until(is_there, SECONDS)
    stack.databricks().warehouses.stop(warehouse)


def test_a_query_whose_warehouse_stops_in_the_middle_is_run_again(
    stack: Stack, warehouse: str, mark: str
) -> None:
    @flow
    async def outlives() -> SqlResult:
        stopping = asyncio.create_task(
            asyncio.to_thread(stop_when, stack, warehouse, lambda: is_going_on(stack, mark))
        )
        result: SqlResult = await databricks_sql(f"{SECONDS_OF_WORK} {mark}")
        await stopping
        return result

    assert asyncio.run(outlives()).row_count == 1
    assert statuses(stack, mark) == ["FINISHED", "FAILED"]


def test_a_write_whose_warehouse_stops_in_the_middle_is_not_run_again_by_itself(
    stack: Stack, warehouse: str, table: str
) -> None:
    insert = f"INSERT INTO {table} SELECT CAST(id AS INT) FROM range(1000000000000) WHERE hash(id) = 1"

    @flow
    async def fails() -> None:
        stopping = asyncio.create_task(
            asyncio.to_thread(stop_when, stack, warehouse, lambda: is_going_on(stack, insert))
        )
        try:
            await databricks_sql(insert)
        finally:
            await stopping

    with pytest.raises(StatementFailed, match="Whether it was done is not known"):
        asyncio.run(fails())
    assert statuses(stack, insert) == ["FAILED"]


@pytest.mark.usefixtures("told")
def test_a_stopped_warehouse_starts_and_the_wait_is_shown(stack: Stack, warehouse: str, mark: str) -> None:
    assert asyncio.run(stop_warehouse()).state == "STOPPED"
    flow_run_id = create_flow_run(runs_sql, statements=[f"SELECT 1 {mark}"])
    assert run(flow_run_id, SECONDS) == "COMPLETED"
    logs = logs_of(flow_run_id)
    assert "SQL warehouse Starter Warehouse is STOPPED: waiting until it is RUNNING" in logs
    assert any(line.startswith("SQL warehouse Starter Warehouse is RUNNING, after ") for line in logs)
    assert asyncio.run(start_warehouse()).state == "RUNNING"


def other_warehouse(**fields: Any) -> SqlWarehouse:
    found = load_block(SqlWarehouse, "warehouse")
    return found.model_copy(update={"warehouse_name": "", "warehouse_id": "", **fields})


def test_a_warehouse_that_is_not_there_is_an_error_of_one_line(stack: Stack) -> None:
    with pytest.raises(DatabricksRunRefused, match="no SQL warehouse `gone`: there are") as error:
        run_here("SELECT 1", warehouse=other_warehouse(warehouse_name="gone"))
    assert "\n" not in str(error.value)


def test_a_deleted_warehouse_is_an_error_of_one_line(stack: Stack) -> None:
    client = stack.databricks()
    made = client.warehouses.create(name=str(uuid4()), cluster_size="2X-Small", max_num_clusters=1).bind()[
        "id"
    ]
    client.warehouses.delete(made)
    with pytest.raises(
        (DatabricksRunRefused, WarehouseUnavailable), match=r"was deleted|does not exist"
    ) as error:
        run_here("SELECT 1", warehouse=other_warehouse(warehouse_id=made))
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("told")
def test_the_log_of_the_flow_run_has_the_link_and_the_duration(stack: Stack, table: str) -> None:
    flow_run_id: UUID = create_flow_run(runs_sql, statements=[f"INSERT INTO {table} VALUES (1)", "SELECT 1"])
    assert run(flow_run_id, SECONDS) == "COMPLETED"
    [statement] = executed(stack, table)
    text = "\n".join(logs_of(flow_run_id))
    assert f"/sql/history?queryId={statement.query_id}" in text
    assert "num_affected_rows 1" in text
    assert "SQL statement 2 of 2 `SELECT 1`: succeeded after " in text


def test_some_rows_are_shown_as_a_table(stack: Stack) -> None:
    run_here("SELECT id, 'a|b' AS s FROM range(9)", show_rows=2)
    with get_client(sync_client=True) as client:
        [shown] = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["databricks-sql"])),
            sort=ArtifactSort.CREATED_DESC,
            limit=1,
        )
    assert shown.data == '[{"id": 0, "s": "a\\\\|b"}, {"id": 1, "s": "a\\\\|b"}]'
    assert (shown.description or "").startswith("2 of 9 rows of SELECT id")


def test_a_file_of_statements_is_run(stack: Stack, warehouse: str, table: str, tmp_path: Path) -> None:
    file = tmp_path / "load.sql"
    file.write_text(f"-- first\nINSERT INTO {table} VALUES (:n);\nSELECT a FROM {table} WHERE a = :n;\n")
    assert run_here(file, {"n": 7}).rows() == [{"a": 7}]
    assert run_here(str(file), {"n": 8}).to_pandas()["a"].tolist() == [8]
    assert rows_in(stack, warehouse, table) == 2
