"""Rows in the place of those of a condition: INSERT … REPLACE WHERE, and the option `replaceWhere`."""

from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.delta.commits import (
    change_metadata,
    commit_info,
    require_removable,
    writing,
)
from databricks_local.runtime.tables.delta.engine_commits import commit_of_engine
from databricks_local.runtime.tables.delta.log import DeltaLog
from databricks_local.runtime.tables.delta.staging import staged, staging
from databricks_local.runtime.tables.doing.definitions import stronger
from databricks_local.runtime.tables.doing.writing import Change, Writer, Written
from databricks_local.runtime.tables.engine import Engine
from databricks_local.runtime.tables.errors import analysis_error


def replace_where(engine: Engine, entry: Entry, frame: Any, change: Change, condition: str) -> Written:
    """Put rows in the place of those of a condition, which they have to fulfil themselves.

    The rows are written beside the table first, once: what is checked and counted is what is put there.

    Args:
        engine: Writes them.
        entry: The table.
        frame: The rows.
        change: How their columns are found.
        condition: The condition.

    Raises:
        AnalysisException: If a row does not fulfil the condition.
    """
    table = entry.on_disk("REPLACE WHERE")
    with writing(table):
        before = DeltaLog(table).snapshot()
        require_removable(before)
        rows, metadata = Writer(engine).fitted(entry, before, frame, change)
        like = metadata or before.metadata
        protocol = stronger(before.protocol, like)
        with staging(table, like, protocol or before.protocol) as place:
            uri = f"{entry.uri.rstrip('/')}/{place.name}"
            engine.append(rows, uri)
            written = staged(place)
            new = engine.session.read.format("delta").load(uri)
            if new.where(f"NOT coalesce({condition}, false)").limit(1).count():
                raise analysis_error(
                    "DELTA_REPLACE_WHERE_MISMATCH",
                    "Written data does not conform to partial table overwrite condition or constraint "
                    f"'{condition}'.",
                )
            version = before.version
            if written.metadata["schemaString"] != before.metadata["schemaString"]:
                # New columns, and the last numbers of identity columns. The engine changes rows only.
                changed = {**like, "schemaString": written.metadata["schemaString"]}
                version = change_metadata(table, before, changed, commit_info("CHANGE COLUMN"), protocol)
            commit_of_engine(
                table, entry.shown, version, "WRITE", lambda: engine.replace_where(new, entry.uri, condition)
            )
        return Written(version + 1, written.rows)
