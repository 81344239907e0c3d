"""COPY INTO as it is written, and the files that it is for."""

import pytest
from databricks_local.runtime.tables.copying.options import refuse_unknown
from databricks_local.runtime.tables.copying.reading import Copy, chosen, is_hidden, key_of, read_copy
from databricks_local.runtime.tables.reading.cursor import Cursor, StatementError
from pyspark.errors import UnsupportedOperationException


def test_all_that_can_be_said() -> None:
    copy = read_copy(
        Cursor(
            "COPY INTO a.b.c FROM (SELECT _c0 AS x, _metadata.file_name f FROM 's3://b/in' "
            "WITH (CREDENTIAL (AWS_ACCESS_KEY = 'k', AWS_SECRET_KEY = 's')) AS s WHERE _c0 > 1) "
            "FILEFORMAT = CSV VALIDATE 15 ROWS PATTERN = '*.csv' "
            "FORMAT_OPTIONS ('header' = 'true', 'mergeSchema' = true) COPY_OPTIONS (FORCE = 'true')"
        )
    )
    assert copy == Copy(
        table=("a", "b", "c"),
        source="s3://b/in",
        file_format="csv",
        select="_c0 AS x, _metadata.file_name f",
        alias="s",
        where="_c0 > 1",
        validate=15,
        pattern="*.csv",
        format_options={"header": "true", "mergeschema": "true"},
        copy_options={"force": "true"},
    )
    assert copy.validates
    assert copy.is_set("force")


@pytest.mark.parametrize(
    ("text", "validate"),
    [
        ("", -1),
        ("VALIDATE", None),
        ("VALIDATE ALL", None),
        ("VALIDATE 3 ROWS", 3),
    ],
)
def test_validate(text: str, validate: int | None) -> None:
    assert read_copy(Cursor(f"COPY INTO t FROM '/x' FILEFORMAT = JSON {text}")).validate == validate


def test_columns_and_positions() -> None:
    assert read_copy(Cursor("COPY INTO t BY POSITION FROM '/x' FILEFORMAT = CSV")).by_position
    assert read_copy(Cursor("COPY INTO t (a, `b c`) FROM '/x' FILEFORMAT = CSV")).columns == ("a", "b c")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("COPY INTO t FROM '/x' FILEFORMAT = EXCEL", "excel is not one of"),
        ("COPY INTO t FROM /x FILEFORMAT = CSV", "a string"),
        ("COPY INTO t FROM '/x' FILEFORMAT = CSV FILES = ('a') PATTERN = 'b'", "exclude each other"),
        ("COPY INTO t FROM '/x' FILEFORMAT = CSV NONSENSE", "FILES, PATTERN"),
        (
            "COPY INTO t FROM '/x' FILEFORMAT = CSV FILES = (" + "'a', " * 1000 + "'a')",
            "1000 are allowed",
        ),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(StatementError, match=message):
        read_copy(Cursor(text))


NAMES = ["a.csv", "b.json", "_x.csv", ".c.csv", "day=1/a.csv", "day=1/_y.csv"]


@pytest.mark.parametrize(
    ("files", "pattern", "expected"),
    [
        ((), "", ["a.csv", "b.json", "day=1/a.csv"]),
        ((), "*.csv", ["a.csv"]),
        ((), "{a,b}.*", ["a.csv", "b.json"]),
        ((), "day=[0-9]/?.csv", ["day=1/a.csv"]),
        (("a.csv", "/in/b.json", "none.csv"), "", ["a.csv", "b.json"]),
    ],
)
def test_the_files_that_are_chosen(files: tuple[str, ...], pattern: str, expected: list[str]) -> None:
    assert chosen(Copy(("t",), "/in", "csv", files=files, pattern=pattern), NAMES) == expected


@pytest.mark.parametrize(
    ("source", "files", "options", "expected"),
    [
        ("/in", ("dbfs:/x/../in/a.csv", "./b.json", "day=1//a.csv"), {}, ["a.csv", "b.json", "day=1/a.csv"]),
        ("dbfs:/in", ("/in//a.csv",), {}, ["a.csv"]),
        ("file:/in", ("/in/a.csv",), {}, []),
        ("/in", (), {"pathglobfilter": "*.json"}, ["b.json"]),
        ("/in", (), {"pathglobfilter": "a.*"}, ["a.csv", "day=1/a.csv"]),
        ("/in", ("a.csv", "b.json"), {"pathglobfilter": "*.json"}, ["b.json"]),
    ],
)
def test_files_are_found_however_they_are_named(
    source: str, files: tuple[str, ...], options: dict[str, str], expected: list[str]
) -> None:
    assert chosen(Copy(("t",), source, "csv", files=files, format_options=options), NAMES) == expected


@pytest.mark.parametrize("source", ["/in/x", "dbfs:/in/x", "dbfs:///in//x/", "/y/../in/./x", "in/x"])
def test_a_place_has_one_key(source: str) -> None:
    assert key_of(read_copy(Cursor(f"COPY INTO t FROM '{source}' FILEFORMAT = CSV")).source) == "dbfs:/in/x"


@pytest.mark.parametrize(
    ("file_format", "options", "copy_options", "message"),
    [
        ("csv", {"rescueddatacolumn": "_r"}, {}, "rescueddatacolumn in FORMAT_OPTIONS of COPY INTO from CSV"),
        ("csv", {"mode": "DROPMALFORMED"}, {}, "mode = 'DROPMALFORMED'.*one of failfast, permissive"),
        ("csv", {"header": "yes"}, {}, "header = 'yes'.*one of true, false"),
        ("csv", {"encoding": "latin1"}, {}, "encoding = 'latin1'"),
        ("json", {"header": "true"}, {}, "header in FORMAT_OPTIONS of COPY INTO from JSON"),
        ("parquet", {"dateformat": "y"}, {}, "dateformat"),
        ("csv", {}, {"force": "tru"}, "force = 'tru'"),
        ("csv", {}, {"nonsense": "1"}, "nonsense in COPY_OPTIONS.*there are force, mergeschema"),
    ],
)
def test_options_that_would_be_passed_over_are_refused(
    file_format: str, options: dict[str, str], copy_options: dict[str, str], message: str
) -> None:
    copy = Copy(("t",), "/in", file_format, format_options=options, copy_options=copy_options)
    with pytest.raises(UnsupportedOperationException, match=message):
        refuse_unknown(copy)


def test_options_that_are_served() -> None:
    options = {"header": "TRUE", "sep": ";", "mode": "PERMISSIVE", "pathglobfilter": "*.csv"}
    refuse_unknown(Copy(("t",), "/in", "csv", format_options=options, copy_options={"force": "false"}))


def test_hidden_files() -> None:
    assert is_hidden("a/_b/c.csv")
    assert not is_hidden("_a=1/c.csv")
