"""The steps of the renewable analysis, as tasks."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

from databricks_blocks.csv.checked import CheckedCsv
from databricks_blocks.csv.faults import InputError
from databricks_blocks.csv.forms import DECLARED_FORMS
from databricks_blocks.csv.records import Form, MalformedRecord
from databricks_blocks.database.tables import Column, RecordRefused, Table
from databricks_blocks.safe_text import markdown_text
from prefect import get_run_logger, task
from prefect.artifacts import create_image_artifact
from prefect.cache_policies import NO_CACHE

from databricks_flows.renewable.scope import RunScope, write_note
from databricks_flows.renewable.share_files import LONGEST_TEXT, SHARES, ShareFile, find_fault
from databricks_flows.renewable.staged_note import StagedNote
from databricks_flows.shared.batches import Batch
from databricks_flows.shared.chart_process import ChartProcess
from databricks_flows.shared.patience import patient
from databricks_flows.shared.retries import STEP_OPTIONS
from databricks_flows.shared.telling import tell

COMBINED = "SHW%"
SUBSET_FOLDER = "country_subset"
RESULT_FOLDER = "transformed_data"
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


@task(name="load_csv", task_run_name="load_csv-{file.table}", **STEP_OPTIONS)
@patient
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
@patient
def select_countries(table: Table, scope: RunScope, countries: Sequence[str] | None) -> Selection:
    """Copy the rows of the chosen countries into another table of the run; without countries, all rows."""
    selected = replace(table, name=f"selected_{table.name}")
    with scope.transaction() as transaction:
        rows = transaction.select_into(selected.name, table, "Entity", countries)
    get_run_logger().info("%s: %s rows selected", table.name, rows)
    return Selection(selected, rows)


@task(name="export_table", task_run_name="export_table-{name}", **STEP_OPTIONS)
@patient
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
@patient
def delete_intake_files(scope: RunScope, note: StagedNote) -> int:
    """Remove the files that the notebooks have read.

    Args:
        scope: The files of the run.
        note: The note that names the job that has read them. It is written before anything is removed.

    Returns:
        The number of files that were removed.
    """
    staging = scope.staging
    write_note(staging, note)
    return staging.delete(SUBSET_FOLDER)


@task(name="list_result_files", **STEP_OPTIONS)
@patient
def list_result_files(scope: RunScope, folder: str) -> list[str]:
    """List the part files that Spark wrote, and create the table for them."""
    with scope.transaction() as transaction:
        # Besides the table, this makes the schema, which may be gone when a retry goes on.
        transaction.keep(RESULT)
        transaction.create(RESULT)
        transaction.create(_LOADED)
    return [name for name in scope.staging.names(folder) if name.endswith(".csv")]


@task(name="load_result", task_run_name="load_result-{part_files.name}", **STEP_OPTIONS)
@patient
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
@patient
def write_result(scope: RunScope, table_path: Path) -> int:
    """Write the result as a CSV file.

    Returns:
        The number of rows.
    """
    with scope.transaction() as transaction, table_path.open("wb") as stream:
        return transaction.write_csv(RESULT, tuple(RESULT.columns), stream, order_by=KEY)


@task(name="publish_result", **STEP_OPTIONS)
@patient
def publish_result(scope: RunScope) -> None:
    """Merge the result into the table `renewable_share`, which stays after the run."""
    with scope.transaction() as transaction:
        transaction.merge(RESULT, _SHARED_COLUMNS, _SHARED)
    get_run_logger().info("The result is in renewable_share")


@task(name="create_graph", cache_policy=NO_CACHE)
def create_graph(charting: ChartProcess, table_path: Path, chart_path: Path) -> None:
    """Draw the chart, and show it as an artifact in the Prefect UI."""
    title = charting.draw(str(table_path.resolve()), str(chart_path.resolve()))
    image = base64.b64encode(chart_path.read_bytes()).decode()
    show = partial(
        create_image_artifact,
        image_url=f"data:image/png;base64,{image}",
        key="shw",
        description=markdown_text(title),
    )
    tell("the chart", show)
