"""The text of `COPY INTO`: names and values quoted, files in batches, options as they are given. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import SecretStr

from databricks_blocks.csv.faults import InputError
from databricks_blocks.sql.texts.quoting import quoted_table, text_literal

MOST_FILES = 1000
"""How many files one statement may name (docs: COPY INTO)."""
FORMATS = ("AVRO", "BINARYFILE", "CSV", "JSON", "ORC", "PARQUET", "TEXT")
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)

Option = str | int | float | bool
Credential = str | Mapping[str, str | SecretStr]
Validate = Literal["all"] | int | None


@dataclass(frozen=True)
class CopyInto:
    """What is copied, and how.

    Attributes:
        table: The table: `table`, `schema.table` or `catalog.schema.table`.
        source: URI of the folder or file, such as `s3://bucket/in` or `/Volumes/main/elt/in`.
        file_format: One of `FORMATS`, in any case.
        files: Names of the files in the folder. `None`: all files of it that were not loaded before.
        pattern: Glob pattern of their names, in place of names.
        select: What each row becomes: the expressions of a SELECT, such as `id, CAST(day AS DATE) AS day`.
        validate: Only check: `"all"` rows, or as many; `None`: copy.
        format_options: How the files are read, such as `{"header": True}`.
        copy_options: How they are copied, such as `{"mergeSchema": True}`.
        force: Load files again that were loaded before; their rows are added once more.
        credential: What may read the files: the name of a storage credential, or temporary keys by their
            names, such as `AWS_ACCESS_KEY`. Empty: what the workspace allows.
        encryption: What the files are encrypted with, such as `{"TYPE": "AWS_SSE_C", "MASTER_KEY": key}`.
    """

    table: str
    source: str
    file_format: str = "CSV"
    files: Sequence[str] | None = None
    pattern: str = ""
    select: str = ""
    validate: Validate = None
    format_options: Mapping[str, Option] = field(default_factory=dict)
    copy_options: Mapping[str, Option] = field(default_factory=dict)
    force: bool = False
    credential: Credential = field(default="", repr=False)
    encryption: Mapping[str, str | SecretStr] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise InputError("source: name the folder of the files, such as s3://bucket/in")
        if self.file_format.upper() not in FORMATS:
            raise InputError(f"file_format `{self.file_format}`: it is one of {', '.join(FORMATS)}")
        if self.files is not None and self.pattern:
            raise InputError("give names of files or a pattern, not both")
        if isinstance(self.files, str):
            raise InputError("files: give a list of names, not a text")
        if self.validate not in (None, "all") and not _is_count(self.validate):
            raise InputError(f"validate={self.validate!r}: it is `all`, or a number of rows of at least 1")
        if self.force and any(name.lower() == "force" for name in self.copy_options):
            raise InputError("`force` is given twice: by itself and in copy_options")

    def statements(self) -> list[str]:
        """The statements that copy everything: one for each 1,000 files; none if no file is named.

        Raises:
            InputError: A name or a value cannot be written in SQL.

        Examples:
            >>> options = {"header": True}
            >>> copy = CopyInto("elt.plants", "/Volumes/main/elt/in", files=["a.csv"], format_options=options)
            >>> print(*copy.statements())
            COPY INTO `elt`.`plants`
            FROM '/Volumes/main/elt/in'
            FILEFORMAT = CSV
            FILES = ('a.csv')
            FORMAT_OPTIONS ('header' = 'true')
        """
        return ["\n".join(self._clauses(files)) for files in self.batches()]

    def batches(self) -> list[Sequence[str] | None]:
        """The files of each statement; `None` stands for all of the folder."""
        if self.files is None:
            return [None]
        # A name that is given twice would be loaded twice.
        names = list(dict.fromkeys(self.files))
        return [names[start : start + MOST_FILES] for start in range(0, len(names), MOST_FILES)]

    def _clauses(self, files: Sequence[str] | None) -> Iterator[str]:
        yield f"COPY INTO {quoted_table(self.table)}"
        source = text_literal(self.source) + self._access()
        yield f"FROM {source}" if not self.select else f"FROM (SELECT {self.select} FROM {source})"  # noqa: S608
        yield f"FILEFORMAT = {self.file_format.upper()}"
        if self.validate is not None:
            yield "VALIDATE ALL" if self.validate == "all" else f"VALIDATE {self.validate} ROWS"
        if files is not None:
            yield f"FILES = ({', '.join(map(text_literal, files))})"
        if self.pattern:
            yield f"PATTERN = {text_literal(self.pattern)}"
        if self.format_options:
            yield f"FORMAT_OPTIONS ({_options(self.format_options)})"
        if copy_options := {**self.copy_options, **({"force": True} if self.force else {})}:
            yield f"COPY_OPTIONS ({_options(copy_options)})"

    def _access(self) -> str:
        parts = []
        if isinstance(self.credential, str):
            parts += [f"CREDENTIAL {quoted_table(self.credential)}"] if self.credential else []
        elif self.credential:
            parts.append(f"CREDENTIAL ({_secrets(self.credential)})")
        if self.encryption:
            parts.append(f"ENCRYPTION ({_secrets(self.encryption)})")
        return f" WITH ({' '.join(parts)})" if parts else ""


def loads_query(table: str) -> str:
    """The query for the rows of each load into a table from `:began` to `:ended`, as its history has them.

    Args:
        table: The table, as a person writes it.

    Raises:
        InputError: It is none.
    """
    return (
        "SELECT CAST(operationMetrics['numOutputRows'] AS BIGINT) AS added"  # noqa: S608 - it is quoted
        f" FROM (DESCRIBE HISTORY {quoted_table(table)})"
        " WHERE operation = 'COPY INTO' AND timestamp BETWEEN :began AND :ended"
    )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _options(options: Mapping[str, Option]) -> str:
    return ", ".join(f"{text_literal(name)} = {text_literal(_text(options[name]))}" for name in options)


def _text(value: Option) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _secrets(values: Mapping[str, str | SecretStr]) -> str:
    for name in values:
        if not _WORD.fullmatch(name):
            raise InputError(f"`{name}` is not the name of a key, such as AWS_ACCESS_KEY")
    return ", ".join(f"{name} = {text_literal(_revealed(value))}" for name, value in values.items())


def _revealed(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
