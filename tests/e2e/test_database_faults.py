"""A database that breaks off, locks up, restarts or runs full costs a retry or gives a clear error."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
from databricks_blocks.database.connection import open_transaction
from databricks_blocks.database.tables import Column, Table
from databricks_blocks.staging.area import open_staging
from databricks_flows.renewable.scope import RunScope
from databricks_flows.renewable.share_files import SHARES, ShareFile
from databricks_flows.renewable.steps import (
    RESULT,
    export_table,
    list_result_files,
    load_csv,
    load_result,
    publish_result,
)
from databricks_flows.shared.patience import ServiceUnreachable, having_patience
from databricks_flows.shared.progress import Progress, listening
from dbflow.local.stack import LocalStack
from prefect import flow

from .conftest import Stack, analyse, until
from .faulty_storage import Exchange
from .test_storage_faults import AT_ONCE, PART, SCOPE, FaultyStorage, storage

__all__ = ["storage"]

ROWS = 20_000
SECONDS_AWAY = 4
DIRECT = RunScope("database", "run_faults", "staging", "faults")
WAITS = "wait_event_type = 'Lock' AND query LIKE '%%run_faults%%'"


@pytest.fixture
def run_of_test(clean_stack: Stack, storage: FaultyStorage) -> Iterator[Stack]:
    """A run with a part file of its result, cleaned away."""
    storage.faults.clear()
    with open_transaction("database", "run_faults") as transaction:
        transaction.begin_run()
    list_result_files.fn(DIRECT, "")
    lines = [f"Land {number},,2000,1,2,3,6" for number in range(ROWS)]
    content = "\n".join([",".join(RESULT.columns), *lines]).encode()
    open_staging("staging", "faults").upload("part.csv", lambda stream: stream.write(content))
    yield clean_stack
    storage.faults.clear()
    with open_transaction("database", "run_faults") as transaction:
        transaction.end_run()
    open_staging("staging", "faults").delete()


def in_a_flow(step: Callable[[], Any]) -> Any:
    return flow(step, name="one-step")()


def in_a_thread(executor: ThreadPoolExecutor, step: Callable[[], Any]) -> Future[Any]:
    """Run a step in a flow beside the test, with the settings of the test."""
    return executor.submit(copy_context().run, in_a_flow, step)


@contextmanager
def other_session(stack: Stack) -> Iterator[Any]:
    """The cursor of a session of somebody else, without a transaction but those it begins."""
    connection = psycopg2.connect(**vars(stack.endpoints.postgres))
    connection.autocommit = True
    try:
        yield connection.cursor()
    finally:
        connection.close()


def stop_database(stack: Stack) -> None:
    local = LocalStack(stack.directory / ".dbflow")
    [pid] = [service.pid for service in local.status() if service.name == "postgres"]
    server = psutil.Process(pid)
    server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
    server.wait(20)


def start_database(stack: Stack) -> None:
    assert LocalStack(stack.directory / ".dbflow").start().postgres == stack.endpoints.postgres


def load_while(storage: FaultyStorage, in_the_middle: Callable[[], Any]) -> int:
    """Load the part file, and do something when the database has got half of it."""
    fault = storage.add("GET", "part.csv", lambda exchange: Exchange.pass_on(exchange, in_the_middle))
    rows: int = in_a_flow(lambda: load_result.with_options(**AT_ONCE)(PART, SCOPE))
    assert fault.applied == 1
    return rows


def test_a_connection_killed_in_the_middle_of_copy_costs_a_retry(
    run_of_test: Stack, storage: FaultyStorage
) -> None:
    def kill() -> None:
        copying = "SELECT pg_terminate_backend(pid) FROM pg_stat_progress_copy WHERE command = 'COPY FROM'"
        until(lambda: run_of_test.query(copying) == [(True,)], 5)

    assert load_while(storage, kill) == ROWS
    assert run_of_test.query("SELECT count(*) FROM run_faults.transformed") == [(ROWS,)]


def test_a_load_whose_commit_was_not_answered_doubles_nothing(run_of_test: Stack) -> None:
    assert in_a_flow(lambda: load_result(PART, DIRECT)) == ROWS
    assert in_a_flow(lambda: load_result(PART, DIRECT)) == ROWS
    assert run_of_test.query("SELECT count(*) FROM run_faults.transformed") == [(ROWS,)]


def test_a_server_that_restarts_in_the_middle_of_copy_costs_a_retry(
    run_of_test: Stack, storage: FaultyStorage
) -> None:
    def restart() -> None:
        stop_database(run_of_test)
        start_database(run_of_test)

    assert load_while(storage, restart) == ROWS
    assert run_of_test.query("SELECT count(*) FROM run_faults.transformed") == [(ROWS,)]


def test_a_database_that_is_away_for_seconds_in_three_steps_costs_no_databricks_run(
    clean_stack: Stack, tmp_path: Path
) -> None:
    """Each time it is away for longer than the quick retries of a task take."""
    before = len(list(clean_stack.databricks().jobs.list_runs()))
    steps = ["load_csv", "export_table", "load_result"]

    def on_progress(progress: Progress) -> None:
        if steps and progress.step == steps[0]:
            steps.pop(0)
            stop_database(clean_stack)
            starting.append(threading.Timer(SECONDS_AWAY, start_database, [clean_stack]))
            starting[-1].start()

    starting: list[threading.Timer] = []
    with listening(on_progress):
        result = analyse(tmp_path, countries=["Peru"])
    for timer in starting:
        timer.join()
    assert len(starting) == 3
    assert result.rows == len(result.table.read_text().splitlines()) - 1
    assert len(list(clean_stack.databricks().jobs.list_runs())) == before + 1


def test_a_database_that_stays_away_is_told_in_one_line(run_of_test: Stack) -> None:
    stop_database(run_of_test)
    try:
        with pytest.raises(ServiceUnreachable) as error, having_patience(2):
            in_a_flow(lambda: publish_result(DIRECT))
    finally:
        start_database(run_of_test)
    assert re.fullmatch(r"No answer for [2-9] s: .*Connection refused.*", str(error.value))


def test_an_export_whose_connection_is_killed_leaves_the_whole_file(run_of_test: Stack) -> None:
    run_of_test.query('CREATE TABLE run_faults.years AS SELECT generate_series(1, 50000) AS "Year"')
    years = Table("years", {"Year": Column("integer")})
    export = export_table.with_options(**AT_ONCE)
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {WAITS}"
    with ThreadPoolExecutor(1) as executor, other_session(run_of_test) as other:
        other.execute("BEGIN; LOCK TABLE run_faults.years")
        exported = in_a_thread(executor, lambda: export(years, "years", DIRECT))
        until(lambda: run_of_test.query(end) == [(True,)], 20)
        other.execute("ROLLBACK")
        assert exported.result(30) == 50_000
    with open_staging("staging", "faults").open("country_subset/years.csv") as stream:
        assert len(stream.read().splitlines()) == 50_001


def test_a_deadlock_costs_a_retry(run_of_test: Stack) -> None:
    in_a_flow(lambda: load_result(PART, DIRECT))
    publish = publish_result.with_options(**AT_ONCE)
    published = "SELECT count(*) FROM renewable_share WHERE entity LIKE 'Land %%'"
    in_a_flow(lambda: publish(DIRECT))
    run_of_test.query("DELETE FROM renewable_share WHERE entity LIKE 'Land %%7'")
    waiting = f"SELECT pid FROM pg_stat_activity WHERE {WAITS}"
    with ThreadPoolExecutor(1) as executor, other_session(run_of_test) as other:
        # It looks for deadlocks later than the task, which so is the one to be ended.
        other.execute("SET deadlock_timeout = '1min'")
        other.execute("BEGIN; LOCK TABLE renewable_share")
        again = in_a_thread(executor, lambda: publish(DIRECT))
        until(lambda: bool(run_of_test.query(waiting)), 20)
        deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        before = run_of_test.query(deadlocks)
        other.execute("SELECT pg_advisory_xact_lock(hashtext('renewable_share'))")
        other.execute("ROLLBACK")
        again.result(30)
        until(lambda: run_of_test.query(deadlocks) > before, 20)
    assert run_of_test.query(published) == [(ROWS,)]
    run_of_test.query("DELETE FROM renewable_share WHERE entity LIKE 'Land %%'")


def test_a_full_disk_is_told_and_leaves_no_table(run_of_test: Stack, tmp_path: Path) -> None:
    """The disk is full for what a query must write beside its tables: an error of the same class."""
    path = tmp_path / "solar.csv"
    rows = [f"Land {number},,2000,1\n" for number in range(60_000)]
    path.write_text(f"Entity,Code,Year,{SHARES[0]}\n{''.join(rows)}")
    file = ShareFile(path, ("Entity", "Code", "Year", SHARES[0]), SHARES[0], "solar")
    load = load_csv.with_options(**AT_ONCE)
    run_of_test.query("ALTER DATABASE dbflow SET temp_file_limit = 0")
    run_of_test.query("ALTER DATABASE dbflow SET work_mem = '64kB'")
    try:
        with pytest.raises(psycopg2.OperationalError, match="temporary file size exceeds"):
            in_a_flow(lambda: load(file, DIRECT))
        assert run_of_test.query("SELECT to_regclass('run_faults.solar')") == [(None,)]
    finally:
        run_of_test.query("ALTER DATABASE dbflow RESET ALL")
    in_a_flow(lambda: load(file, DIRECT))
    assert run_of_test.query("SELECT count(*) FROM run_faults.solar") == [(60_000,)]
