"""The flow `load_green_energy`: the CSV files of a folder, through the storage, into tables of Databricks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, cast
from urllib.parse import quote

from databricks_blocks.csv.faults import InputError
from databricks_blocks.errors import DatabricksRunRefused
from databricks_blocks.loading import load_block
from databricks_blocks.run_log import telling_the_story
from databricks_blocks.sql.texts.schema import csv_table
from databricks_blocks.sql_warehouse import WAREHOUSE_BLOCK, SqlWarehouse
from databricks_blocks.staging.area import STAGING_BLOCK
from databricks_blocks.workspace.api_calls import call_api
from databricks_blocks.workspace.polling import outlive
from prefect import flow, get_run_logger
from prefect.exceptions import CancelledRun
from prefect.states import Cancelled
from pydantic import Field

from databricks_flows.ending.endings import CancelledInPrefect
from databricks_flows.green_energy.assets import LoadedTable, asset_key, publish_table
from databricks_flows.green_energy.facility_files import (
    DATA_DIRECTORY,
    TableFiles,
    find_table_files,
    known_type,
)
from databricks_flows.green_energy.failures import raise_failures
from databricks_flows.green_energy.place import CATALOG, SCHEMA, Place
from databricks_flows.job.cancelling import cancel_databricks_runs
from databricks_flows.shared.patience import MAX_UNREACHABLE
from databricks_flows.shared.progress import Steps
from databricks_flows.shared.run_names import named
from databricks_flows.shared.telling import Sender
from databricks_flows.shared.uninterrupted import uninterrupted
from databricks_flows.tasks.copy_into import copy_into
from databricks_flows.tasks.copy_result import CopyFailed, CopyResult
from databricks_flows.tasks.sql import databricks_sql
from databricks_flows.tasks.upload_files import aupload_files
from databricks_flows.tasks.uploads import FilesNotUploaded, UploadedFile

STEPS = ("upload_files", "copy_into")
_SECONDS_AT_THE_END = 10.0
"""For how long a load that is cancelled tries to tell of the rows that it has loaded."""


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
    staging: str = STAGING_BLOCK,
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
        staging: Name of the block of the storage where files are staged: S3 Bucket, Unity Catalog Volume, GCS
            Bucket, Azure Blob Storage Container or Remote File System.
        warehouse: Name of the Databricks SQL Warehouse block.
        max_unreachable: Seconds for which the storage or Prefect may fail to answer.

    Returns:
        The tables, and how much was loaded into each.

    Raises:
        InputError: A file cannot be used; the message names file, line and column. All other tables are
            loaded.
        FilesNotUploaded: Some files are not uploaded; other tables are loaded.
        StatementFailed: A table cannot be made or loaded; all others are.
        TablesNotLoaded: That is so of several tables; the message names each.

    Examples:
        >>> import asyncio
        >>> from databricks_flows import load_green_energy
        >>> [table.table for table in asyncio.run(load_green_energy())]
        ['main.elt.facilityefficiency']
    """
    found = find_table_files(Path(data_directory) if data_directory else DATA_DIRECTORY)
    request = _Request(Place(catalog, schema_name, warehouse), staging, max_unreachable, force)
    try:
        with telling_the_story():
            return await _load(found, request)
    except (CancelledInPrefect, CancelledRun):
        return cast("list[LoadedTable]", Cancelled(message="Cancelled, and its SQL statements as well"))


@dataclass(frozen=True)
class _Request:
    """What a flow run is asked for.

    Attributes:
        place: Where the tables are.
        staging: Name of the block of the storage.
        max_unreachable: Seconds for which a service may fail to answer.
        force: Whether files are loaded again.
    """

    place: Place
    staging: str
    max_unreachable: float
    force: bool


async def _load(found: Sequence[TableFiles], request: _Request) -> list[LoadedTable]:
    """Load each table. What is wrong with one holds back no other one."""
    sender = Sender()
    steps = Steps(STEPS, sender)
    staged: list[tuple[TableFiles, list[UploadedFile]]] = []
    failures: list[BaseException] = []
    async with steps.step("upload_files", sum(len(files.paths) for files in found)):
        for files in found:
            try:
                staged.append((files, await _stage(files, request)))
            except (InputError, FilesNotUploaded) as error:
                failures.append(error)
    ended: list[LoadedTable | BaseException] = []
    if staged:
        async with steps.step("copy_into", len(staged)):
            await _make_schema(request.place)
            copies = [_load_table(files, uploaded, request) for files, uploaded in staged]
            ended = await asyncio.gather(*copies, return_exceptions=True)
    await sender.sent()
    raise_failures([*failures, *(failed for failed in ended if isinstance(failed, BaseException))])
    return [table for table in ended if isinstance(table, LoadedTable)]


async def _stage(found: TableFiles, request: _Request) -> list[UploadedFile]:
    return await aupload_files(
        found.paths,
        request.place.folder(found.table),
        staging=request.staging,
        max_unreachable=request.max_unreachable,
    )


async def _make_schema(place: Place) -> None:
    """Make the schema if it is not there: who may not make one may still load into one."""
    block = await asyncio.to_thread(load_block, SqlWarehouse, place.warehouse)
    client = await asyncio.to_thread(block.workspace_client)
    path = f"/api/2.1/unity-catalog/schemas/{quote(f'{place.catalog}.{place.schema}', safe='')}"
    try:
        await outlive(partial(asyncio.to_thread, call_api, client, "GET", path))
    except DatabricksRunRefused:
        # It is not there, or not for us to see; what is to be done then, the statement tells.
        await databricks_sql(f"CREATE SCHEMA IF NOT EXISTS {place.quoted()}", warehouse=place.warehouse)


async def _load_table(found: TableFiles, staged: list[UploadedFile], request: _Request) -> LoadedTable:
    """Load a table, and tell of it as soon as it has its rows, whatever becomes of the others."""
    try:
        loaded = await _copy(found, staged, request)
    except CopyFailed as failed:
        await _told(_loaded(found, failed.copied, request), request)
        raise
    await _told(loaded, request)
    return loaded


async def _told(loaded: LoadedTable, request: _Request) -> None:
    if loaded.rows == 0:
        return
    try:
        await publish_table(loaded, request.max_unreachable)
    except asyncio.CancelledError:
        # No other load would tell of these rows. The event has the same id: it comes once.
        await uninterrupted(publish_table(loaded, _SECONDS_AT_THE_END))
        raise


async def _copy(found: TableFiles, staged: list[UploadedFile], request: _Request) -> LoadedTable:
    made = await asyncio.to_thread(csv_table, found.paths)
    columns = {name: known_type(found.table, name) or kind for name, kind in made.columns.items()}
    copied = await copy_into(
        request.place.quoted(found.table),
        staged,
        create_table=columns,
        format_options=made.format_options,
        force=request.force,
        warehouse=request.place.warehouse,
    )
    loaded = _loaded(found, copied, request)
    get_run_logger().info("%s: %s new rows", loaded.table, "unknown" if loaded.rows is None else loaded.rows)
    return loaded


def _loaded(found: TableFiles, copied: CopyResult, request: _Request) -> LoadedTable:
    place = request.place
    return LoadedTable(
        place.named(found.table),
        asset_key(place.catalog, place.schema, found.table),
        copied.files or 0,
        copied.rows,
        copied.statement_ids,
    )
