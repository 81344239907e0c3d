"""A file of any content goes into a table whole, with types that fit all of it, or is refused by its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from databricks_blocks.csv import checked as checked_csv
from databricks_blocks.csv.checked import CheckedCsv, line_at
from databricks_blocks.csv.faults import InputError
from databricks_blocks.csv.records import MalformedRecord, grammar, split_record
from databricks_blocks.csv.typed import LoadedFile, TypedCsv, Widening, load_typed
from databricks_blocks.database.sql import sql_transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prefect_sqlalchemy.database import SqlAlchemyConnector


@pytest.fixture
def connector(tmp_path: Path) -> Iterator[SqlAlchemyConnector]:
    with SqlAlchemyConnector(connection_info=f"sqlite:///{tmp_path / 'db'}") as connector:
        yield connector


def load(connector: SqlAlchemyConnector, path: Path) -> LoadedFile:
    with sql_transaction(connector, "s") as transaction:
        return load_typed(transaction, path, "t")


def rows_of(connector: SqlAlchemyConnector) -> list[tuple[Any, ...]]:
    with connector.get_engine().connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text("SELECT * FROM s_t"))]


def kinds(loaded: LoadedFile) -> dict[str, str]:
    return {name: column.kind for name, column in loaded.table.columns.items()}


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample is four parts."""
    monkeypatch.setattr(checked_csv, "CHUNK", 1000)


def all_of(stream: CheckedCsv, size: int) -> bytes:
    return b"".join(iter(lambda: stream.read(size), b""))


def file(folder: Path, content: str | bytes) -> Path:
    path = folder / "a b.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "\n"])
def test_types_come_from_the_content(
    connector: SqlAlchemyConnector, tmp_path: Path, line_end: str, last: str
) -> None:
    text = f'\ufeffid,"a ""name""",when,nothing\n1,x,2026-11-21,\n"2","y,\tz",,""{last}'
    loaded = load(connector, file(tmp_path, text.replace("\n", line_end)))
    assert kinds(loaded) == {"id": "bigint", 'a "name"': "text", "when": "date", "nothing": "text"}
    assert loaded.rows == 2
    # The empty text, as it is in the file: of a column of texts nothing changes.
    assert rows_of(connector) == [(1, "x", "2026-11-21", None), (2, "y,\tz", None, "")]


@pytest.mark.usefixtures("small_parts")
def test_a_late_surprise_is_loaded_again_with_wider_types(
    connector: SqlAlchemyConnector, tmp_path: Path
) -> None:
    many = 2000
    body = "1,1,2026-11-21,\n" * many + "1,1.5,2026-11-21 10:00,\n" + "007,1,2026-11-21,9\n"
    loaded = load(connector, file(tmp_path, f"a,b,c,d\n{body}"))
    assert loaded.rows == many + 2
    assert kinds(loaded) == {"a": "text", "b": "decimal", "c": "timestamp", "d": "bigint"}
    assert loaded.widenings == (
        Widening("a", "bigint", "text", line=many + 3),
        Widening("b", "bigint", "decimal", line=many + 2),
        Widening("c", "date", "timestamp", line=many + 2),
        Widening("d", None, "bigint", line=many + 3),
    )
    assert rows_of(connector)[-1] == ("007", "1", "2026-11-21 00:00:00.000000", 9)


LONG_HEADER = ",".join(f"column{number}" for number in range(400))


@pytest.mark.parametrize("content", ["a,b", "a,b\n", '"a",b\r\n', LONG_HEADER])
@pytest.mark.usefixtures("small_parts")
def test_a_header_alone_makes_an_empty_table(
    connector: SqlAlchemyConnector, tmp_path: Path, content: str
) -> None:
    loaded = load(connector, file(tmp_path, content))
    assert (loaded.rows, len(kinds(loaded))) == (0, content.count(",") + 1)


@pytest.mark.parametrize("long", ["x" * 200_000, '"' + "x\n" * 100_000 + '"'], ids=["plain", "quoted"])
def test_a_long_field_is_no_fault(connector: SqlAlchemyConnector, tmp_path: Path, long: str) -> None:
    loaded = load(connector, file(tmp_path, f"a,b\n1,{long}\n2,\n"))
    assert loaded.rows == 2
    assert rows_of(connector)[0] == (1, long.strip('"'))


def test_an_empty_line_of_an_only_column_is_no_value(connector: SqlAlchemyConnector, tmp_path: Path) -> None:
    loaded = load(connector, file(tmp_path, "n\n1\n\n2\n"))
    assert loaded.rows == 3
    assert rows_of(connector) == [(1,), (None,), (2,)]


def test_many_columns_whose_values_come_late_are_read_at_once(tmp_path: Path) -> None:
    columns = 300
    values = [f"{',' * column}2026-11-21{',' * (columns - column - 1)}\n" for column in range(columns)]
    header = ",".join(f"c{column}" for column in range(columns))
    path = file(tmp_path, f"{header}\n{(',' * (columns - 1) + chr(10)) * 100}{''.join(values)}")
    with TypedCsv(path) as stream:
        assert set(stream.kinds) == {"date"}


LATE = "1,2\n" * 4000
LATE_HEADER = b"a,b\n"


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "line 1: empty; the first line must name the columns"),
        ("a,a\n", "line 1: column `a` occurs 2 times"),
        ("a,\n", "line 1: a column without a name"),
        (f"a,{'ü' * 32}\n", f"line 1: column `{'ü' * 32}…`: over 63 bytes; shorten it"),
        (b"a,\xc3\xee\xf0\n", ": not UTF-8, and not Western European; name its encoding, such as cp1250"),
        (LATE_HEADER + LATE.encode() + b"1,\xc3\xee\xf0\n", ": not UTF-8, and not Western European"),
        ("a,b\n1,2\n3\n", "line 3: 1 fields where the header has 2"),
        ("a,b\n1,2\n\n\r\n3,4\n\n", "line 3: an empty line; remove it"),
        ('a,b\n1,2\n1,x"y\n', "line 3, column `b`: a quote inside a field"),
        ('a,b\n1,2\n1,"x"y\n', "line 3, column `b`: a quote inside a field"),
        ('a,b\n1,2\n1,"x\ny', "line 3: the record does not end; is a quote missing?"),
        ("a,b\n1,x\x00\n", "line 2, column `b`: a NUL byte"),
        ("a\nx\n\\.\ny\n", r"line 3: a line of `\.` alone; put it in quotes"),
        ('a,b\n1,x\r1,"y\n\r\nz"\r1\r', "line 6: 1 fields where the header has 2"),
        (f"a,b\n{LATE}1,2,3\n", "line 4002: 3 fields where the header has 2"),
        (f"a,b\n{LATE}1,x\n{LATE}1\n", "line 8003: 1 fields where the header has 2"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_line(
    connector: SqlAlchemyConnector, tmp_path: Path, content: str | bytes, fault: str
) -> None:
    path = file(tmp_path, content)
    with pytest.raises(InputError) as refused:
        load(connector, path)
    place = f"{path}{fault}" if fault.startswith(":") else f"{path}, {fault}"
    assert str(refused.value).startswith(place)
    assert not sa.inspect(connector.get_engine()).get_table_names()


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\r\n\n\r", "\n" * 5000])
def test_line_ends_may_be_mixed_and_the_end_may_be_empty_lines(
    connector: SqlAlchemyConnector, tmp_path: Path, end: str
) -> None:
    path = file(tmp_path, f'a,b\r\n1,"x\r\ny"\n2,\r3,"z"{end}')
    loaded = load(connector, path)
    assert loaded.rows == 3
    assert rows_of(connector) == [(1, "x\r\ny"), (2, None), (3, "z")]
    with CheckedCsv(path) as stream:
        assert all_of(stream, 7).rstrip(b"\n") == b'a,b\n1,"x\r\ny"\n2,\n3,"z"'


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=8),
            min_size=3,
            max_size=3,
        ),
        max_size=20,
    ),
    chunk=st.integers(20, 60),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_any_file_arrives_as_it_is_in_parts_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[list[str]], chunk: int, quoting: int
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=quoting).writerows([["a", "b", "c"], *rows])  # type: ignore[arg-type]
    path = file(tmp_path, text.getvalue())
    monkeypatch.setattr(checked_csv, "CHUNK", chunk)
    with CheckedCsv(path) as stream:
        assert all_of(stream, 7) == path.read_bytes()
        stream.refuse_misfit()
        assert stream.records == len(rows)


def test_nothing_from_the_record_on_that_does_not_fit_is_handed_on(tmp_path: Path) -> None:
    path = file(tmp_path, "year\n2000\n 2001 \n0x10\n2002\n")
    with CheckedCsv(path, [rb"[0-9]+"]) as stream:
        assert all_of(stream, 100) == b"year\n2000\n 2001 \n"
        assert stream.misfit == 17
        assert line_at(path, stream.misfit) == 4


def test_memory_does_not_grow_with_a_record_that_never_ends(tmp_path: Path) -> None:
    path = file(tmp_path, b'a\n"' + b"x\n" * 10_000_000)
    with TypedCsv(path) as stream:
        assert all_of(stream, 100) == b"a\n"
        assert stream.fault.startswith("a record of more than 16 MiB")


def test_bad_input_makes_no_pattern_go_back() -> None:
    nearly = b'"a""' * 200_000 + b"b\n"
    with pytest.raises(MalformedRecord):
        split_record(nearly)
    found = grammar().records_pattern([rb"[0-9]+", None]).match(b"1" * 1_000_000 + b"x,\n")
    assert found is not None
    assert found.end() == 0
