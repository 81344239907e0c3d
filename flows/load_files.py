"""A flow that loads CSV files, one or thousands, each into a table with types by its content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import psycopg2
from prefect import flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State, TaskRun
from prefect.concurrency.sync import concurrency as slots
from prefect.futures import PrefectFuture, as_completed
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import Task
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError

from blocks.register import DATABASE_BLOCK
from blocks.warehouse import Column, Table, Transactions, open_database

from .batches import Batch, make_batches
from .load_plan import Source, find_sources
from .load_progress import LoadProgress
from .sources import InputError
from .step_options import STEP_OPTIONS, may_pass
from .typed_csv import load_typed

NOTES = Table(
    "loaded_files",
    {
        "run": Column("text", required=True),
        "table": Column("text", required=True),
        "rows": Column("bigint", required=True),
        "file": Column("text", required=True),
    },
    key=("run", "table"),
)
"""What each run has loaded, noted with the file, so that a retry does only what is missing."""
_SHOWN = 5


@dataclass(frozen=True)
class FileOutcome:
    """What became of a file.

    Attributes:
        file: The file.
        table: Its table.
        rows: Number of rows, if it is loaded.
        error: Why it is not, in one line.
    """

    file: str
    table: str
    rows: int = 0
    error: str = ""


class FilesNotLoaded(RuntimeError):
    """Raised when some of the files are not loaded; all others are.

    Attributes:
        outcomes: What became of each file of the batch or of the run.
    """

    def __init__(self, outcomes: Sequence[FileOutcome]) -> None:
        self.outcomes = list(outcomes)
        errors = [outcome.error for outcome in outcomes if outcome.error]
        rest = f"; and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else ""
        super().__init__(
            f"{len(errors)} of {len(outcomes)} files are not loaded: {'; '.join(errors[:_SHOWN])}{rest}"
        )


class LoadInterrupted(FilesNotLoaded):
    """Raised when files of a batch are not loaded for a reason that may pass."""


@dataclass(frozen=True)
class LoadScope:
    """Where a run loads its files to.

    Attributes:
        run: Its id.
        database: Name of the database block.
        schema: Schema of the tables, or what their names begin with.
        limit: Name of a global concurrency limit of Prefect, or nothing.
    """

    run: str
    database: str
    schema: str
    limit: str

    @contextmanager
    def transactions(self) -> Iterator[Transactions]:
        """Open the database, in a slot of the limit."""
        with slots(self.limit or [], strict=True), open_database(self.database) as transactions:
            yield transactions


def _may_succeed_later(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, LoadInterrupted) or may_pass(error)


@flow(name="load-csv-files", flow_run_name="into {target_schema}")
def load_csv_files(
    files: Annotated[list[str], Field(min_length=1)],
    target_schema: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")] = "csv_files",
    batch_size: Annotated[int, Field(ge=0)] = 0,
    concurrency: Annotated[int, Field(ge=1, le=64)] = 4,
    concurrency_limit: str = "",
    database: str = DATABASE_BLOCK,
) -> list[FileOutcome]:
    """Load CSV files into the database, each into a table of its name, with types by its content.

    A file is loaded whole or not at all, and one that cannot be used does not keep the others from being
    loaded. A retry of the run loads what is missing.

    Args:
        files: Files, folders and patterns such as data/2026-*.csv, where the flow runs.
        target_schema: Schema of the tables, made if it is not there; elsewhere than in PostgreSQL what their
            names begin with. Tables of the same names are replaced.
        batch_size: Files that one task run loads, at most; 0 takes one up to 50 files, and then up to 50.
        concurrency: Task runs, and with them connections to the database, at a time.
        concurrency_limit: Name of a global concurrency limit of Prefect, of which each task run takes a slot.
        database: Name of the SQLAlchemy Connector block.

    Raises:
        InputError: There is no such file, or two would have the same table.
        FilesNotLoaded: Some files cannot be used; all others are loaded.
    """
    sources = find_sources(files, reserved=NOTES.name)
    scope = LoadScope(flow_run.id or "", database, target_schema, concurrency_limit)
    _prepare(scope)
    progress = LoadProgress([source.path for source in sources])
    by_table = {source.table: source for source in sources}
    outcomes: list[FileOutcome] = []
    with ThreadPoolTaskRunner[list[FileOutcome]](max_workers=concurrency) as runner:
        futures: dict[PrefectFuture[Any], Batch[Source]] = {
            runner.submit(load_batch, {"batch": batch, "scope": scope, "progress": progress}): batch
            for batch in make_batches(by_table, concurrency, batch_size)
        }
        for future in as_completed(list(futures)):
            outcomes += _outcomes(future, futures[future])
    progress.close()
    _show(outcomes)
    if any(outcome.error for outcome in outcomes):
        raise FilesNotLoaded(outcomes)
    return outcomes


@task(name="prepare_load", **STEP_OPTIONS)
def _prepare(scope: LoadScope) -> None:
    """Make the schema and the table of notes, where they are not there."""
    with scope.transactions() as transaction, transaction(scope.schema) as warehouse:
        warehouse.keep(NOTES)


@task(
    name="load_files",
    task_run_name="load_files-{batch.name}",
    **{**STEP_OPTIONS, "retry_condition_fn": _may_succeed_later},
)
def load_batch(batch: Batch[Source], scope: LoadScope, progress: LoadProgress) -> list[FileOutcome]:
    """Load the files of a batch that this run has not loaded yet, one transaction a file.

    Raises:
        LoadInterrupted: A file is not loaded for a reason that may pass.
    """
    outcomes, again = [], False
    with scope.transactions() as transaction:
        with transaction(scope.schema) as warehouse:
            done = {table: rows for _, table, rows, _ in warehouse.find(NOTES, "run", scope.run)}
        for source in batch.files:
            if source.table in done:
                outcomes.append(FileOutcome(str(source.path), source.table, done[source.table]))
            else:
                try:
                    outcomes.append(_load(source, scope, transaction, progress))
                except (InputError, OSError, psycopg2.Error, SQLAlchemyError) as error:
                    outcomes.append(_failure(source, error))
                    again = again or may_pass(error)
                    get_run_logger().error("%s", outcomes[-1].error)
            progress.done(source.path)
    if again:
        raise LoadInterrupted(outcomes)
    return outcomes


def _load(source: Source, scope: LoadScope, transaction: Transactions, progress: LoadProgress) -> FileOutcome:
    with transaction(scope.schema) as warehouse:
        loaded = load_typed(warehouse, source.path, source.table, progress.watch(source.path))
        warehouse.add(NOTES, (scope.run, source.table, loaded.rows, str(source.path)))
    logger = get_run_logger()
    logger.info("%s: %s rows in %s", source.path, loaded.rows, source.table)
    for widening in loaded.widenings:
        logger.warning(
            "%s: column `%s` is of type %s, not %s as it began, so the file was loaded again",
            f"{source.path}, line {widening.line}",
            widening.column,
            widening.after,
            widening.before or "empty",
        )
    return FileOutcome(str(source.path), source.table, loaded.rows)


def _failure(source: Source, error: Exception) -> FileOutcome:
    reason = " ".join(str(error).split())
    named = reason if isinstance(error, InputError) else f"{source.path}: {reason}"
    return FileOutcome(str(source.path), source.table, error=named)


def _outcomes(future: PrefectFuture[Any], batch: Batch[Source]) -> list[FileOutcome]:
    result = future.result(raise_on_failure=False)
    if isinstance(result, FilesNotLoaded):
        return result.outcomes
    if isinstance(result, Exception):
        return [_failure(source, result) for source in batch.files]
    return list(result)


def _show(outcomes: Sequence[FileOutcome]) -> None:
    failed = [outcome for outcome in outcomes if outcome.error]
    rows = sum(outcome.rows for outcome in outcomes)
    create_table_artifact(
        [{"file": outcome.file, "error": outcome.error} for outcome in failed]
        or [{"file": outcome.file, "table": outcome.table, "rows": outcome.rows} for outcome in outcomes],
        key="loaded-files",
        description=f"{len(outcomes) - len(failed)} of {len(outcomes)} CSV files are loaded, {rows} rows",
    )
