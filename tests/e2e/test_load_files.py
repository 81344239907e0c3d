"""CSV files go into tables by the flow: each whole or not at all, and a retry loads what is missing."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Event, main_thread
from types import FrameType
from typing import Any
from uuid import UUID

import psycopg2
import pytest
from databricks_blocks.csv import typed as typed_csv
from databricks_blocks.csv.faults import InputError
from databricks_blocks.csv.format import CsvOptions
from databricks_blocks.database.postgres import PostgresTransaction
from databricks_flows.load import csv_files as load_files
from databricks_flows.load.csv_files import load_csv_files
from databricks_flows.load.outcomes import FilesNotLoaded
from databricks_flows.shared.progress import Progress, listening
from prefect import get_client
from prefect.artifacts import Artifact
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import GlobalConcurrencyLimit
from prefect.runtime import task_run
from prefect.task_runners import ThreadPoolTaskRunner
from prefect_sqlalchemy.database import SqlAlchemyConnector

from .conftest import Stack, until
from .flow_processes import create_flow_run, flow_process, kill, press_retry, run

SCHEMA = "test_load_files"


@pytest.fixture
def folder(stack: Stack, tmp_path: Path) -> Path:
    stack.query(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    for number in range(60):
        (tmp_path / f"f{number:02}.csv").write_text(f"id,day,Größe\n{number},2026-11-21,1.50\n,,\n")
    return tmp_path


def loaded(stack: Stack) -> dict[str, int]:
    rows = stack.query(f'SELECT "table", rows FROM {SCHEMA}.loaded_files')
    return dict(rows)  # type: ignore[arg-type]


def test_files_are_loaded_with_types_by_content_and_with_progress(stack: Stack, folder: Path) -> None:
    seen: list[Progress] = []
    with listening(seen.append):
        outcomes = load_csv_files([str(folder)], SCHEMA, concurrency=3)
    assert sorted(outcome.table for outcome in outcomes) == [f"f{number:02}" for number in range(60)]
    assert all(outcome.rows == 2 for outcome in outcomes)
    assert [progress.done for progress in seen] == list(range(1, 61))
    types = stack.query(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = %s AND table_name = 'f07' ORDER BY ordinal_position",
        SCHEMA,
    )
    assert types == [("id", "bigint"), ("day", "date"), ("Größe", "numeric")]
    assert stack.query(f'SELECT id, day::text, "Größe"::text FROM {SCHEMA}.f07') == [
        (7, "2026-11-21", "1.50"),
        (None, None, None),
    ]


def batches_that_failed(flow_run_id: UUID) -> int:
    """How many task runs are shown as failed; they are recorded some time after they ended."""
    with get_client(sync_client=True) as client:
        runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id])))
    return sum(run.name.startswith("load_files") and run.state_name == "Failed" for run in runs)


def test_a_file_that_cannot_be_used_names_itself_and_the_others_are_loaded(
    stack: Stack, folder: Path
) -> None:
    (folder / "f30.csv").write_text("id,day\n1,2026-11-21\n1\n")
    state = load_csv_files([str(folder)], SCHEMA, return_state=True)
    with pytest.raises(FilesNotLoaded, match=r"1 of 60 files are not loaded: \S+f30.csv, line 3: 1 fields"):
        state.result()
    flow_run_id = state.state_details.flow_run_id
    assert flow_run_id is not None
    until(lambda: batches_that_failed(flow_run_id) == 1)
    assert len(loaded(stack)) == 59
    assert "f30" not in loaded(stack)


def test_an_error_of_any_kind_is_that_of_its_file_alone(
    stack: Stack, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_typed = typed_csv.load_typed

    def fail(transaction: Any, path: Path, name: str, watch: Any, options: Any) -> object:
        if name == "f30":
            "日".encode("latin-1")
        if name == "f31":
            raise FileNotFoundError(errno.ENOENT, "No such file", str(path))
        return load_typed(transaction, path, name, watch, options)

    monkeypatch.setattr(load_files, "load_typed", fail)
    with pytest.raises(FilesNotLoaded, match=r"^2 of 60 files are not loaded: ") as caught:
        load_csv_files([str(folder)], SCHEMA, batch_size=60)
    [first, second] = [outcome.error for outcome in caught.value.outcomes if outcome.error]
    assert first.startswith(f"{folder}/f30.csv: 'latin-1' codec can't encode character")
    assert second.startswith(f"{folder}/f31.csv: [Errno 2] No such file")
    assert len(loaded(stack)) == 58


FORMATS = {
    "plain": ("utf-8", 'town,n,note\r\nZürich,1.5,"a;b"\nKöln,2,""\n,,\n\n'),
    "german": ("cp1252", 'town;n;note\nZürich;1,5;"a;b"\nKöln;2;""\n;;\n'),
    "tabs": ("utf-16", 'town\tn\tnote\nZürich\t1,5\ta;b\nKöln\t2\t""\n\t\t\n'),
}
ROWS = [("Zürich", "1.5", "a;b"), ("Köln", "2", ""), (None, None, None)]


def test_files_of_other_formats_have_the_same_rows_in_every_database(stack: Stack, tmp_path: Path) -> None:
    stack.query(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    for name, (encoding, text) in FORMATS.items():
        (tmp_path / f"{name}.csv").write_bytes(text.encode(encoding))
    SqlAlchemyConnector(connection_info=f"sqlite:///{tmp_path / 'db'}").save("formats", overwrite=True)
    for database in ("database", "formats"):
        outcomes = load_csv_files([str(tmp_path)], SCHEMA, database=database)
        assert {outcome.table: outcome.read_as for outcome in outcomes} == {
            "plain": "",
            "german": "semicolons, decimal commas, cp1252",
            "tabs": "tabs, decimal commas, utf-16",
        }
    with sqlite3.connect(tmp_path / "db") as in_sqlite:
        for name in FORMATS:
            assert stack.query(f"SELECT town, n::text, note FROM {SCHEMA}.{name}") == ROWS
            assert in_sqlite.execute(f"SELECT town, n, note FROM {SCHEMA}_{name}").fetchall() == ROWS
    artifact = Artifact.get("loaded-files")
    assert artifact is not None
    assert "tabs, decimal commas, utf-16" in str(artifact.data)


def test_what_cannot_be_read_is_refused_before_anything_is_loaded(stack: Stack, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"a\.csv: a named pipe, not a regular file"):
        load_csv_files([str(tmp_path)], SCHEMA)
    with pytest.raises(InputError, match="encoding 'klingon': no such encoding"):
        load_csv_files([str(tmp_path)], SCHEMA, encoding="klingon")


def test_a_file_whose_name_is_not_utf_8_is_loaded_and_named(stack: Stack, tmp_path: Path) -> None:
    stack.query(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    for name, text in ((b"sound-\xff.csv", "n\n1\n"), (b"torn-\xff.csv", "n\n1,2\n")):
        (tmp_path / os.fsdecode(name)).write_text(text)
    with pytest.raises(FilesNotLoaded) as caught:
        load_csv_files([str(tmp_path)], SCHEMA)
    assert str(caught.value).startswith(
        f"1 of 2 files are not loaded: {tmp_path}/torn-\\udcff.csv, line 2: 2 fields"
    )
    assert stack.query(f"SELECT file, rows FROM {SCHEMA}.loaded_files") == [
        (f"{tmp_path}/sound-\\udcff.csv", 1)
    ]


@pytest.mark.parametrize("database", ["is there again at the end", "stays away"])
def test_a_batch_that_crashed_tells_what_its_notes_hold(
    stack: Stack, folder: Path, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    load_typed, find = typed_csv.load_typed, PostgresTransaction.find
    asked: list[object] = []

    def lose_one(transaction: Any, path: Path, name: str, watch: Any, options: Any) -> object:
        if name == "f30":
            raise psycopg2.OperationalError("connection lost")
        return load_typed(transaction, path, name, watch, options)

    def away_after_the_first(self: PostgresTransaction, *arguments: Any) -> list[tuple[Any, ...]]:
        asked.append(arguments)
        at_the_end = task_run.get_task_name() == "read_notes"
        if len(asked) > 1 and (not at_the_end or database == "stays away"):
            raise psycopg2.OperationalError("no database")
        return find(self, *arguments)

    monkeypatch.setattr(load_files, "load_typed", lose_one)
    monkeypatch.setattr(PostgresTransaction, "find", away_after_the_first)
    with pytest.raises(FilesNotLoaded) as caught:
        load_csv_files([str(folder)], SCHEMA, batch_size=60, max_unreachable=1)
    assert len(loaded(stack)) == 30
    told = {outcome.table: outcome.rows for outcome in caught.value.outcomes if not outcome.error}
    if database == "stays away":
        assert str(caught.value).startswith("60 of 60 files are not known to be loaded (a retry loads those")
        assert told == {}
    else:
        assert str(caught.value).startswith(
            f"30 of 60 files are not loaded: {folder}/f30.csv: No answer for "
        )
        assert told == loaded(stack)


class _Terminated(BaseException):
    """What the process does with a SIGTERM once the flow run has ended."""


@pytest.fixture
def sigterm_is_raised() -> Iterator[None]:
    def handle(_: int, __: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, handle)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("sigterm_is_raised")
def test_after_a_sigterm_the_files_in_hand_end_and_no_other_is_begun(
    stack: Stack, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_typed, cancel_all = typed_csv.load_typed, ThreadPoolTaskRunner.cancel_all
    begun: list[str] = []
    left = Event()
    main = main_thread().ident or 0
    both = Barrier(2, action=lambda: signal.pthread_kill(main, signal.SIGTERM), timeout=60)

    def load_once_the_flow_is_left(
        transaction: Any, path: Path, name: str, watch: Any, options: Any
    ) -> object:
        begun.append(name)
        if not left.is_set():
            both.wait()
            assert left.wait(60)
        return load_typed(transaction, path, name, watch, options)

    def leave(runner: ThreadPoolTaskRunner[Any]) -> None:
        left.set()
        cancel_all(runner)

    monkeypatch.setattr(load_files, "load_typed", load_once_the_flow_is_left)
    monkeypatch.setattr(ThreadPoolTaskRunner, "cancel_all", leave)
    with pytest.raises(_Terminated):
        load_csv_files([str(folder)], SCHEMA, batch_size=20, concurrency=2)
    assert sorted(loaded(stack)) == sorted(begun)
    assert len(begun) == 2
    shown: Any = Artifact.get("load-progress")
    assert shown.data == pytest.approx(100 * 2 / 60, abs=0.1)


def test_a_connection_that_is_cut_in_the_middle_costs_a_retry_of_what_is_missing(
    stack: Stack, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "f30.csv").write_text("n\n" + "1\n" * 300_000)
    opened: list[str] = []
    load_typed = typed_csv.load_typed

    def load_and_be_cut(
        transaction: object, path: Path, name: str, watch: object, options: CsvOptions
    ) -> object:
        opened.append(name)

        def cut(size: int) -> None:
            if opened.count("f30") == 1:
                stack.query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%%f30%%'"
                )

        return load_typed(transaction, path, name, cut if name == "f30" else watch, options)  # type: ignore[arg-type]

    monkeypatch.setattr(load_files, "load_typed", load_and_be_cut)
    outcomes = load_csv_files([str(folder)], SCHEMA, batch_size=60)
    assert {outcome.table for outcome in outcomes if outcome.error} == set()
    assert stack.query(f"SELECT count(*) FROM {SCHEMA}.f30") == [(300_000,)]
    assert len(loaded(stack)) == 60
    assert opened.count("f30") == 2
    assert {opened.count(f"f{number:02}") for number in range(30)} == {1}


def test_a_process_that_is_killed_leaves_nothing_half_done_and_its_retry_loads_the_rest(
    stack: Stack, folder: Path
) -> None:
    rows = 3_000_000
    (folder / "f59.csv").write_text("n\n" + "1\n" * rows)
    copying = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY%%f59%%'"
    first = f"SELECT '{SCHEMA}.f00'::regclass::oid"
    flow_run_id = create_flow_run(
        load_csv_files, files=[str(folder)], target_schema=SCHEMA, batch_size=60, concurrency=1
    )
    with flow_process(flow_run_id) as process:
        until(lambda: stack.query(copying) == [(1,)])
        kill(process)
    until(lambda: stack.query(copying) == [(0,)])
    assert sorted(loaded(stack)) == [f"f{number:02}" for number in range(59)]
    assert stack.query("SELECT to_regclass(%s)", f"{SCHEMA}.f59") == [(None,)]
    before = stack.query(first)
    press_retry(flow_run_id)
    assert run(flow_run_id) == "COMPLETED"
    assert stack.query(f"SELECT count(*) FROM {SCHEMA}.f59") == [(rows,)]
    assert len(loaded(stack)) == 60
    assert stack.query(first) == before


def test_a_late_surprise_is_noted_and_no_value_changes(stack: Stack, folder: Path) -> None:
    path = folder / "late.csv"
    path.write_text("n,d\n" + "1,2026-11-21\n" * 200_000 + "0.1000000000000000055,01/02/03\n")
    [outcome] = load_csv_files([str(path)], SCHEMA)
    assert outcome.rows == 200_001
    last = stack.query(f"SELECT n::text, d FROM {SCHEMA}.late WHERE n < 1")
    assert last == [("0.1000000000000000055", "01/02/03")]


def test_the_slots_of_a_concurrency_limit_are_honoured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def make_limit() -> UUID:
        async with get_client() as client:
            from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate

            return await client.create_global_concurrency_limit(
                GlobalConcurrencyLimitCreate(name="one-connection", limit=1)
            )

    async def read_limit() -> GlobalConcurrencyLimit:
        async with get_client() as client:
            return await client.read_global_concurrency_limit_by_name("one-connection")  # type: ignore[return-value]

    asyncio.run(make_limit())
    at_once, most = [0], [0]
    load = load_files._load

    def counted(*arguments: object) -> object:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        try:
            return load(*arguments)  # type: ignore[arg-type]
        finally:
            at_once[0] -= 1

    monkeypatch.setattr(load_files, "_load", counted)
    load_csv_files([str(folder / "f0*.csv")], SCHEMA, concurrency=4, concurrency_limit="one-connection")
    assert most == [1]
    assert asyncio.run(read_limit()).active_slots == 0
