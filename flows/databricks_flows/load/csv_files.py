"""A flow that loads CSV files, one or thousands, each into a table whose column types fit its content."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from threading import Event
from typing import Annotated, Any, Literal

import psycopg2
from databricks_blocks.csv.faults import InputError
from databricks_blocks.csv.format import CsvOptions, Decimal
from databricks_blocks.csv.typed import load_typed
from databricks_blocks.database.connection import DATABASE_BLOCK
from databricks_blocks.database.tables import Empty
from databricks_blocks.database.transaction import Transactions
from databricks_blocks.run_log import telling_the_story
from databricks_blocks.safe_text import markdown_rows
from prefect import flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture, as_completed
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import Task
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError

from databricks_flows.load.outcomes import FileOutcome, FilesNotLoaded, LoadEnded, LoadInterrupted, settled
from databricks_flows.load.progress import LoadProgress, open_artifact
from databricks_flows.load.scope import NOTES, LoadScope
from databricks_flows.load.sources import Source, check_schema, find_sources
from databricks_flows.shared.batches import Batch, make_batches
from databricks_flows.shared.patience import (
    MAX_UNREACHABLE,
    end_patience,
    having_patience,
    is_unreachable,
    patient,
)
from databricks_flows.shared.retries import STEP_OPTIONS, is_transient
from databricks_flows.shared.run_names import named
from databricks_flows.shared.telling import tell


def _may_succeed_later(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, LoadInterrupted) or is_transient(error)


@flow(name="load-csv-files", flow_run_name=named(lambda parameters: f"into {parameters['target_schema']}"))
def load_csv_files(
    files: Annotated[list[str], Field(min_length=1)],
    target_schema: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")] = "csv_files",
    batch_size: Annotated[int, Field(ge=0)] = 0,
    concurrency: Annotated[int, Field(ge=1, le=64)] = 4,
    concurrency_limit: str = "",
    database: str = DATABASE_BLOCK,
    delimiter: Literal["auto", ",", ";", "\t", "tab", "|"] = "auto",
    decimal: Decimal = "auto",
    encoding: str = "auto",
    empty: Empty = "text",
    max_unreachable: Annotated[float, Field(ge=0)] = MAX_UNREACHABLE,
) -> list[FileOutcome]:
    r"""Load CSV files into the database, each into its own table, with column types that fit its content.

    A file is loaded whole or not at all. A file that cannot be used does not stop the others. A retry of the
    run loads the files that are missing.

    Args:
        files: Files, folders and patterns such as data/2026-*.csv, on the machine that runs the flow.
        target_schema: Schema of the tables; it is created if it does not exist. In databases other than
            PostgreSQL, the names of the tables begin with it. Tables with the same names are replaced.
        batch_size: Files that one task run loads, at most. 0: one, and with more than 50 files up to 50.
        concurrency: How many task runs there are at a time, each with one connection to the database.
        concurrency_limit: Name of a global concurrency limit of Prefect; each task run takes a slot of it.
        database: Name of the SQLAlchemy Connector block.
        delimiter: What separates fields. auto: found by the first records; commas come first.
        decimal: What separates the decimals of numbers. auto: a comma where something else separates the
            fields, numbers such as 1,5 are there, and none such as 1.5. Numbers with thousands separators
            are texts.
        encoding: Such as utf-8, cp1252 or cp1251. auto: UTF-8, UTF-16 and UTF-32 are found by their bytes;
            else it is cp1252, the Western European one. What does not look Western European is refused.
        empty: What two quotes with nothing between them are in a column of texts: text, the empty text, or
            null, no value. An empty field without quotes is no value.
        max_unreachable: Seconds for which the database may fail to answer.

    Returns:
        What happened to each file: its table, its number of rows, and how it is written if it is not plain.

    Raises:
        InputError: There is no such file or encoding, a file is a pipe or a device, two files would have the
            same table, or the schema is one that the database keeps for itself.
        FilesNotLoaded: Some files are not loaded, or it is not known; all others are.

    Examples:
        >>> from pathlib import Path
        >>> from databricks_flows import load_csv_files
        >>> written = Path("measurements.csv").write_text("day,value\n2026-11-27,1.5\n")
        >>> [loaded] = load_csv_files(["measurements.csv"], target_schema="sensors")
        >>> loaded.table, loaded.rows
        ('measurements', 1)
    """
    check_schema(target_schema)
    options = CsvOptions("\t" if delimiter == "tab" else delimiter, decimal, encoding, empty)
    options.check()
    sources = find_sources(files, reserved=NOTES.name)
    scope = LoadScope(flow_run.id or "", database, target_schema, concurrency_limit)
    with telling_the_story(), having_patience(max_unreachable):
        outcomes = _load_sources(sources, scope, options, concurrency, batch_size)
    if any(outcome.error for outcome in outcomes):
        raise FilesNotLoaded(outcomes)
    return outcomes


def _load_sources(
    sources: Sequence[Source], scope: LoadScope, options: CsvOptions, concurrency: int, batch_size: int
) -> list[FileOutcome]:
    _prepare(scope)
    progress = LoadProgress(
        [source.path for source in sources],
        open_artifact(f"{len(sources)} CSV files, by their bytes"),
        get_run_logger(),
    )
    batches = make_batches({source.table: source for source in sources}, concurrency, batch_size)
    try:
        outcomes = _load_batches(batches, scope, progress, concurrency, options)
    finally:
        progress.close()
    if any(outcome.in_doubt for outcome in outcomes):
        outcomes = _ask_notes(outcomes, scope)
    _show(outcomes)
    return outcomes


@task(name="prepare_load", **STEP_OPTIONS)
@patient
def _prepare(scope: LoadScope) -> None:
    """Create the schema and the table of notes, if they do not exist."""
    with scope.transactions() as begin, begin(scope.schema) as transaction:
        transaction.keep(NOTES)


def _load_batches(
    batches: Sequence[Batch[Source]],
    scope: LoadScope,
    progress: LoadProgress,
    concurrency: int,
    options: CsvOptions,
) -> list[FileOutcome]:
    outcomes: list[FileOutcome] = []
    ending = Event()
    shared = {"scope": scope, "progress": progress, "ending": ending, "options": options}
    with ThreadPoolTaskRunner[list[FileOutcome]](max_workers=concurrency) as runner:
        try:
            futures: dict[PrefectFuture[Any], Batch[Source]] = {
                runner.submit(load_batch, {**shared, "batch": batch}): batch for batch in batches
            }
            for future in as_completed(list(futures)):
                outcomes += _outcomes(future, futures[future])
        except BaseException:
            # The runner waits for its task runs: after a cancel, none of them may start another file.
            ending.set()
            end_patience()
            raise
    return outcomes


@task(
    name="load_files",
    task_run_name="load_files-{batch.name}",
    **{**STEP_OPTIONS, "retry_condition_fn": _may_succeed_later},
)
@patient
def load_batch(
    batch: Batch[Source], scope: LoadScope, progress: LoadProgress, ending: Event, options: CsvOptions
) -> list[FileOutcome]:
    """Load the files of a batch that this run has not loaded yet, each in its own transaction.

    Args:
        batch: The files.
        scope: Where they are loaded to.
        progress: Is told how many bytes have been read.
        ending: Is set when the flow run ends.
        options: How the files are read.

    Returns:
        What happened to each file.

    Raises:
        LoadInterrupted: A file is not loaded because of a transient error.
        FilesNotLoaded: A file cannot be used; the others of the batch are loaded.
        LoadEnded: The flow run ended before all files were started.
    """
    outcomes: list[FileOutcome] = []
    with scope.transactions() as begin:
        loaded = scope.loaded(begin)
        for source in batch.files:
            if ending.is_set():
                raise LoadEnded(
                    f"the run was ended after {len(outcomes)} of {len(batch.files)} files of the batch"
                )
            if source.table in loaded:
                outcomes.append(FileOutcome(source.name, source.table, loaded[source.table]))
            else:
                outcomes.append(_try_to_load(source, scope, begin, progress, options))
            progress.done(source.path)
    if any(outcome.in_doubt for outcome in outcomes):
        raise LoadInterrupted(outcomes)
    if any(outcome.error for outcome in outcomes):
        raise FilesNotLoaded(outcomes)
    return outcomes


def _try_to_load(
    source: Source, scope: LoadScope, begin: Transactions, progress: LoadProgress, options: CsvOptions
) -> FileOutcome:
    try:
        return _load(source, scope, begin, progress, options)
    except (InputError, UnicodeError, OSError, psycopg2.Error, SQLAlchemyError) as error:
        if is_unreachable(error):
            # It is not known whether the last commit was done: the batch begins again, by its notes.
            raise
        outcome = _failure(source, error, in_doubt=is_transient(error))
        get_run_logger().error("%s", outcome.error)
        return outcome


def _load(
    source: Source, scope: LoadScope, begin: Transactions, progress: LoadProgress, options: CsvOptions
) -> FileOutcome:
    with begin(scope.schema) as transaction:
        watch = progress.watch(source.path)
        loaded = load_typed(transaction, source.path, source.table, watch, options)
        transaction.add(NOTES, (scope.run, source.table, loaded.rows, source.name))
    logger = get_run_logger()
    written = str(loaded.format)
    read_as = f", read as {written}" if written else ""
    logger.info("%s: %s rows in %s%s", source.name, loaded.rows, source.table, read_as)
    for widening in loaded.widenings:
        logger.warning(
            "%s: column `%s` is of type %s, not %s as it began, so the file was loaded again",
            f"{source.name}, line {widening.line}",
            widening.column,
            widening.after,
            widening.before or "empty",
        )
    return FileOutcome(source.name, source.table, loaded.rows, read_as=written)


def _failure(source: Source, error: Exception, *, in_doubt: bool) -> FileOutcome:
    reason = " ".join(str(error).split())
    named = reason if isinstance(error, InputError) else f"{source.name}: {reason}"
    return FileOutcome(source.name, source.table, error=named, in_doubt=in_doubt)


def _outcomes(future: PrefectFuture[Any], batch: Batch[Source]) -> list[FileOutcome]:
    result = future.result(raise_on_failure=False)
    if isinstance(result, FilesNotLoaded):
        return result.outcomes
    if isinstance(result, Exception):
        # An earlier attempt of the task run may have loaded some of them.
        return [_failure(source, result, in_doubt=True) for source in batch.files]
    return list(result)


def _ask_notes(outcomes: Sequence[FileOutcome], scope: LoadScope) -> list[FileOutcome]:
    loaded = _read_notes(scope, return_state=True).result(raise_on_failure=False)
    return list(outcomes) if isinstance(loaded, Exception) else settled(outcomes, loaded)


@task(name="read_notes", **STEP_OPTIONS)
@patient
def _read_notes(scope: LoadScope) -> dict[str, int]:
    """Read which files the run has loaded, and their numbers of rows by table."""
    with scope.transactions() as begin:
        return scope.loaded(begin)


def _show(outcomes: Sequence[FileOutcome]) -> None:
    failed = [outcome for outcome in outcomes if outcome.error]
    in_doubt = sum(outcome.in_doubt for outcome in outcomes)
    rows = sum(outcome.rows for outcome in outcomes)
    show = partial(
        create_table_artifact,
        markdown_rows({"file": outcome.file, "error": outcome.error} for outcome in failed)
        or markdown_rows(outcome.as_row() for outcome in outcomes),
        key="loaded-files",
        description=f"{len(outcomes) - len(failed)} of {len(outcomes)} CSV files are loaded, {rows} rows"
        + f"; {in_doubt} others may be" * bool(in_doubt),
    )
    tell("the loaded files", show)
