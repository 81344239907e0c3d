"""How a file is written is found by its content, and its values are read so that none changes."""

from __future__ import annotations

import csv
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from databricks_blocks.csv import checked as checked_csv
from databricks_blocks.csv import format as csv_formats
from databricks_blocks.csv import records
from databricks_blocks.csv.checked import CheckedCsv
from databricks_blocks.csv.encoding import encoding_of_beginning, encoding_of_other_texts
from databricks_blocks.csv.faults import InputError
from databricks_blocks.csv.format import PLAIN, CsvFormat, CsvOptions, delimiter_of, find_format
from databricks_blocks.csv.numbers import DecimalEvidence
from databricks_blocks.csv.rewriting import plain_records
from databricks_blocks.csv.typed import LoadedFile, load_typed
from databricks_blocks.database.sql import sql_transaction
from prefect_sqlalchemy.database import SqlAlchemyConnector


@pytest.fixture
def connector(tmp_path: Path) -> Iterator[SqlAlchemyConnector]:
    with SqlAlchemyConnector(connection_info=f"sqlite:///{tmp_path / 'db'}") as connector:
        yield connector


def load(
    connector: SqlAlchemyConnector, path: Path, options: CsvOptions
) -> tuple[LoadedFile, list[tuple[Any, ...]]]:
    with sql_transaction(connector, "s") as transaction:
        loaded = load_typed(transaction, path, "t", options=options)
    with connector.get_engine().connect() as connection:
        return loaded, [tuple(row) for row in connection.execute(sa.text("SELECT * FROM s_t"))]


def file(folder: Path, content: str, encoding: str = "utf-8") -> Path:
    path = folder / "x.csv"
    path.write_bytes(content.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("delimiter", "text"),
    [
        (",", "a,b\n1,2\n"),
        (";", "a;b\n1;2\n"),
        ("\t", "a\tb\n1\t2"),
        ("|", "a|b|c\n1|2|3\n"),
        (";", "a;b\n1,5;2,5\n"),
        (";", "name, first;n\nx;1\n"),
        (";", '"a;x";b\n"1;2;3";2\n'),
        # Commas come first, so what was read before is read as before.
        (",", "id,tags;more\n1,a;b\n"),
        (",", "a,b\n1,2\n3\n"),
        (",", 'a,b\n"x;y;z",1\n'),
        (",", "a\n1\n"),
        (",", ""),
        (";", "a;b;c"),
        (";", "a;b;c\n1;2;3\n4;5\n"),
        (";", "a;b\n\n1;2\n"),
    ],
)
def test_the_delimiter_is_the_one_by_which_the_records_are_even(delimiter: str, text: str) -> None:
    assert delimiter_of(text.encode()) == delimiter


@pytest.mark.parametrize(
    ("decimal", "text"),
    [
        (",", "a;b\n1,5;x\n"),
        (",", "a;b\n1;-0,25"),
        (",", 'a;b\n"1,5";x\n'),
        (",", "a;b\n1.234;2,5\n"),
        (".", "a;b\n1.5;x\n"),
        (".", "a;b\n1.5;2,5\n"),
        # A thousand, or one and a bit: it stays a text.
        (".", "a;b\n1,234;12,345\n"),
        (".", "a;b\n1,2,3;x1,5\n"),
        (".", "a;b\n1.234,56;2\n"),
        (".", ""),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_decimals_are_commas_where_only_commas_can_be_them(decimal: str, text: str, size: int) -> None:
    evidence, data = DecimalEvidence(";"), text.encode()
    for start in range(0, len(data), size):
        evidence.add(data[start : start + size])
    assert evidence.decimal == decimal


@pytest.mark.parametrize(
    ("encoding", "beginning"),
    [
        ("utf-8", b""),
        ("utf-8", "a,ü€".encode()),
        ("utf-8", "a,ü".encode()[:-1]),
        ("utf-8", "\ufeffa".encode()),
        ("utf-16", "a,b\n".encode("utf-16")),
        ("utf-16-le", "a,b\n1,2\n".encode("utf-16-le")),
        ("utf-16-be", "a,b\n1,2\n".encode("utf-16-be")),
        ("utf-32", "a,b\n".encode("utf-32")),
        (None, b"a,\xfc,b"),
    ],
)
def test_encodings_of_unicode_are_found_by_their_bytes(encoding: str | None, beginning: bytes) -> None:
    assert encoding_of_beginning(beginning) == encoding


@pytest.mark.parametrize(
    "text", ["Zürich", "Côte d’Ivoire", "España", "Århus, Köln", "5 €", "10 m²", "«où?»", "¿Qué?", "n° 1"]
)
def test_western_european_texts_are_cp1252(text: str) -> None:
    assert encoding_of_other_texts(Path("x.csv"), [text.encode("cp1252")]) == "cp1252"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Город;x\nМосква;1"),
        ("koi8-r", "Москва"),
        ("cp1253", "Αθήνα"),
        ("cp932", "東京都市"),
        ("gb18030", "北京上海"),
        ("cp1250", "Wrocław"),
        ("cp1250", "Łódź"),
    ],
)
def test_what_does_not_look_western_european_has_to_be_named(
    tmp_path: Path, connector: SqlAlchemyConnector, encoding: str, text: str
) -> None:
    path = file(tmp_path, f"a,b\n1,{text.replace(chr(10), ' ')}\n", encoding)
    with pytest.raises(InputError, match=r"x\.csv: not UTF-8, and not Western European; name its encoding"):
        find_format(path, CsvOptions())
    _, rows = load(connector, path, CsvOptions(encoding=encoding))
    assert rows == [(1, text.replace("\n", " "))]


GERMAN = 'Stadt;Wert;Datum;Notiz\nZürich;1,5;2026-11-27;"a, ""b""; c"\nKöln;-2;;1.234,56\n;;;""\n'
GERMAN_ROWS = [
    ("Zürich", "1.5", "2026-11-27", 'a, "b"; c'),
    ("Köln", "-2", None, "1.234,56"),
    (None, None, None, ""),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_file_of_another_format_has_the_same_values(
    tmp_path: Path, connector: SqlAlchemyConnector, encoding: str, delimiter: str, line_end: str
) -> None:
    content = GERMAN.replace(";", delimiter).replace("\n", line_end)
    loaded, rows = load(connector, file(tmp_path, content, encoding), CsvOptions())
    assert rows == [tuple(value and value.replace(";", delimiter) for value in row) for row in GERMAN_ROWS]
    assert [column.kind for column in loaded.table.columns.values()] == ["text", "decimal", "date", "text"]
    assert (loaded.format.delimiter, loaded.format.decimal) == (delimiter, ",")


@pytest.mark.parametrize(
    ("csv_format", "text"),
    [
        (PLAIN, ""),
        (CsvFormat(";", ",", "cp1252"), "semicolons, decimal commas, cp1252"),
        (CsvFormat("\t"), "tabs"),
        (CsvFormat(encoding="utf-16"), "utf-16"),
    ],
)
def test_a_format_is_told_in_words(csv_format: CsvFormat, text: str) -> None:
    assert str(csv_format) == text


def test_what_is_given_is_not_looked_for(tmp_path: Path, connector: SqlAlchemyConnector) -> None:
    path = file(tmp_path, "a;b\n1,234;x\n2.5;ü\n")
    loaded, rows = load(connector, path, CsvOptions(";", ",", "latin-1"))
    assert rows == [("1,234", "x"), ("2.5", "Ã¼")]
    path = file(tmp_path, "a;b\n1,234;x\n")
    loaded, rows = load(connector, path, CsvOptions(";", ","))
    assert (rows, str(loaded.format)) == ([("1.234", "x")], "semicolons, decimal commas")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (CsvOptions(","), "line 2: 2 fields where the header has 1"),
        (CsvOptions(encoding="ascii"), "line 3, column `b`: bytes that are not UTF-8"),
        (CsvOptions(encoding="gb18030"), "line 3, column `b`: bytes that are not GB18030"),
    ],
)
def test_what_is_given_and_does_not_fit_is_refused(
    tmp_path: Path, connector: SqlAlchemyConnector, options: CsvOptions, message: str
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a;b\n1,5;x\n2;y\xff\n")
    with pytest.raises(InputError) as refused:
        load(connector, path, options)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (CsvOptions(encoding="klingon"), "encoding 'klingon': no such encoding"),
        (CsvOptions(encoding="base64"), "encoding 'base64': no such encoding"),
        (CsvOptions(delimiter=",", decimal=","), "delimiter and decimal are both a comma"),
        (CsvOptions(delimiter="x"), "delimiter 'x': it is one of"),
    ],
)
def test_an_option_that_cannot_be_is_refused_in_one_line(options: CsvOptions, message: str) -> None:
    with pytest.raises(InputError) as refused:
        options.check()
    assert str(refused.value).startswith(message)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked_csv, "CHUNK", 1000)
    monkeypatch.setattr(csv_formats, "_SAMPLE", 1000)


@pytest.mark.usefixtures("small_parts")
def test_a_file_that_is_not_utf_8_at_its_end_is_loaded_again(
    tmp_path: Path, connector: SqlAlchemyConnector
) -> None:
    many = 2000
    path = file(tmp_path, f"a,b\n{'1,x' + chr(10)}" + "1,xyz\n" * many + "2,Zürich\n", "cp1252")
    loaded, rows = load(connector, path, CsvOptions())
    assert (loaded.rows, rows[-1], str(loaded.format)) == (many + 2, (2, "Zürich"), "cp1252")


@pytest.mark.usefixtures("small_parts")
def test_a_decimal_comma_at_the_end_counts_for_all(tmp_path: Path, connector: SqlAlchemyConnector) -> None:
    many = 2000
    loaded, rows = load(connector, file(tmp_path, "a;b\n" + "1;xyz\n" * many + "2,5;x\n"), CsvOptions())
    assert (rows[0], rows[-1]) == (("1", "xyz"), ("2.5", "x"))
    [widening] = loaded.widenings
    assert (widening.column, widening.line) == ("a", many + 2)


@pytest.mark.parametrize(
    ("empty", "expected"),
    [("text", [("", None, ""), (None, None, "x")]), ("null", [(None, None, None), (None, None, "x")])],
)
def test_two_quotes_are_the_empty_text_or_no_value(
    tmp_path: Path, connector: SqlAlchemyConnector, empty: Any, expected: list[Any]
) -> None:
    path = file(tmp_path, 'a,n,"c"\n"","",""\n,,x\n"z",1,x\n')
    _, rows = load(connector, path, CsvOptions(empty=empty))
    assert rows[:2] == expected


def test_numbers_lose_only_the_comma_and_texts_keep_theirs() -> None:
    data = b'1,5;"a;b";c,d\n"2,5";"x""y";\n'
    assert plain_records(data, ";", decimals=[0]) == b'1.5,"a;b","c,d"\n"2.5","x""y",\n'
    assert plain_records(data, ";", columns=[2, 0]) == b'"c,d","1,5"\n,"2,5"\n'
    assert plain_records(b"a;b\r\nc;d", ";") == b"a,b\nc,d"
    assert plain_records(b"1,5;c,d;\r\n2;e;x\r", ";", decimals=[0]) == b'1.5,"c,d",\n2,e,x\n'
    assert plain_records(b"", ";", decimals=[0]) == b""
    assert plain_records(b"1,b,c\n,,\n", ",", columns=[2, 0]) == b"c,1\n,\n"


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for many in (40_000, 120_000):
        path = file(tmp_path, "a;b\n" + "Zürich;1,5\n" * many, "utf-16")
        tracemalloc.start()
        with CheckedCsv(path, csv_format=find_format(path, CsvOptions())) as stream:
            while stream.read(100_000):
                pass
            assert stream.records == many
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_the_limit_of_the_csv_module_is_as_it_was() -> None:
    assert records.LONGEST_RECORD > csv.field_size_limit() == 131072
