"""The steps of the renewable analysis, as tasks."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO

from databricks_blocks.csv.checked import CheckedCsv
from databricks_blocks.csv.faults import InputError
from databricks_blocks.csv.forms import DECLARED_FORMS
from databricks_blocks.csv.records import Form, MalformedRecord
from databricks_blocks.database.connection import open_transaction
from databricks_blocks.database.tables import Column, RecordRefused, Table
from databricks_blocks.database.transaction import DatabaseTransaction
from databricks_blocks.staging.area import StagingArea, open_staging
from prefect import get_run_logger, task
from prefect.artifacts import create_image_artifact
from prefect.cache_policies import NO_CACHE
from prefect.concurrency.sync import concurrency as slots

from databricks_flows.renewable.chart_process import ChartProcess
from databricks_flows.renewable.share_files import LONGEST_TEXT, SHARES, ShareFile, find_fault
from databricks_flows.shared.batches import Batch
from databricks_flows.shared.retries import STEP_OPTIONS

COMBINED = "SHW%"
SUBSET_FOLDER = "country_subset"
RESULT_FOLDER = "transformed_data"
BEGUN = "begun"
"""Name of the note on the start of staging. It sorts before the folders, so it is removed first."""

KEY = ("Entity", "Year")
_KEYS = {
    "Entity": Column("text", required=True),
    "Code": Column("text"),
    "Year": Column("integer", required=True),
}
# Without a primary key: its index costs three times as much as the load. The keys are counted instead.
RESULT = Table("transformed", _KEYS | dict.fromkeys((*SHARES, COMBINED), Column("double")))
_LOADED = Table(
    "loaded_parts", {"batch": Column("text"), "rows": Column("integer", required=True)}, key=("batch",)
)
"""Which batches are in the result. Each note is written with its batch, so a retry adds no rows twice."""
_SHARED_COLUMNS = ("Entity", "Year", "Code", *SHARES, COMBINED)
_SHARED = Table(
    "renewable_share",
    {"entity": Column("text"), "year": Column("integer"), "code": Column("text")}
    | dict.fromkeys(("solar", "hydro", "wind", "shw"), Column("double")),
    key=("entity", "year"),
)


@dataclass(frozen=True)
class RunScope:
    """The tables and files that belong to one flow run; they are removed at its end.

    Attributes:
        database: Name of the database block.
        schema: Schema of the run's tables; in databases other than PostgreSQL, a prefix of their names.
        bucket: Name of the block of the storage.
        prefix: Prefix of the files that the run stages.
        limit: Name of a global concurrency limit of Prefect, empty for none. Each transaction takes a slot.
        staging_uri: URI of the prefix; known after `prepare_run`.
        staged_since: When the run began to stage the files that are there; known after `prepare_run`.
    """

    database: str
    schema: str
    bucket: str
    prefix: str
    limit: str = ""
    staging_uri: str = ""
    staged_since: datetime | None = None

    @property
    def staging(self) -> StagingArea:
        """The files of the run."""
        return open_staging(self.bucket, self.prefix)

    @contextmanager
    def transaction(self) -> Iterator[DatabaseTransaction]:
        """Open one transaction on the tables of the run."""
        with (
            slots(self.limit or [], strict=True),
            open_transaction(self.database, self.schema) as transaction,
        ):
            yield transaction

    def uri(self, folder: str) -> str:
        """URI of a folder of the run."""
        return f"{self.staging_uri}/{folder}"


@dataclass(frozen=True)
class LoadedShare:
    """A table that holds the records of a file.

    Attributes:
        table: The table.
        records: Number of records of the file.
    """

    table: Table
    records: int


@dataclass(frozen=True)
class Selection:
    """A table that holds selected rows.

    Attributes:
        table: The table.
        rows: Number of rows.
    """

    table: Table
    rows: int


@task(name="prepare_run", **STEP_OPTIONS)
def prepare_run(scope: RunScope) -> RunScope:
    """Make room for the run's tables, and note in the storage when staging began.

    A run that failed has removed its files and the note. Its retry writes a new note, so the results that
    Databricks made of the old files are not used. A run that was killed has removed nothing: the note is
    still there, and the results may be, too.

    Returns:
        The scope, with the URI of its files and the time of the note.
    """
    with scope.transaction() as transaction:
        transaction.begin_run()
    staging = scope.staging
    if BEGUN not in staging.names():
        staging.upload(BEGUN, lambda stream: stream.write(b"staged here\n"))
    return replace(scope, staging_uri=staging.uri(), staged_since=staging.written_at(BEGUN))


@task(name="load_csv", task_run_name="load_csv-{file.table}", **STEP_OPTIONS)
def load_csv(file: ShareFile, scope: RunScope) -> LoadedShare:
    """Load a CSV file into a table of the run.

    Raises:
        InputError: A record cannot be used; the message names file, line and column.
    """
    names = [file.columns[place] for place in file.used]
    table = Table(file.table, {name: _KEYS.get(name, Column("decimal")) for name in names})
    handed_on = file.used if file.ignored else None
    try:
        with (
            scope.transaction() as transaction,
            CheckedCsv(file.path, _forms(file, table), handed_on=handed_on) as stream,
        ):
            transaction.create(table)
            rows = transaction.load_csv(table, stream)
            stream.refuse_misfit()
            duplicate = transaction.find_duplicate(table, KEY)
            if duplicate and (fault := find_fault(file, duplicate)):
                raise fault
    except (RecordRefused, MalformedRecord) as error:
        raise find_fault(file) or InputError(f"{file.path}{error}") from error
    logger = get_run_logger()
    logger.info("%s: %s rows from %s", file.share, rows, file.path)
    if file.ignored:
        ignored = ", ".join(f"`{name}`" for name in file.ignored)
        logger.info("%s: the analysis does not use the columns %s", file.path.name, ignored)
    return LoadedShare(table, stream.records)


def _forms(file: ShareFile, table: Table) -> list[Form]:
    """What a field of each column of the file looks like; any text where the column is not used."""
    forms: list[Form] = [None] * len(file.columns)
    for place, column in zip(file.used, table.columns.values(), strict=True):
        forms[place] = DECLARED_FORMS.get(column.kind, LONGEST_TEXT)
    return forms


@task(name="select_countries", task_run_name="select_countries-{table.name}", **STEP_OPTIONS)
def select_countries(table: Table, scope: RunScope, countries: Sequence[str] | None) -> Selection:
    """Copy the rows of the chosen countries into another table of the run; without countries, all rows."""
    selected = replace(table, name=f"selected_{table.name}")
    with scope.transaction() as transaction:
        rows = transaction.select_into(selected.name, table, "Entity", countries)
    get_run_logger().info("%s: %s rows selected", table.name, rows)
    return Selection(selected, rows)


@task(name="export_table", task_run_name="export_table-{name}", **STEP_OPTIONS)
def export_table(table: Table, name: str, scope: RunScope) -> int:
    """Stream a table to `country_subset/<name>.csv` in the storage.

    Returns:
        The number of rows.
    """

    def write(stream: IO[bytes]) -> int:
        with scope.transaction() as transaction:
            return transaction.write_csv(table, tuple(table.columns), stream)

    rows = scope.staging.upload(f"{SUBSET_FOLDER}/{name}.csv", write)
    get_run_logger().info("%s rows to %s", rows, scope.uri(f"{SUBSET_FOLDER}/{name}.csv"))
    return rows


@task(name="delete_intake_files", **STEP_OPTIONS)
def delete_intake_files(scope: RunScope) -> int:
    """Remove the files that the notebooks have read.

    Returns:
        The number of files that were removed.
    """
    return scope.staging.delete(SUBSET_FOLDER)


@task(name="list_result_files", **STEP_OPTIONS)
def list_result_files(scope: RunScope, folder: str) -> list[str]:
    """List the part files that Spark wrote, and create the table for them."""
    with scope.transaction() as transaction:
        transaction.create(RESULT)
        transaction.create(_LOADED)
    return [name for name in scope.staging.names(folder) if name.endswith(".csv")]


@task(name="load_result", task_run_name="load_result-{part_files.name}", **STEP_OPTIONS)
def load_result(part_files: Batch[str], scope: RunScope) -> int:
    """Stream part files of the result into the database, all of a batch or none.

    Returns:
        The number of rows.
    """
    rows = 0
    staging = scope.staging
    with scope.transaction() as transaction:
        if noted := transaction.find(_LOADED, "batch", part_files.name):
            return int(noted[0][1])
        for name in part_files.files:
            with staging.open(name) as stream:
                rows += transaction.load_csv(RESULT, stream)
        transaction.add(_LOADED, (part_files.name, rows))
    return rows


@task(name="write_result", **STEP_OPTIONS)
def write_result(scope: RunScope, table_path: Path) -> int:
    """Write the result as a CSV file.

    Returns:
        The number of rows.
    """
    with scope.transaction() as transaction, table_path.open("wb") as stream:
        return transaction.write_csv(RESULT, tuple(RESULT.columns), stream, order_by=KEY)


@task(name="publish_result", **STEP_OPTIONS)
def publish_result(scope: RunScope) -> None:
    """Merge the result into the table `renewable_share`, which stays after the run."""
    with scope.transaction() as transaction:
        transaction.merge(RESULT, _SHARED_COLUMNS, _SHARED)
    get_run_logger().info("The result is in renewable_share")


@task(name="create_graph", cache_policy=NO_CACHE)
def create_graph(charting: ChartProcess, table_path: Path, chart_path: Path) -> None:
    """Draw the chart, and show it as an artifact in the Prefect UI."""
    title = charting.draw(table_path, chart_path)
    image = base64.b64encode(chart_path.read_bytes()).decode()
    create_image_artifact(image_url=f"data:image/png;base64,{image}", key="shw", description=title)


@task(name="cleanup", **STEP_OPTIONS)
def cleanup(scope: RunScope) -> None:
    """Remove the run's tables and its files in the storage."""
    with scope.transaction() as transaction:
        transaction.end_run()
    scope.staging.delete()
