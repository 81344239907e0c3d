"""The flow `load_green_energy`: the CSV files of a folder, through the storage, into tables of Databricks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from databricks_blocks.run_log import telling_the_story
from databricks_blocks.sql.copy_into import CopyInto
from databricks_blocks.sql.schema import create_table_text, csv_table
from databricks_blocks.sql_warehouse import WAREHOUSE_BLOCK
from databricks_blocks.staging.area import STAGING_BLOCK, open_staging
from prefect import flow, get_run_logger
from pydantic import Field

from databricks_flows.green_energy.assets import LoadedTable, asset_key, publish
from databricks_flows.green_energy.facility_files import DATA_DIRECTORY, TableFiles, find_table_files
from databricks_flows.green_energy.place import CATALOG, SCHEMA, Place
from databricks_flows.shared.patience import MAX_UNREACHABLE
from databricks_flows.shared.progress import Steps
from databricks_flows.shared.run_names import named
from databricks_flows.shared.telling import Sender
from databricks_flows.tasks.sql import databricks_sql
from databricks_flows.tasks.upload_files import UploadedFile, upload_files

STEPS = ("upload_files", "copy_into", "publish_tables")


@flow(
    name="load-green-energy",
    flow_run_name=named(lambda parameters: f"into {parameters['catalog']}.{parameters['schema_name']}"),
)
async def load_green_energy(
    data_directory: str = "",
    catalog: str = CATALOG,
    schema_name: str = SCHEMA,
    force: bool = False,
    bucket: str = STAGING_BLOCK,
    warehouse: str = WAREHOUSE_BLOCK,
    max_unreachable: Annotated[float, Field(ge=0)] = MAX_UNREACHABLE,
) -> list[LoadedTable]:
    """Load the CSV files of a folder into tables, and tell Prefect which tables have new rows.

    The table of a file has its name up to the first dot. A file that was loaded before is not loaded again,
    even if its content has changed. Each table that got rows is an asset: its event has the number of rows
    and of files, and starts what waits for it.

    Args:
        data_directory: Folder of the CSV files; empty: the packaged file.
        catalog: Catalog of the tables; it has to be there.
        schema_name: Schema of the tables; it is made if it is not there.
        force: Load files again that were loaded before: their rows are added once more.
        bucket: Name of the block of the storage where files are staged: S3 Bucket, Unity Catalog Volume, GCS
            Bucket, Azure Blob Storage Container or Remote File System.
        warehouse: Name of the Databricks SQL Warehouse block.
        max_unreachable: Seconds for which the storage may fail to answer.

    Returns:
        The tables, and how much was loaded into each.

    Raises:
        InputError: A file cannot be used; the message names file, line and column.
        FilesNotUploaded: Some files are not uploaded.
        StatementFailed: A table cannot be made or loaded; all others are.

    Examples:
        >>> import asyncio
        >>> from databricks_flows import load_green_energy
        >>> [table.table for table in asyncio.run(load_green_energy())]
        ['main.elt.facilityefficiency']
    """
    found = find_table_files(Path(data_directory) if data_directory else DATA_DIRECTORY)
    place = Place(catalog, schema_name, warehouse)
    with telling_the_story():
        return await _load(found, place, bucket, max_unreachable, force=force)


async def _load(
    found: Sequence[TableFiles], place: Place, bucket: str, max_unreachable: float, *, force: bool
) -> list[LoadedTable]:
    sender = Sender()
    steps = Steps(STEPS, sender)
    async with steps.step("upload_files", sum(len(files.paths) for files in found)):
        staged = [await _stage(files, place, bucket, max_unreachable) for files in found]
    async with steps.step("copy_into", len(found)):
        await databricks_sql(f"CREATE SCHEMA IF NOT EXISTS {place.quoted()}", warehouse=place.warehouse)
        copies = [_copy(files, source, place, force) for files, source in zip(found, staged, strict=True)]
        ended = await asyncio.gather(*copies, return_exceptions=True)
    loaded = [table for table in ended if isinstance(table, LoadedTable)]
    async with steps.step("publish_tables"):
        # Also if another table failed: its error must not hold back what waits for this one.
        await asyncio.to_thread(publish, loaded)
    await sender.sent()
    for failed in ended:
        if isinstance(failed, BaseException):
            raise failed
    return loaded


@dataclass(frozen=True)
class _Staged:
    """The files of a table in the storage.

    Attributes:
        source: URI of their folder.
        files: The files.
    """

    source: str
    files: list[UploadedFile]


async def _stage(found: TableFiles, place: Place, bucket: str, max_unreachable: float) -> _Staged:
    folder = f"{place.catalog}/{place.schema}/{found.table}"
    uploaded = await asyncio.to_thread(
        upload_files, found.paths, folder, staging=bucket, max_unreachable=max_unreachable
    )
    source = await asyncio.to_thread(lambda: open_staging(bucket, folder).uri())
    return _Staged(source, uploaded)


async def _copy(found: TableFiles, staged: _Staged, place: Place, force: bool) -> LoadedTable:
    table = place.quoted(found.table)
    made = await asyncio.to_thread(csv_table, found.paths)
    await databricks_sql(create_table_text(table, made.columns), warehouse=place.warehouse)
    names = [file.name for file in staged.files]
    copy = CopyInto(table, staged.source, files=names, format_options=made.format_options, force=force)
    rows = 0
    for statement in copy.statements():
        rows += (await databricks_sql(statement, warehouse=place.warehouse)).affected["num_affected_rows"]
    loaded = LoadedTable(
        place.named(found.table),
        asset_key(place.catalog, place.schema, found.table),
        len(names) if rows else 0,
        rows,
    )
    _tell(loaded, staged)
    return loaded


def _tell(loaded: LoadedTable, staged: _Staged) -> None:
    logger = get_run_logger()
    logger.info("%s: %d rows from %d files", loaded.table, loaded.rows, loaded.files)
    changed = [file.name for file in staged.files if file.state == "replaced"]
    if changed and not loaded.rows:
        logger.warning(
            "%s: %s changed since it was loaded, and is not loaded again; with force, its rows would stand "
            "beside the old ones: empty the table before",
            loaded.table,
            ", ".join(changed),
        )
