"""COPY INTO: each file is loaded once, and what was loaded is noted in the commit of its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.copying.complaints import located
from databricks_local.runtime.tables.copying.options import refuse_unknown
from databricks_local.runtime.tables.copying.reading import SHOWN_ROWS, Copy, chosen, read_copy
from databricks_local.runtime.tables.copying.sources import (
    FileReader,
    SourceFile,
    in_time,
    read_all,
    refuse_unreadable,
    source_files,
)
from databricks_local.runtime.tables.delta.commits import with_fields, writing
from databricks_local.runtime.tables.delta.loaded_files import loaded_files, notes_of
from databricks_local.runtime.tables.delta.log import Action, DeltaLog, Snapshot
from databricks_local.runtime.tables.delta.schema import Field, fields_of, find
from databricks_local.runtime.tables.doing.columns import by_name, by_position, first_of, strangers, widened
from databricks_local.runtime.tables.doing.writing import Change, Writer
from databricks_local.runtime.tables.engine import counts
from databricks_local.runtime.tables.errors import analysis_error, refused
from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.reading.tokens import quoted_name, quoted_text
from databricks_local.runtime.tables.statements import Statement


def copy_into(statement: Statement, cursor: Cursor) -> Any:
    """Serve COPY INTO."""
    copy = read_copy(cursor)
    refuse_unknown(copy)
    entry = statement.catalog.require_table(copy.table, "COPY INTO")
    loading = Loading(statement, copy, entry, entry.on_disk("COPY INTO"))
    return loading.validate() if copy.validates else loading.load()


@dataclass(frozen=True)
class Loading:
    """Loads files into a table."""

    statement: Statement
    copy: Copy
    entry: Entry
    table: Path

    def load(self) -> Any:
        """Load what was not loaded before."""
        from pyspark.errors import PySparkException

        with writing(self.table):
            before = DeltaLog(self.table).snapshot()
            files = self._files(loaded_files(before) if not self.copy.is_set("force") else set())
            reader = FileReader(self.copy, self.statement.engine, before.fields)
            good = reader.readable(files)
            try:
                rows = self._write(before, reader, good)
            except PySparkException:
                # A file may be broken behind its beginning. Wrong values are no broken file.
                left = reader.readable(good, to_the_end=True)
                if len(left) == len(good):
                    raise
                good = left
                rows = self._write(before, reader, good)
            return _counts(rows, len(files) - len(good))

    def validate(self) -> Any:
        """Check what would be loaded, and show the first rows."""
        from pyspark.errors import PySparkException

        before = DeltaLog(self.table).snapshot()
        reader = FileReader(self.copy, self.statement.engine, before.fields)
        files = reader.readable(self._files(set()))
        rows, _ = self._rows(before, reader, files)
        wanted = self.copy.validate
        names = [field["name"] for field in before.fields]
        checked = rows if wanted is None else rows.limit(wanted)
        try:
            if wanted is None or wanted > SHOWN_ROWS:
                read_all(checked)
            return checked.limit(SHOWN_ROWS).toArrow()
        except PySparkException as error:
            raise (located(error, reader, files, names) or error) from None

    def _files(self, known: set[str]) -> list[SourceFile]:
        engine = self.statement.engine
        files = in_time(source_files(self.copy, engine, self.statement.catalog), self.copy, engine)
        wanted = set(chosen(self.copy, [file.name for file in files]))
        found = [file for file in files if file.name in wanted and file.key not in known]
        refuse_unreadable(found)
        return found

    def _write(self, before: Snapshot, reader: FileReader, files: Sequence[SourceFile]) -> int:
        from pyspark.errors import PySparkException

        if not files:
            return 0
        names = [field["name"] for field in before.fields]
        parameters = {"source": self.copy.source, "fileFormat": self.copy.file_format}
        notes = notes_of((file.key for file in files), before.version + 1)
        change = Change("COPY INTO", parameters, notes=notes)
        try:
            rows, metadata = self._rows(before, reader, files)
            return Writer(self.statement.engine).publish(self.entry, before, rows, change, metadata).rows
        except PySparkException as error:
            raise (located(error, reader, files, names) or error) from None

    def _rows(
        self, before: Snapshot, reader: FileReader, files: Sequence[SourceFile]
    ) -> tuple[Any, Action | None]:
        """The rows as the table has them, and what the table becomes if that changes."""
        frames = [frame for _, frame in reader.frames(files)]
        if not frames:
            raise analysis_error("COPY_INTO_NO_FILES", f"There are no files to check in {self.copy.source}.")
        fields: Sequence[Field] = before.fields
        if self.copy.by_position or self.copy.columns:
            placed = [by_position(frame, fields, self.copy.columns) for frame in frames]
            return joined(placed), None
        for frame in frames:
            fields = self._widened(fields, frame)
        placed = [by_name(self._dated(frame, fields), fields) for frame in frames]
        rows = joined(placed)
        if list(fields) == list(before.fields):
            return rows, None
        return rows, with_fields(before, fields)

    def _widened(self, fields: Sequence[Field], frame: Any) -> Sequence[Field]:
        new = strangers(fields, frame)
        if not new:
            return fields
        if not self.copy.is_set("mergeschema"):
            names = ", ".join(quoted_name(name) for name in new)
            raise analysis_error(
                "COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE",
                f"A schema mismatch was detected while copying into the Delta table {self.entry.shown}: it "
                f"has no column {names}. To let it be added, set COPY_OPTIONS ('mergeSchema' = 'true').",
            )
        if any(field.get("metadata", {}).get("delta.columnMapping.id") for field in fields):
            raise refused(
                "COPY INTO with mergeSchema into a table with column mapping", "ALTER TABLE ADD COLUMNS first"
            )
        return widened(fields, frame)

    def _dated(self, frame: Any, fields: Sequence[Field]) -> Any:
        """Rows whose texts of dates and times are read as the options say."""
        formats = {
            "date": self.copy.format_options.get("dateformat"),
            "timestamp": self.copy.format_options.get("timestampformat"),
        }
        types = {field["name"]: field["type"] for field in fields_of(frame.schema)}
        expressions = []
        for name, kind in types.items():
            field = find(fields, name) or {}
            pattern = formats.get(str(field.get("type"))) if kind == "string" else None
            column = quoted_name(name)
            expressions.append(
                column if pattern is None else f"{_parsed(column, pattern, field)} AS {column}"
            )
        return frame.selectExpr(*expressions)


def joined(frames: Sequence[Any]) -> Any:
    """The rows of data frames with the same columns. A chain of hundreds would be too deep for the engine."""
    if len(frames) == 1:
        return frames[0]
    middle = len(frames) // 2
    return joined(frames[:middle]).unionByName(joined(frames[middle:]))


def _parsed(column: str, pattern: str, field: Field) -> str:
    tried = f"try_to_timestamp({column}, {quoted_text(pattern)})"
    kind = str(field["type"])
    end = quoted_text(
        f'\' of the type "STRING" cannot be cast to "{kind.upper()}" because it is malformed, for the column '
        f"{quoted_name(field['name'])}. Correct the value, or the format {pattern}. SQLSTATE: 22018"
    )
    said = f"concat({quoted_text('[CAST_INVALID_INPUT] The value ' + chr(39))}, {column}, {end})"
    return first_of(f"CAST({tried} AS {kind})", column, said, kind)


def _counts(rows: int, corrupt: int) -> Any:
    return counts(num_affected_rows=rows, num_inserted_rows=rows, num_skipped_corrupt_files=corrupt)
