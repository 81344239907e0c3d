"""Makes tables known to the catalog once their files are there; others may do the same at the same time."""

import shutil
from collections.abc import Callable
from typing import Any

from databricks_local.runtime.tables.catalog.client import NoAnswerError
from databricks_local.runtime.tables.catalog.entries import DELTA, EXTERNAL, MANAGED, Entry
from databricks_local.runtime.tables.catalog.session import SessionCatalog
from databricks_local.runtime.tables.delta.log import DeltaLog
from databricks_local.runtime.tables.delta.schema import column_infos
from databricks_local.runtime.tables.doing.definitions import Definition


def once_more_if_made_meanwhile(run: Callable[[], Any]) -> Any:
    """Run a statement that first looks whether there is a table, and then makes one.

    Between the two somebody else may have made it. The statement then finds it, and does what it does with a
    table that is there: nothing, replace it, add to it, or say so.
    """
    from pyspark.errors import AnalysisException

    try:
        return run()
    except AnalysisException as error:
        if error.getCondition() != "TABLE_OR_VIEW_ALREADY_EXISTS":
            raise
        return run()


def register(catalog: SessionCatalog, entry: Entry, definition: Definition, *, adopted: bool = False) -> None:
    """Make a Delta table known; what it has written is removed if the catalog refuses it.

    Args:
        catalog: The catalog.
        entry: The table.
        definition: What it is.
        adopted: Whether its files were there before.

    Raises:
        AnalysisException: If the catalog refuses.
        NoAnswerError: If the catalog has not said whether it did it, and has not done it.
    """
    names = entry.names
    body = {
        "catalog_name": names[0],
        "schema_name": names[1],
        "name": names[2],
        "table_type": EXTERNAL if definition.location else MANAGED,
        "data_source_format": DELTA,
        "storage_location": definition.location or entry.location,
        "columns": column_infos(definition.fields, definition.partitions),
        "comment": definition.comment or "",
        "properties": definition.kept,
    }
    try:
        catalog.register(body)
    except BaseException as error:
        # Files of a table that the catalog knows are never removed. If it does not tell, they stay, too.
        known = _is_known(catalog, entry)
        if known and isinstance(error, NoAnswerError):
            return
        if not (known or adopted or entry.path is None):
            mine = DeltaLog(entry.path).directory if definition.location else entry.path
            shutil.rmtree(mine, ignore_errors=True)
        raise


def _is_known(catalog: SessionCatalog, entry: Entry) -> bool:
    """Whether the catalog knows the files of a table, under its name."""
    found = catalog.find(entry.names)
    if found is None or found.is_view:
        return False
    # Those of managed tables of `hive_metastore` are moved when they become known.
    return found.path == entry.path or (entry.path is not None and not entry.path.exists())


def tell_comment(catalog: SessionCatalog, entry: Entry, definition: Definition) -> None:
    """Let the catalog show the comment of a table that was replaced, and no older one.

    It is in the log; the catalog has one of its own for tables whose log it cannot write.
    """
    record = catalog.client.find("tables", entry.names)
    if record is not None and (record.get("comment") or "") != (definition.comment or ""):
        catalog.client.update("tables", entry.names, {"comment": definition.comment or ""})
