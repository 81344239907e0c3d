"""The steps of the renewable analysis, as tasks."""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import psycopg2
from prefect import get_run_logger, task
from prefect.artifacts import create_image_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff
from psycopg2 import sql

from blocks.staging import StagingArea
from blocks.warehouse import (
    copy_csv_in,
    copy_csv_out,
    create_schema,
    create_table,
    drop_schema,
    fetch_all,
    identifiers,
    warehouse_cursor,
)

from .chart_process import ChartProcess
from .checked_csv import CheckedCsv
from .sources import KEY_COLUMNS, SHARES, InputError, ShareFile, find_fault

COMBINED = "SHW%"
RESULT_COLUMNS = (*KEY_COLUMNS, *SHARES, COMBINED)
RESULT_TABLE = "transformed"
SUBSET_FOLDER = "country_subset"
RESULT_FOLDER = "transformed_data"
BEGUN = "begun"
"""Name of the note; it comes before those of the folders, so that it is the first to be removed."""

_KEY_TYPES = {"Entity": "text NOT NULL", "Code": "text", "Year": "integer NOT NULL"}
# NaN, the infinities, and what is infinite to Spark's double: numeric to PostgreSQL, but no shares. NaN sorts
# above all (docs: numeric types).
_SHARE_TYPE = f"numeric CHECK (abs({{column}}) <= {sys.float_info.max})"


@dataclass(frozen=True)
class RunScope:
    """What belongs to one flow run alone, and is removed at its end.

    Attributes:
        database: Name of the database block.
        schema: Schema that holds the run's tables.
        bucket: Name of the bucket block.
        prefix: Prefix of the objects that the run stages.
        staging_uri: URI of that prefix.
        staged_since: When the run began to stage what is there.
    """

    database: str
    schema: str
    bucket: str
    prefix: str
    staging_uri: str = ""
    staged_since: datetime | None = None

    @property
    def staging(self) -> StagingArea:
        """The objects of the run."""
        return StagingArea.load(self.bucket, self.prefix)

    def uri(self, folder: str) -> str:
        """URI of a folder of the run."""
        return f"{self.staging_uri}/{folder}"


@dataclass(frozen=True)
class Selection:
    """A table with selected rows.

    Attributes:
        table: Name of the table in the run's schema.
        rows: Number of rows.
    """

    table: str
    rows: int


def _may_succeed_later(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether an error is one of those that pass: a lost connection, a busy storage, a full disk."""
    from botocore.exceptions import BotoCoreError, ClientError
    from sqlalchemy.exc import InterfaceError, OperationalError

    error = state.result(raise_on_failure=False)
    lost = (psycopg2.OperationalError, psycopg2.InterfaceError, OperationalError, InterfaceError)
    passing = (*lost, BotoCoreError, ClientError, OSError)
    return isinstance(error, passing) and not isinstance(error, FileNotFoundError | PermissionError)


# A step that was done by an attempt before this one must be done again: its schema and files are gone.
STEP_OPTIONS: dict[str, Any] = {
    "cache_policy": NO_CACHE,
    "retries": 2,
    "retry_delay_seconds": exponential_backoff(backoff_factor=1),
    "retry_condition_fn": _may_succeed_later,
}


@task(name="prepare_run", **STEP_OPTIONS)
def prepare_run(scope: RunScope) -> RunScope:
    """Make the run's schema, and note in the bucket when the run began to stage.

    A run that failed removed what it had staged, with that note: its retry writes another one, and what
    Databricks made of the old files counts no more. A run that was killed did not: the note is still there,
    and so may be the result.

    Returns:
        The scope, with the place and the time.
    """
    with warehouse_cursor(scope.database) as cursor:
        create_schema(cursor, scope.schema)
    staging = scope.staging
    if BEGUN not in staging.names():
        staging.upload(BEGUN, lambda stream: stream.write(b"staged here\n"))
    return replace(scope, staging_uri=staging.uri(), staged_since=staging.written_at(BEGUN))


@task(name="load_csv", task_run_name="load_csv-{file.table}", **STEP_OPTIONS)
def load_csv(file: ShareFile, scope: RunScope) -> str:
    """Load a CSV file into a table of the run.

    Returns:
        The name of the table.

    Raises:
        InputError: A record cannot be used; names file, line and column.
    """
    columns = {name: _KEY_TYPES.get(name, _SHARE_TYPE) for name in file.columns}
    try:
        with warehouse_cursor(scope.database) as cursor, CheckedCsv(file.path) as stream:
            create_table(cursor, scope.schema, file.table, columns)
            rows = copy_csv_in(cursor, scope.schema, file.table, file.columns, stream)
            duplicate = _find_duplicate(cursor, scope.schema, file.table)
            if (stream.suspicious or duplicate) and (fault := find_fault(file, duplicate)):
                raise fault
    except (psycopg2.DataError, psycopg2.IntegrityError) as error:
        raise find_fault(file) or InputError(f"{file.path}{_reason(error)}") from error
    get_run_logger().info("%s: %s rows from %s", file.share, rows, file.path)
    return file.table


@task(name="select_countries", task_run_name="select_countries-{table}", **STEP_OPTIONS)
def select_countries(table: str, scope: RunScope, countries: Sequence[str] | None) -> Selection:
    """Select the rows of the chosen countries, all rows if none are given, into another table of the run."""
    selected = f"selected_{table}"
    target, source = sql.Identifier(scope.schema, selected), sql.Identifier(scope.schema, table)
    query = sql.SQL("CREATE TABLE {} AS SELECT * FROM {}").format(target, source)
    if countries is not None:
        query += sql.SQL(' WHERE "Entity" = ANY(%s)')
    with warehouse_cursor(scope.database) as cursor:
        cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(target))
        cursor.execute(query, None if countries is None else (list(countries),))
        rows = cursor.rowcount
    get_run_logger().info("%s: %s rows selected", table, rows)
    return Selection(selected, rows)


@task(name="export_table", task_run_name="export_table-{name}", **STEP_OPTIONS)
def export_table(table: str, name: str, scope: RunScope) -> int:
    """Stream a table into `country_subset/<name>.csv` of the run.

    Returns:
        The number of rows.
    """
    query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(scope.schema, table))

    def write(stream: IO[bytes]) -> int:
        with warehouse_cursor(scope.database) as cursor:
            return copy_csv_out(cursor, query, stream)

    rows = scope.staging.upload(f"{SUBSET_FOLDER}/{name}.csv", write)
    get_run_logger().info("%s rows to %s", rows, scope.uri(f"{SUBSET_FOLDER}/{name}.csv"))
    return rows


@task(name="delete_intake_files", **STEP_OPTIONS)
def delete_intake_files(scope: RunScope) -> int:
    """Remove what the notebooks read.

    Returns:
        The number of objects removed.
    """
    return scope.staging.delete(SUBSET_FOLDER)


@task(name="list_result_files", **STEP_OPTIONS)
def list_result_files(scope: RunScope, folder: str) -> list[str]:
    """List the part files that Spark wrote, and make the table that they go to."""
    columns = {name: _KEY_TYPES.get(name, "double precision") for name in RESULT_COLUMNS}
    with warehouse_cursor(scope.database) as cursor:
        create_table(cursor, scope.schema, RESULT_TABLE, columns, key=("Entity", "Year"))
    return [name for name in scope.staging.names(folder) if name.endswith(".csv")]


@task(name="load_result", task_run_name="load_result-{name}", **STEP_OPTIONS)
def load_result(name: str, scope: RunScope) -> int:
    """Stream one part file of the result into the database.

    Returns:
        The number of rows.
    """
    with warehouse_cursor(scope.database) as cursor:
        return copy_csv_in(cursor, scope.schema, RESULT_TABLE, RESULT_COLUMNS, scope.staging.open(name))


@task(name="publish_result", **STEP_OPTIONS)
def publish_result(scope: RunScope, expected_rows: int, table_path: Path) -> None:
    """Merge the result into the table `renewable_share`, which stays, and write it as a CSV file.

    Args:
        scope: The run.
        expected_rows: As many rows as the notebook counted.
        table_path: The CSV file.

    Raises:
        ValueError: The rows that arrived are not as many as the notebook counted; nothing is published.
    """
    source = sql.Identifier(scope.schema, RESULT_TABLE)
    ordered = sql.SQL('SELECT {} FROM {} ORDER BY "Entity" COLLATE "C", "Year"').format(
        identifiers(RESULT_COLUMNS), source
    )
    with warehouse_cursor(scope.database) as cursor:
        [(rows,)] = fetch_all(cursor, sql.SQL("SELECT count(*) FROM {}").format(source))
        if rows != expected_rows:
            raise ValueError(f"The notebook counted {expected_rows} rows and {rows} arrived.")
        _merge_into_renewable_share(cursor, source)
        with table_path.open("wb") as stream:
            copy_csv_out(cursor, ordered, stream)
    get_run_logger().info("%s rows in renewable_share", rows)


@task(name="create_graph", cache_policy=NO_CACHE)
def create_graph(charting: ChartProcess, table_path: Path, chart_path: Path) -> None:
    """Draw the chart and show it on the run's page in the Prefect UI."""
    title = charting.draw(table_path, chart_path)
    image = base64.b64encode(chart_path.read_bytes()).decode()
    create_image_artifact(image_url=f"data:image/png;base64,{image}", key="shw", description=title)


@task(name="cleanup", **STEP_OPTIONS)
def cleanup(scope: RunScope) -> None:
    """Remove the run's schema and all that it staged."""
    with warehouse_cursor(scope.database) as cursor:
        drop_schema(cursor, scope.schema)
    StagingArea.load(scope.bucket, scope.prefix).delete()


def _reason(error: psycopg2.Error) -> str:
    """Where and why PostgreSQL refuses a file, in its words."""
    message = (error.diag.message_primary or str(error)).strip()
    if "newline found" in message or "carriage return found" in message:
        message += "; save the file with one kind of line ends"
    # The context reads like `COPY solar, line 3, column Year: "x"`.
    where = re.search(r", line \d+(, column [^:]+)?", error.diag.context or "")
    return f"{where[0] if where else ''}: {message}"


def _find_duplicate(cursor: Any, schema: str, table: str) -> tuple[str, int] | None:
    query = 'SELECT "Entity", "Year" FROM {} GROUP BY "Entity", "Year" HAVING count(*) > 1 LIMIT 1'
    rows = fetch_all(cursor, sql.SQL(query).format(sql.Identifier(schema, table)))
    return (rows[0][0], rows[0][1]) if rows else None


def _merge_into_renewable_share(cursor: Any, source: sql.Identifier) -> None:
    # One writer at a time: two would race to create the table, or lock its rows in another order.
    cursor.execute("SELECT pg_advisory_xact_lock(hashtext('renewable_share'))")
    cursor.execute(
        """
        CREATE TABLE IF NOT EXISTS renewable_share (
            entity text, year integer, code text,
            solar double precision, hydro double precision, wind double precision, shw double precision,
            PRIMARY KEY (entity, year)
        )
        """
    )
    # Rows that are the same already are left alone, so that a second run changes nothing.
    cursor.execute(
        sql.SQL(
            """
            INSERT INTO renewable_share AS kept (entity, code, year, solar, hydro, wind, shw)
            SELECT {columns} FROM {source}
            ON CONFLICT (entity, year) DO UPDATE
            SET (code, solar, hydro, wind, shw)
                = (excluded.code, excluded.solar, excluded.hydro, excluded.wind, excluded.shw)
            WHERE (kept.code, kept.solar, kept.hydro, kept.wind, kept.shw)
                IS DISTINCT FROM (excluded.code, excluded.solar, excluded.hydro, excluded.wind, excluded.shw)
            """
        ).format(columns=identifiers(RESULT_COLUMNS), source=source)
    )
