"""The notebooks on any Spark, what they are given and what they write: shared by the tests of all engines."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow import csv as arrow_csv

from .apache_spark import apache_spark_server

REPOSITORY = Path(__file__).parents[2]
NOTEBOOKS = REPOSITORY / "notebooks"
_IMPORT_PATH = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "deployments")])
PACKAGED = REPOSITORY / "flows" / "databricks_flows" / "renewable" / "data"
SHARES = ("Solar (% electricity)", "Hydro (% electricity)", "Wind (% electricity)")
TABLES = ("solar", "hydro", "wind")

Row = tuple[str, str | None, int, float | None, float | None, float | None, float | None]
"""Entity, Code, Year, the three shares, SHW%."""

Record = tuple[str, str | None, int, float | str | None]
"""Entity, Code, Year and one share; a text is written as it is."""

HOSTILE_NAMES = (
    "Côte d'Ivoire",
    "x'); DROP TABLE y;--",
    'say "cheese"',
    '"quoted"',
    '"',
    '""',
    "two\nlines",
    "\nfirst and last\n",
    "dos\r\nlines",
    "carriage\rreturn",
    "semi;colon, comma",
    ",",
    "tab\tbed",
    " spaces ",
    " ",
    "back\\slash\\",
    "\\",
    '\\"',
    "日本 العربية",
    "😀",
    "é",
    "e\u0301",  # the same to the eye, but not the same name
    "Peru",
    "PERU",
    "100 % {braces} $dollar$ `tick`",
    "#comment",
    "NULL",
    "NA",
    "nan",
    "-1",
)

CASES: dict[str, tuple[list[Record], ...]] = {
    "hostile names": tuple(
        [(name, None, 2000, number + 0.25) for name in HOSTILE_NAMES] for number in range(3)
    ),
    "codes that are empty or differ": (
        [("Region", None, 2000, 1.0), ("Peru", None, 2000, 1.0), ("Two", "ONE", 2000, 1.0)],
        [("Region", None, 2000, 2.0), ("Peru", "PER", 2000, 2.0), ("Two", "TWO", 2000, 2.0)],
        [("Region", None, 2000, 3.0), ("Peru", None, 2000, 3.0), ("Two", None, 2000, 3.0)],
    ),
    "years and shares that are missing": (
        [("Peru", "PER", 2000, 1.0), ("Peru", "PER", 2001, 1.0), ("Chile", "CHL", 2000, None)],
        [("Peru", "PER", 2000, 2.0), ("Peru", "PER", 2002, 2.0), ("Chile", "CHL", 2000, 2.0)],
        [("Peru", "PER", 2000, 0.0), ("Peru", "PER", 2001, 3.0), ("Chile", "CHL", 2000, 3.0)],
    ),
    "a share with only a header": (
        [("Peru", "PER", 2000, 1.0), ("Chile", None, 2000, 1.0)],
        [],
        [("Peru", "PER", 2000, 3.0)],
    ),
    "numbers of every kind": (
        [("a", None, 2000, 0.1), ("b", None, 2000, "0.1234567890123456789"), ("c", None, -500, 100)],
        [("a", None, 2000, 0.2), ("b", None, 2000, "1e-7"), ("c", None, -500, "1E+2")],
        [("a", None, 2000, 0.3), ("b", None, 2000, "98765432109876543210"), ("c", None, -500, 0)],
    ),
}


def write_case(name: str, folder: Path) -> list[str]:
    """Write the CSV files of a case as PostgreSQL does; `packaged` is the data of the package.

    Returns:
        The names of the tables.
    """
    folder.mkdir(parents=True)
    if name == "packaged":
        for path in PACKAGED.glob("*.csv"):
            shutil.copy(path, folder)
        return sorted(path.stem for path in folder.iterdir())
    for table, share, records in zip(TABLES, SHARES, CASES[name], strict=True):
        write_share(folder / f"{table}.csv", share, records)
    return list(TABLES)


def write_share(path: Path, share: str, records: Sequence[Record]) -> None:
    """Write one CSV file: only what needs quotes has them, and nothing at all is null."""
    lines = [("Entity", "Code", "Year", share), *records]
    text = "".join(",".join(map(_field, line)) + "\n" for line in lines)
    path.write_bytes(text.encode())


def _field(value: object) -> str:
    text = "" if value is None else str(value)
    return '"' + text.replace('"', '""') + '"' if set(text) & set('",\r\n') else text


def expected_rows(folder: Path, tables: Sequence[str]) -> list[Row]:
    """The result as pandas computes it from the CSV files."""
    joined: pd.DataFrame | None = None
    for table in tables:
        share = pd.read_csv(folder / f"{table}.csv", dtype="str", keep_default_na=False, na_values=[""])
        share = share.rename(columns={"Code": f"Code {table}"})
        joined = share if joined is None else joined.merge(share, on=["Entity", "Year"], how="outer")
    assert joined is not None
    joined["Code"] = joined[[f"Code {table}" for table in tables]].bfill(axis=1).iloc[:, 0]
    joined = joined.astype({"Year": int, **dict.fromkeys(SHARES, float)})
    solar, hydro, wind = (joined[share] for share in SHARES)
    joined["SHW%"] = solar + hydro + wind
    return _rows(joined[["Entity", "Code", "Year", *SHARES, "SHW%"]].astype(object).to_numpy().tolist())


def read_rows(folder: Path) -> list[Row]:
    """The rows of the CSV files that Spark wrote, read as PostgreSQL reads them.

    Nothing is null, and `""` is an empty text.
    """
    options = arrow_csv.ConvertOptions(
        column_types={"Entity": "string", "Code": "string", "Year": "int32"}
        | dict.fromkeys([*SHARES, "SHW%"], "float64"),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    parse = arrow_csv.ParseOptions(newlines_in_values=True)
    values: list[list[Any]] = []
    for path in folder.glob("*.csv"):
        table = arrow_csv.read_csv(path, parse_options=parse, convert_options=options)
        assert table.column_names == ["Entity", "Code", "Year", *SHARES, "SHW%"]
        values += [list(row.values()) for row in table.to_pylist()]
    return _rows(values)


def _rows(values: Sequence[Sequence[Any]]) -> list[Row]:
    rows: list[Any] = [tuple(None if pd.isna(value) else value for value in row) for row in values]
    return sorted(rows, key=lambda row: (row[0], row[2]))


@dataclass(frozen=True)
class Ended:
    """How a notebook ended.

    Attributes:
        exit_value: What it gave to `dbutils.notebook.exit`.
        error: The exception that ended it, or nothing.
    """

    exit_value: str | None
    error: str


class Engine:
    """A Spark session in a process of its own that runs notebooks."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, notebook: str, **parameters: str) -> Ended:
        """Run one notebook of the package."""
        path = NOTEBOOKS / f"{notebook}.py"
        return self.run_source(path.read_text(encoding="utf-8"), str(path), parameters)

    def run_source(self, source: str, path: str, parameters: Mapping[str, str]) -> Ended:
        """Run the source of a notebook as if it were at a path."""
        request = {"source": source, "parameters": parameters, "path": path}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"The process of Spark ended with status {self._process.wait()}; its log is above."
        return Ended(**json.loads(answer))

    def join(self, source: Path, tables: Sequence[str], target: Path) -> Ended:
        """Run `join_data`."""
        return self.run("join_data", source=source.as_uri(), tables=",".join(tables), target=target.as_uri())

    def transform(self, source: Path, target: Path) -> Ended:
        """Run `transform_data`."""
        return self.run("transform_data", source=source.as_uri(), target=target.as_uri())

    def analyse(self, source: Path, tables: Sequence[str], folder: Path) -> list[Row]:
        """Run both notebooks, and read the rows that they wrote to `folder`, as many as they said."""
        joined = self.join(source, tables, folder / "joined")
        transformed = self.transform(folder / "joined", folder / "transformed")
        rows = read_rows(folder / "transformed")
        assert [joined, transformed] == [Ended(str(len(rows)), "")] * 2
        return rows


@contextmanager
def engine(kind: str, folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Engine]:
    """Start an engine of `notebook_driver` that works in a folder."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.notebook_driver", kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env={
            **inherited,
            "PYTHONPATH": _IMPORT_PATH,
            "SPARK_CONNECT_MODE_ENABLED": "1",
            **(environment or {}),
        },
    )
    try:
        yield Engine(process)
    finally:
        process.communicate()
    assert process.returncode == 0


@contextmanager
def sail_engine(folder: Path) -> Iterator[Engine]:
    """Start Sail with the thin client, as the local workspace does."""
    with engine("sail", folder) as started:
        yield started


@contextmanager
def apache_engine(folder: Path) -> Iterator[Engine]:
    """Start Apache Spark with the thin client, as the local workspace does with `--engine spark`."""
    with (
        apache_spark_server(folder) as remote,
        engine("remote", folder, {"SPARK_REMOTE": remote}) as started,
    ):
        yield started
