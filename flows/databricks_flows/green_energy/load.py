"""The flow `load_green_energy`: the CSV files of a folder, through the storage, into tables of Databricks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from databricks_blocks.run_log import telling_the_story
from databricks_blocks.sql.texts.schema import csv_table
from databricks_blocks.sql_warehouse import WAREHOUSE_BLOCK
from databricks_blocks.staging.area import STAGING_BLOCK
from prefect import flow, get_run_logger
from pydantic import Field

from databricks_flows.green_energy.assets import LoadedTable, asset_key, publish_tables
from databricks_flows.green_energy.facility_files import (
    DATA_DIRECTORY,
    TableFiles,
    find_table_files,
    known_type,
)
from databricks_flows.green_energy.place import CATALOG, SCHEMA, Place
from databricks_flows.job.cancelling import cancel_databricks_runs
from databricks_flows.shared.patience import MAX_UNREACHABLE
from databricks_flows.shared.progress import Steps
from databricks_flows.shared.run_names import named
from databricks_flows.shared.telling import Sender
from databricks_flows.tasks.copy_into import copy_into
from databricks_flows.tasks.sql import databricks_sql
from databricks_flows.tasks.upload_files import upload_files
from databricks_flows.tasks.uploads import UploadedFile

STEPS = ("upload_files", "copy_into", "publish_tables")


@flow(
    name="load-green-energy",
    flow_run_name=named(lambda parameters: f"into {parameters['catalog']}.{parameters['schema_name']}"),
    on_cancellation=[cancel_databricks_runs],
    on_crashed=[cancel_databricks_runs],
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
        if any(table.rows != 0 for table in loaded):
            await publish_tables(loaded)
    await sender.sent()
    for failed in ended:
        if isinstance(failed, BaseException):
            raise failed
    return loaded


async def _stage(found: TableFiles, place: Place, bucket: str, max_unreachable: float) -> list[UploadedFile]:
    folder = f"{place.catalog}/{place.schema}/{found.table}"
    return await asyncio.to_thread(
        upload_files, found.paths, folder, staging=bucket, max_unreachable=max_unreachable
    )


async def _copy(found: TableFiles, staged: list[UploadedFile], place: Place, force: bool) -> LoadedTable:
    made = await asyncio.to_thread(csv_table, found.paths)
    columns = {name: known_type(found.table, name) or kind for name, kind in made.columns.items()}
    copied = await copy_into(
        place.quoted(found.table),
        staged,
        create_table=columns,
        format_options=made.format_options,
        force=force,
        warehouse=place.warehouse,
    )
    loaded = LoadedTable(
        place.named(found.table),
        asset_key(place.catalog, place.schema, found.table),
        len(staged),
        copied.rows,
        copied.statement_ids,
    )
    get_run_logger().info("%s: %s new rows", loaded.table, "unknown" if loaded.rows is None else loaded.rows)
    return loaded
