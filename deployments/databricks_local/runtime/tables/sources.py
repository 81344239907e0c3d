"""What the tables in a query are for the engine."""

import json
import re
from dataclasses import dataclass
from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.catalog.session import Place, SessionCatalog, is_path
from databricks_local.runtime.tables.delta.log import DeltaLog
from databricks_local.runtime.tables.delta.versions import DIRECTORY, laid_out
from databricks_local.runtime.tables.engine import Engine
from databricks_local.runtime.tables.errors import analysis_error, table_not_found
from databricks_local.runtime.tables.information_schema import INFORMATION_SCHEMA, information_table
from databricks_local.runtime.tables.read_files import frame_of_files
from databricks_local.runtime.tables.reading.expansion import expanded, with_file_functions
from databricks_local.runtime.tables.reading.references import (
    Query,
    Reference,
    UnreadableQueryError,
    read_query,
    replaced,
)
from databricks_local.runtime.tables.reading.selections import needs_rewriting, rewritten
from databricks_local.runtime.tables.reading.tokens import quoted_name
from databricks_local.runtime.tables.reading.variables import with_variables

VIEW_COLUMNS = "databricks_local.view.columns"
VIEW_PLACE = "databricks_local.view.place"
MAX_VIEWS = 50
_NAMES_TABLES = re.compile(r"(?i)\b(from|join|into|update|using|stream)\b")
"""The words before names of tables. Rows that are written out have none, and may be many."""


@dataclass(frozen=True)
class Sources:
    """Finds them."""

    engine: Engine
    catalog: SessionCatalog

    def in_query(self, text: str, like: Any = None, above: tuple[str, ...] = ()) -> str:
        """A query whose tables the engine knows.

        Args:
            text: The query.
            like: The relation of the statement that it is from.
            above: The views that it is in.
        """
        place = self.catalog.place
        text = expanded(text, place.catalog, place.schema)
        text = with_file_functions(text, lambda arguments: self._files(arguments, like))
        if not self.catalog.variables and not _NAMES_TABLES.search(text):
            return text
        try:
            query = read_query(text)
        except UnreadableQueryError:
            return text
        if self.catalog.variables:
            query = read_query(with_variables(query, self.catalog.variables, self._columns(query)))
        text = replaced(query, lambda reference: self._source(reference, like, above))
        if not needs_rewriting(text):
            return text
        return rewritten(text, lambda inner: list(self.engine.frame(inner, like).columns))

    def _columns(self, query: Query) -> frozenset[str]:
        """The names of the columns of the tables in a query."""
        found = [self.catalog.find(reference.parts) for reference in query.references]
        return frozenset(
            str(column["name"]).lower()
            for entry in found
            if entry is not None
            for column in entry.record.get("columns") or ()
        )

    def _source(self, reference: Reference, like: Any, above: tuple[str, ...]) -> str | None:
        parts = reference.parts
        if INFORMATION_SCHEMA in (part.lower() for part in parts[-2:-1]):
            return self._information(parts)
        entry = self.catalog.find(parts)
        if entry is None and len(parts) > 1 and not is_path(parts) and not self.catalog.is_temporary(parts):
            raise table_not_found(parts)
        if entry is None:
            return None
        return self.of_entry(entry, self.version(entry, reference, like), above)

    def of_entry(self, entry: Entry, version: int | None = None, above: tuple[str, ...] = ()) -> str:
        """What stands for a table or view in a query."""
        if entry.is_view:
            return self._view(entry, above)
        if not entry.is_delta:
            return self.other_format(entry)
        if entry.by_path and entry.path is not None and not DeltaLog(entry.path).exists:
            raise analysis_error("DELTA_MISSING_DELTA_TABLE", f"{entry.shown} is not a Delta table.")
        return self.at_version(entry, version)

    def at_version(self, entry: Entry, version: int | None) -> str:
        """A Delta table at a version, as the engine reads it in SQL; None is the newest one."""
        uri, left = self.place_at(entry, version)
        return f"delta.{quoted_name(uri)}" + ("" if left is None else f" VERSION AS OF {left}")

    def place_at(self, entry: Entry, version: int | None) -> tuple[str, int | None]:
        """Where the engine finds a Delta table at a version, and the version that it has to be asked for."""
        place = None if version is None or entry.path is None else laid_out(entry.path, version)
        if place is None:
            return entry.uri, version
        return f"{entry.uri.rstrip('/')}/{DIRECTORY}/{place.name}", None

    def version(self, entry: Entry, reference: Reference, like: Any) -> int | None:
        """The version of a table that a query asks for; None for the newest one."""
        if reference.version:
            given = reference.version
            return read_version(entry, given if given.isdigit() else str(self.engine.value(given, like)))
        if reference.timestamp:
            given = f"CAST({reference.timestamp} AS TIMESTAMP)"
            moment = self.engine.value(f"unix_millis({given})", like)
            return version_at(entry, int(moment), str(self.engine.value(f"CAST({given} AS STRING)", like)))
        return None

    def view_query(self, entry: Entry, above: tuple[str, ...] = ()) -> str:
        """The query of a view, whose tables the engine knows."""
        name = ".".join(entry.names)
        if name in above or len(above) > MAX_VIEWS:
            raise analysis_error("RECURSIVE_VIEW", f"The view {entry.shown} is defined by itself.")
        catalog, schema = json.loads(entry.properties.get(VIEW_PLACE, "null")) or entry.names[:2]
        inner = SessionCatalog(self.catalog.client, self.catalog.reach, Place(catalog, schema))
        text = Sources(self.engine, inner).in_query(entry.record["view_definition"], None, (*above, name))
        columns = json.loads(entry.properties.get(VIEW_COLUMNS, "null"))
        if not columns:
            return text
        names = ", ".join(map(quoted_name, columns))
        return f"SELECT * FROM ({text}) AS {quoted_name(entry.names[-1])}({names})"  # noqa: S608 - a view's own

    def _view(self, entry: Entry, above: tuple[str, ...]) -> str:
        return f"({self.view_query(entry, above)})"

    def _information(self, parts: tuple[str, ...]) -> str | None:
        within = (
            parts[0].lower()
            if len(parts) == len(("catalog", "schema", "table"))
            else self.catalog.place.catalog
        )
        table = information_table(self.catalog.client, within, parts[-1].lower())
        if table is None:
            return None
        return self._kept(self.engine.of_arrow(table), f"information_{within}_{parts[-1]}")

    def other_format(self, entry: Entry) -> str:
        """The name under which the engine finds a table that is no Delta table."""
        options = {
            name.removeprefix("option."): value
            for name, value in entry.properties.items()
            if name.startswith("option.")
        }
        reader = self.engine.session.read.format(str(entry.record["data_source_format"]).lower())
        columns = entry.record.get("columns") or ()
        if columns:
            from pyspark.sql.types import StructField, StructType

            reader = reader.schema(
                StructType([StructField.fromJson(json.loads(c["type_json"])) for c in columns])
            )
        return self._kept(reader.options(**options).load(entry.uri), "table_" + "_".join(entry.names))

    def _files(self, arguments: str, like: Any) -> str:
        frame = frame_of_files(arguments, self.engine, like)
        return self._kept(frame, f"files_{abs(hash(arguments))}")

    def _kept(self, frame: Any, name: str) -> str:
        """A data frame under a name that queries can have."""
        view = "__local_" + re.sub(r"\W", "_", name)
        frame.createOrReplaceTempView(view)
        return quoted_name(view)


def read_version(entry: Entry, text: str) -> int:
    """A version that is there, of what a statement says.

    Args:
        entry: The table.
        text: The version as it is written.

    Raises:
        AnalysisException: If it is no number, or there is no such version.
    """
    log = None if entry.path is None else DeltaLog(entry.path)
    is_number = re.fullmatch(r"[+-]?\d+", text.strip()) is not None
    if is_number and (log is None or not log.exists):
        return int(text)
    earliest, latest = (0, 0) if log is None else log.reach()
    if not is_number or not earliest <= int(text) <= latest:
        raise analysis_error(
            "DELTA_VERSION_NOT_FOUND",
            f"Cannot time travel Delta table to version {text}. Available versions: [{earliest}, {latest}].",
        )
    return int(text)


def version_at(entry: Entry, moment: int, shown: str) -> int:
    """The version that a table had at a moment.

    Args:
        entry: The table.
        moment: Milliseconds since 1970.
        shown: The moment for people.

    Raises:
        AnalysisException: If the table was not there, or the moment is after its newest version.
    """
    commits = DeltaLog(entry.on_disk("TIMESTAMP AS OF")).commits()
    times = [(int(commit.info.get("timestamp", 0)), commit.version) for commit in commits]
    earliest, _ = DeltaLog(entry.on_disk("TIMESTAMP AS OF")).reach()
    times = [(time, version) for time, version in times if version >= earliest]
    if times and moment > times[-1][0]:
        raise analysis_error(
            "DELTA_TIMESTAMP_GREATER_THAN_COMMIT",
            f"The provided timestamp ({shown}) is after the latest version available to this table. Please "
            "use a "
            "timestamp before or at it.",
        )
    before = [version for time, version in times if time <= moment]
    if not before:
        raise analysis_error(
            "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION",
            f"The provided timestamp ({shown}) is before the earliest version available to this table. "
            "Please use "
            "a timestamp after it.",
        )
    return before[-1]
