"""A task that loads files into a table by `COPY INTO`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from databricks_blocks.csv.faults import InputError
from databricks_blocks.csv.places import places_of
from databricks_blocks.sql.errors import StatementFailed
from databricks_blocks.sql.results import SqlResult
from databricks_blocks.sql.texts.copy_into import CopyInto, Credential, Option, Validate
from databricks_blocks.sql.texts.quoting import quoted_table
from databricks_blocks.sql.texts.schema import casts_text, create_table_text, csv_table
from databricks_blocks.sql_warehouse import WAREHOUSE_BLOCK, SqlWarehouse
from prefect import get_run_logger
from prefect.cache_policies import NO_CACHE
from prefect.states import Cancelled
from prefect.tasks import exponential_backoff
from pydantic import SecretStr

from databricks_flows.ending.endings import CancelledInPrefect
from databricks_flows.job.sync_callable import SyncCallableTask
from databricks_flows.sql.loaded_rows import loaded_rows
from databricks_flows.sql.request import SqlRequest
from databricks_flows.sql.running import run_sql
from databricks_flows.tasks.copy_result import CopyFailed, CopyResult
from databricks_flows.tasks.sql import databricks_sql
from databricks_flows.tasks.uploads import UploadedFile

_CONFLICTS = ("COPY_INTO_DUPLICATED_FILES_COPY_NOT_ALLOWED", "DELTA_CONCURRENT_")
"""Conditions of loads at once: the other one was first, and this one added no row."""
_NO_TABLE = "42P01"
"""SQLSTATE of a table that is not there."""
_LEAST_SECONDS = 0.001
"""Of a statement whose time is over before it began; it is cancelled at once."""


async def _copy_into(
    table: str,
    source: str | Sequence[UploadedFile],
    *,
    files: Sequence[str] | None = None,
    pattern: str = "",
    file_format: str = "CSV",
    format_options: Mapping[str, Option] | None = None,
    copy_options: Mapping[str, Option] | None = None,
    force: bool = False,
    select: str = "",
    validate: Validate = None,
    create_table: bool | Mapping[str, str] = False,
    credential: Credential = "",
    encryption: Mapping[str, str | SecretStr] | None = None,
    warehouse: SqlWarehouse | str = WAREHOUSE_BLOCK,
    catalog: str = "",
    schema: str = "",
    key: str = "",
    timeout_seconds: float | None = None,
) -> CopyResult:
    """Load files into a Delta table by `COPY INTO`. Each file is loaded once.

    The workspace knows a file by its path: one that was loaded is skipped, even if its content has changed
    since. With `force` it is loaded again, and its rows are added to those that are there.

    Map it over tables, with the files of each, and not over files: two loads of one file into one table at
    once conflict.

    Args:
        table: The table: `table`, `schema.table` or `catalog.schema.table`. Any name is quoted; a part with a
            period or a backtick in it has to be given in backticks.
        source: URI of the folder, such as `s3://bucket/in` or `/Volumes/main/elt/in`; or the files of one
            folder, as `upload_files` returned them.
        files: Names of files in the folder; 1,000 go into a statement. An empty list loads nothing. `None`:
            all files of the folder.
        pattern: Glob pattern of names, in place of names, such as `2024-*.csv`.
        file_format: `CSV`, `JSON`, `PARQUET`, `AVRO`, `ORC`, `TEXT` or `BINARYFILE`.
        format_options: How the files are read, such as `{"header": True, "sep": ";"}`.
        copy_options: How they are loaded, such as `{"mergeSchema": True}`.
        force: Load files again that were loaded before.
        select: What each row becomes: the expressions of a SELECT, such as `id, CAST(day AS DATE) AS day`.
        validate: `"all"`, or a number of rows: only check that they can be loaded.
        create_table: Create the table if there is none. `True`: with the columns and types of the local CSV
            files that `upload_files` has uploaded, which also tell how the files are read. Or SQL types by
            the names of the columns: these are loaded, and others left out. Without `select`, the columns of
            CSV files with a header are cast to the types of the table, which Databricks does not do by
            itself; with `mergeSchema` and types by name, only if `inferSchema` or `select` does it.
        credential: What may read the files, if the workspace itself may not: the name of a storage
            credential, or temporary keys by their names, such as `AWS_ACCESS_KEY`. Keys are in no log and no
            error; an external location or a volume needs none.
        encryption: How the files are encrypted, such as `{"TYPE": "AWS_SSE_C", "MASTER_KEY": key}`.
        warehouse: The SQL warehouse, or the name of its block.
        catalog: Catalog of the table, if its name has none; empty for that of the block.
        schema: Schema of the table, if its name has none; empty for that of the block.
        key: Tells calls apart that are equal in all else.
        timeout_seconds: How long all of it may take; then it is cancelled. `None`: as long as it takes.

    Returns:
        How many rows were added.

    Raises:
        InputError: Something cannot be sent as it is given, or a local file cannot be used.
        StatementFailed: A file cannot be loaded; where it is a CSV file that `upload_files` has uploaded, the
            message names its path, line and column. No row of that statement was added. If statements before
            it have loaded other files, it is a `CopyFailed`, whose `copied` tells how many.
        StatementError: The statement did not succeed for another reason.
        DatabricksRunRefused: The workspace does not accept the request.
        DatabricksUnreachable: The workspace did not answer for too long.

    Examples:
        >>> from databricks_flows import copy_into, upload_files
        >>> from prefect import flow
        >>> @flow
        ... def load() -> int | None:
        ...     uploaded = upload_files("data/*.csv", "plants")
        ...     return copy_into("elt.plants", uploaded, create_table=True).rows
    """
    uploaded = None if isinstance(source, str) else list(source)
    created, found_options = await asyncio.to_thread(_table_for, create_table, uploaded)
    read = {**found_options, **(format_options or {})}
    is_typed = _is_typed(file_format, read, {} if create_table is True else copy_options or {})
    copy = CopyInto(
        table,
        source if isinstance(source, str) else _folder_of(uploaded or []),
        file_format,
        _names(files, uploaded),
        pattern,
        select,
        validate,
        read,
        copy_options or {},
        force,
        credential,
        encryption or {},
    )
    if not copy.batches():
        return CopyResult(table, 0, 0, 0)
    _warn_of_replaced(uploaded or [], force)
    asked = partial(SqlRequest, warehouse=warehouse, catalog=catalog, schema=schema, key=key)
    statements = _Statements(asked, timeout_seconds)
    try:
        return await _copied(copy, created, statements, uploaded or [], casts=not (select or is_typed))
    except CancelledInPrefect:
        return cast("CopyResult", Cancelled(message="Cancelled, and its SQL statement as well"))


class _Statements:
    """The statements of a load. They share its time, and each is a call of its own.

    So a retry with other files finds those that are done.
    """

    def __init__(self, asked: Callable[..., SqlRequest], seconds: float | None) -> None:
        self._asked, self._seconds = asked, seconds
        self._began = time.monotonic()

    async def run(self, text: str) -> tuple[SqlResult, SqlRequest]:
        seconds, passed = self._seconds, time.monotonic() - self._began
        left = None if seconds is None else min(seconds, max(seconds - passed, _LEAST_SECONDS))
        request = self._asked(statements=[text], timeout_seconds=left)
        [result] = await run_sql(request)
        return result, request


async def _copied(
    copy: CopyInto,
    created: Mapping[str, str],
    statements: _Statements,
    uploaded: Sequence[UploadedFile],
    *,
    casts: bool,
) -> CopyResult:
    """Make the table, if there is none, and copy a batch of files after the other."""
    done = CopyResult(copy.table, 0, 0, 0)
    try:
        if created:
            columns = await _made(copy.table, created, statements)
            copy = replace(copy, select=casts_text(columns)) if casts else copy
        for files, text in zip(copy.batches(), copy.statements(), strict=True):
            result, request = await statements.run(text)
            rows = 0 if copy.validate is not None else await loaded_rows(copy.table, result, request)
            done = done.with_batch(None if files is None else len(files), rows, result)
    except StatementFailed as failed:
        raise _told(failed, await asyncio.to_thread(_places, failed.message, uploaded), done) from failed
    return done


async def _made(table: str, created: Mapping[str, str], statements: _Statements) -> Mapping[str, str]:
    """Make the table if there is none: who may not make one may still load into one.

    Returns:
        The columns of the files, with the types that the table has for them: those may be other ones than the
        files of today would have.
    """
    try:
        found, _ = await statements.run(f"SELECT * FROM {quoted_table(table)} LIMIT 0")  # noqa: S608 - quoted
    except StatementFailed as failed:
        if failed.sql_state != _NO_TABLE and "TABLE_OR_VIEW_NOT_FOUND" not in failed.message:
            raise
        await statements.run(create_table_text(table, created))
        return created
    columns = (found.manifest.get("schema") or {}).get("columns") or ()
    types = {column["name"].lower(): column["type_text"] for column in columns}
    return {name: types.get(name.lower(), kind) for name, kind in created.items()}


def _table_for(
    create_table: bool | Mapping[str, str], uploaded: Sequence[UploadedFile] | None
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The columns of the table to create, and the options by which its files are read."""
    if not isinstance(create_table, bool):
        return create_table, {}
    if create_table and uploaded is None:
        raise InputError("create_table needs the local files: give what upload_files returned as the source")
    if not create_table or not uploaded:
        return {}, {}
    found = csv_table([Path(file.file) for file in uploaded])
    return found.columns, found.format_options


def _is_typed(
    file_format: str, format_options: Mapping[str, Option], copy_options: Mapping[str, Option]
) -> bool:
    """Whether the columns need no casts: files have types, get them, or their columns are not all known."""
    read = {name.lower(): str(value).lower() for name, value in format_options.items()}
    copied = {name.lower(): str(value).lower() for name, value in copy_options.items()}
    is_text = file_format.upper() == "CSV" and read.get("header") == "true"
    return not is_text or "true" in (read.get("inferschema"), copied.get("mergeschema"))


def _folder_of(uploaded: Sequence[UploadedFile]) -> str:
    folders = {file.uri.removesuffix(file.name).rstrip("/") for file in uploaded}
    if len(folders) > 1:
        raise InputError(
            f"the files are in several folders: {', '.join(sorted(folders))}; load them one by one"
        )
    return next(iter(folders), "nothing")


def _names(files: Sequence[str] | None, uploaded: Sequence[UploadedFile] | None) -> Sequence[str] | None:
    if uploaded is None:
        return files
    if files is not None:
        raise InputError(
            "give the files by their names in `files`, or as upload_files returned them: one of them"
        )
    return [file.name for file in uploaded]


def _warn_of_replaced(uploaded: Sequence[UploadedFile], force: bool) -> None:
    for file in uploaded:
        if file.state == "replaced" and not force:
            get_run_logger().warning(
                "%s was replaced. If it was loaded before, its new rows are not: COPY INTO loads a path once."
                " Give the new file another name, or use force, which keeps the old rows beside the new ones",
                file.uri,
            )


def _places(message: str, uploaded: Sequence[UploadedFile]) -> list[str]:
    return places_of(message, [Path(file.file) for file in uploaded if file.name.lower().endswith(".csv")])


def _told(failed: StatementFailed, places: Sequence[str], done: CopyResult) -> StatementFailed:
    """The error, with the places that it is about before all else, and with what is loaded in spite of it."""
    told = list(places)
    if done.statement_ids:
        rows = "an unknown number of" if done.rows is None else f"{done.rows:,}"
        told.append(f"{done.files:,} other files are loaded, with {rows} new rows")
    message = ": ".join([*filter(None, ["; ".join(told)]), failed.message])
    facts = {
        "statement_id": failed.statement_id,
        "url": failed.url,
        "error_code": failed.error_code,
        "sql_state": failed.sql_state,
    }
    may_retry = failed.may_retry or any(name in failed.message for name in _CONFLICTS)
    if done.statement_ids:
        return CopyFailed(message, copied=done, may_retry=may_retry, **facts)
    return StatementFailed(message, may_retry=may_retry, **facts)


copy_into: SyncCallableTask[Any, Any] = SyncCallableTask(
    _copy_into,
    name="copy-into",
    task_run_name="copy into {table}",
    # A statement that is run again is found by its tag, not by its inputs.
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=exponential_backoff(backoff_factor=2),
    retry_condition_fn=databricks_sql.retry_condition_fn,
)
