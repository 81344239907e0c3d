"""The files of a COPY INTO: which there are, and how they are read."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from databricks_local.runtime.tables.catalog.session import SessionCatalog
from databricks_local.runtime.tables.copying.reading import Copy, below, key_of
from databricks_local.runtime.tables.copying.selecting import METADATA, asks_for_files, spelled_out
from databricks_local.runtime.tables.delta.schema import Field, fields_of, find
from databricks_local.runtime.tables.doing.columns import wider
from databricks_local.runtime.tables.engine import Engine
from databricks_local.runtime.tables.errors import analysis_error, refused
from databricks_local.runtime.tables.reading.tokens import quoted_name, quoted_text

_NOT_FOR_THE_READER = (
    "inferschema", "mergeschema", "ignorecorruptfiles", "ignoremissingfiles", "recursivefilelookup",
    "dateformat", "timestampformat", "mode", "modifiedafter", "modifiedbefore", "pathglobfilter",
)  # fmt: skip
_OF_PATTERNS = re.compile(r"[*?\[\]{}\\%#\x00-\x1f]")
"""What the engine takes for parts of a URI or of a pattern."""

_WITH_SCHEMA = ("parquet", "avro", "orc")


@dataclass(frozen=True)
class SourceFile:
    """A file.

    Attributes:
        name: Its path below the source.
        key: How it is noted once it is loaded.
        uri: It, as the engine reads it.
        path: It, as this process reads it; None if it is not on this machine.
    """

    name: str
    key: str
    uri: str
    path: Path | None


def source_files(copy: Copy, engine: Engine, catalog: SessionCatalog) -> list[SourceFile]:
    """All files of a source, sorted by name.

    Raises:
        AnalysisException: If the source is not there.
    """
    base, key = catalog.uri(copy.source), key_of(copy.source)
    path = catalog.path(copy.source)
    if path is None:
        names = _listed_by_engine(copy, engine, base)
        if names == [""]:
            return [SourceFile(key.rpartition("/")[2], key, base, None)]
        return [SourceFile(name, f"{key}/{name}", f"{base.rstrip('/')}/{name}", None) for name in names]
    if path.is_file():
        return [SourceFile(path.name, key, _uri(path, catalog), path)]
    if not path.is_dir():
        raise analysis_error("PATH_NOT_FOUND", f"Path does not exist: {copy.source}.")
    names = sorted(_listed(path, recursive=copy.reads("recursivefilelookup")))
    return [SourceFile(name, f"{key}/{name}", _uri(path / name, catalog), path / name) for name in names]


def in_time(files: Sequence[SourceFile], copy: Copy, engine: Engine) -> list[SourceFile]:
    """The files that were changed when the options say.

    Raises:
        UnsupportedOperationException: If they are in a cloud.
    """
    moments = {
        name: float(engine.value(f"unix_millis(CAST({quoted_text(value)} AS TIMESTAMP))")) / 1000
        for name, value in copy.format_options.items()
        if name in ("modifiedafter", "modifiedbefore")
    }
    if not moments:
        return list(files)
    found = []
    for file in files:
        if file.path is None:
            raise refused(
                "COPY INTO with modifiedAfter or modifiedBefore from a cloud", "use FILES or PATTERN"
            )
        after, before = moments.get("modifiedafter", -inf), moments.get("modifiedbefore", inf)
        if after < file.path.stat().st_mtime < before:
            found.append(file)
    return found


def refuse_unreadable(files: Sequence[SourceFile]) -> None:
    """Refuse files that the engine would take for others: those of this machine get plain names.

    Raises:
        UnsupportedOperationException: If there is one.
    """
    for file in files:
        if file.path is None and _OF_PATTERNS.search(file.name):
            raise refused(
                f"COPY INTO of {file.key}, a file in a cloud whose name has one of *?[]{{}}\\%#",
                "give it another name, or copy it into a volume",
            )


def _uri(path: Path, catalog: SessionCatalog) -> str:
    """A file of this machine as the engine reads it, and no other one: in plain characters."""
    return catalog.uri(f"file:{path}")


def _listed(path: Path, *, recursive: bool, before: str = "") -> Iterator[str]:
    for each in path.iterdir():
        if each.is_file():
            yield before + each.name
        # Directories of partitions are looked into in any case, as Spark does.
        elif each.is_dir() and (recursive or "=" in each.name):
            yield from _listed(each, recursive=recursive, before=f"{before}{each.name}/")


def _listed_by_engine(copy: Copy, engine: Engine, base: str) -> list[str]:
    """The files of a source in a cloud, which only the engine reaches."""
    if copy.files:
        return sorted({below(copy.source, each) for each in copy.files})
    rows = engine.session.read.format("binaryFile").load(base).select("path").collect()
    inside = unquote(base.partition("://")[2].partition("/")[2]).rstrip("/")
    names = [str(row[0]).removeprefix(inside).lstrip("/") for row in rows]
    return sorted(names)


@dataclass(frozen=True)
class FileReader:
    """Reads the files of a copy.

    Attributes:
        copy: The copy.
        engine: Reads them.
        fields: The columns of the table.
    """

    copy: Copy
    engine: Engine
    fields: Sequence[Field]

    def frames(self, files: Sequence[SourceFile]) -> list[tuple[list[SourceFile], Any]]:
        """Data frames of files; those that have the same columns in the same order are one."""
        groups: dict[Any, list[SourceFile]] = {}
        apart = self.copy.file_format == "json" and not self._agree(files)
        for file in files:
            groups.setdefault(file.key if apart else self._columns(file), []).append(file)
        return [(group, self._selected(self._read(group), group)) for group in groups.values()]

    def readable(self, files: Sequence[SourceFile], *, to_the_end: bool = False) -> list[SourceFile]:
        """The files that are not broken; all of them, if that is not asked for.

        Args:
            files: The files.
            to_the_end: Whether they are read as a whole; only their beginnings if not.
        """
        if not self.copy.reads("ignorecorruptfiles"):
            return list(files)
        return [file for file in files if self._is_readable(file, to_the_end=to_the_end)]

    def lines(self, file: SourceFile) -> Iterator[str]:
        """The lines of a file of text."""
        if file.path is not None:
            encoding = encoding_of(self.copy)
            with file.path.open(encoding=encoding, errors="replace", newline="") as text:
                yield from text
        else:
            rows = self.engine.session.read.format("text").load(file.uri).toLocalIterator()
            yield from (f"{row[0]}\n" for row in rows)

    def _is_readable(self, file: SourceFile, *, to_the_end: bool) -> bool:
        from pyspark.errors import PySparkException

        try:
            frame = self._read([file])
            read_all(frame) if to_the_end else frame.limit(1).collect()
        except PySparkException:
            return False
        return True

    @property
    def _asks_for_files(self) -> bool:
        return asks_for_files(self.copy.select) or asks_for_files(self.copy.where)

    @property
    def _has_header(self) -> bool:
        return self.copy.reads("header")

    def _columns(self, file: SourceFile) -> Any:
        """What tells apart files that cannot be read at once. The engine takes columns of CSV by position."""
        if self._asks_for_files:
            return file.key
        if self.copy.file_format == "csv" and self._has_header:
            return header_of(file.path, self.copy) if file.path else file.key
        if self.copy.file_format in _WITH_SCHEMA:
            return file.key if file.path is None else self._read([file]).schema.json()
        return ""

    def _read(self, files: Sequence[SourceFile]) -> Any:
        options = {k: v for k, v in self.copy.format_options.items() if k not in _NOT_FOR_THE_READER}
        reader = self.engine.session.read.format(self.copy.file_format).options(**options)
        if self.copy.file_format == "csv" and self._infers:
            reader = reader.option("inferSchema", "true")
        frame = reader.load([file.uri for file in files])
        if self.copy.file_format != "json" or self.copy.select:
            return frame
        # The engine looks at the first rows only, and takes 1 for a whole number where 1.5 follows.
        wanted = [self._typed(field) for field in fields_of(frame.schema)]
        return reader.schema(struct_of(wanted)).load([file.uri for file in files])

    def _typed(self, given: Field) -> Field:
        field = find(self.fields, given["name"])
        return {**given, "type": field["type"]} if field and wider(field["type"], given["type"]) else given

    def _agree(self, files: Sequence[SourceFile]) -> bool:
        """Whether JSON files have no column of different types: the engine widens none."""
        from pyspark.errors import PySparkException

        try:
            return self._read(files).schema is not None
        except PySparkException:
            return False

    @property
    def _infers(self) -> bool:
        """Whether types are found by the content. Columns of the table have their types already."""
        wanted = self.copy.reads("inferschema")
        return wanted and (self.copy.is_set("mergeschema") or bool(self.copy.select))

    def _selected(self, frame: Any, files: Sequence[SourceFile]) -> Any:
        """The rows of the query around the source."""
        copy = self.copy
        if not copy.select:
            return frame
        select, where = copy.select, copy.where
        if self._asks_for_files:
            select = spelled_out(select, frame.columns)
            where = spelled_out(where, ())
            frame = _with_metadata(frame, files[0])
        view = f"__local_copy_{abs(hash((copy.table, files[0].key)))}"
        frame.createOrReplaceTempView(view)
        where = f" WHERE {where}" if where else ""
        return self.engine.frame(f"SELECT {select} FROM {view} AS {copy.alias or view}{where}")  # noqa: S608


def struct_of(fields: Sequence[Field]) -> Any:
    """A schema of Spark."""
    from pyspark.sql.types import StructType

    return StructType.fromJson({"type": "struct", "fields": list(fields)})


def read_all(frame: Any) -> None:
    """Read all values of a data frame, and keep none."""
    frame.selectExpr(*(f"count({quoted_name(name)})" for name in frame.columns)).collect()


def _with_metadata(frame: Any, file: SourceFile) -> Any:
    """Rows with what Spark tells of the file that each is from."""
    from pyspark.sql import functions

    size = file.path.stat().st_size if file.path else None
    changed = file.path.stat().st_mtime if file.path else None
    told = functions.struct(
        functions.lit(file.key).alias("file_path"),
        functions.lit(file.name.rpartition("/")[2]).alias("file_name"),
        functions.lit(size).cast("bigint").alias("file_size"),
        functions.lit(changed).cast("timestamp").alias("file_modification_time"),
    )
    return frame.withColumn(METADATA, told)


def dialect_of(copy: Copy) -> dict[str, Any]:
    """How Python reads the CSV of a copy."""
    options = copy.format_options
    separator = options.get("sep") or options.get("delimiter") or ","
    return {
        "delimiter": {"\\t": "\t", "tab": "\t"}.get(separator, separator)[:1],
        "quotechar": (options.get("quote") or '"')[:1],
        "escapechar": None if options.get("escape", '"') == '"' else options["escape"][:1],
    }


def encoding_of(copy: Copy) -> str:
    """The encoding of the files of a copy."""
    return copy.format_options.get("encoding") or copy.format_options.get("charset") or "utf-8"


def header_of(path: Path, copy: Copy) -> tuple[str, ...]:
    """The names of the columns of a CSV file."""
    with path.open(encoding=encoding_of(copy), errors="replace", newline="") as file:
        return tuple(next(csv.reader(file, **dialect_of(copy)), ()))
