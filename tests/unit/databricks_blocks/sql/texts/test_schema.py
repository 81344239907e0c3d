"""The table for CSV files, and its DDL."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_blocks.sql.texts.schema import casts_text, create_table_text, csv_table


def written(folder: Path, **texts: str) -> list[Path]:
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    return [folder / f"{name}.csv" for name in texts]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["2024-06-21", ""], "DATE"),
        (["2024-06-21", "2024-06-21 10:00"], "TIMESTAMP_NTZ"),
        (["2024-06-21T10:00:00Z"], "TIMESTAMP"),
        (["True", "false"], "BOOLEAN"),
        (["1", "-20"], "BIGINT"),
        (["1", "2.5"], "DOUBLE"),
        (["1.5", "2", "1e3"], "DOUBLE"),
        (["123456789012345678", "1"], "BIGINT"),
        (["123456789012345678", "0.5"], "STRING"),
        (["0.12345678901234567"], "STRING"),
        (["1234567890123456789012"], "STRING"),
        (["007"], "STRING"),
        (["", ""], "STRING"),
        (["1", "x"], "STRING"),
    ],
)
def test_a_type_keeps_every_value(tmp_path: Path, values: list[str], kind: str) -> None:
    text = "".join(f"{value},x\n" for value in ["a", *values])
    assert csv_table(written(tmp_path, one=text)).columns == {"a": kind, "x": "STRING"}
    # The same, if each value is in a file of its own.
    alone = {f"f{place}": f"a,x\n{value},x\n" for place, value in enumerate(values)}
    assert csv_table(written(tmp_path, **alone)).columns == {"a": kind, "x": "STRING"}


def test_a_late_value_counts(tmp_path: Path) -> None:
    text = "n,d\n" + "1,2024-06-21\n" * 200_000 + "1.5,\nlate,\n"
    assert csv_table(written(tmp_path, large=text)).columns == {"n": "STRING", "d": "DATE"}


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a,b\n1,2\n", {}),
        ("a;b\n1;2.5\n", {"sep": ";"}),
        ("a\tb\n1\t2\n", {"sep": "\t"}),
        ('a,b\n"x ""y"" z",2\n', {}),
        ('a,b\n"x\ny",2\n', {"multiLine": "true"}),
        ('a,b\n"x ""y""\rz",2\n', {"multiLine": "true"}),
        ('"a\nb",c\n1,2\n', {"multiLine": "true"}),
    ],
)
def test_files_are_read_as_they_are_written(tmp_path: Path, text: str, options: dict[str, str]) -> None:
    found = csv_table(written(tmp_path, one=text)).format_options
    assert found == {"header": "true", "escape": '"', **options}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"one": "a,b\n1,2\n1\n"}, "one.csv, line 3: 1 fields where the header has 2"),
        ({"one": "a,b\n1,2\n", "two": "b,a\n1,2\n"}, "two.csv, line 1: its columns are not those of"),
        ({"one": "a,b\n1,2\n", "two": "a;b\n1;2\n"}, "two.csv: is not written as"),
        ({"one": "a;b\n1,5;2\n"}, "one.csv: has decimal commas"),
        ({"one": "a,A\n1,2\n"}, "one.csv, line 1: column `a` occurs 2 times"),
        ({"one": "a,\n1,2\n"}, "one.csv, line 1: a column without a name"),
        ({"one": ""}, "one.csv, line 1: empty"),
        ({"one": 'a\n"1\n'}, "one.csv, line 2"),
    ],
)
def test_what_cannot_be_loaded_is_named_with_its_place(
    tmp_path: Path, texts: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        csv_table(written(tmp_path, **texts))


def test_a_line_break_in_any_file_counts(tmp_path: Path) -> None:
    files = written(tmp_path, one="a,b\n1,2\n", two='a,b\n1,"' + "long " * 100_000 + '\n"\n')
    assert csv_table(files).format_options["multiLine"] == "true"


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv: No such file"):
        csv_table([tmp_path / "gone.csv"])


def test_names_of_columns_are_quoted() -> None:
    text = create_table_text("my-schema.plants", {"a`b": "STRING", "plain": "DECIMAL(10, 2)"})
    assert text == (
        "CREATE TABLE IF NOT EXISTS `my-schema`.`plants` (`a``b` STRING, `plain` DECIMAL(10, 2))\nUSING DELTA"
    )
    assert create_table_text("t", {"SHW (%)": "DOUBLE"}).endswith(
        "USING DELTA TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"
    )


@pytest.mark.parametrize("kind", ["", "INT; DROP TABLE x", "'x'", "INT -- "])
def test_a_type_is_nothing_but_a_type(kind: str) -> None:
    for text in (partial(create_table_text, "t"), casts_text):
        with pytest.raises(InputError, match="is not a SQL type"):
            text({"a": kind})


def test_texts_are_cast_and_their_names_quoted() -> None:
    text = casts_text({"a`b; --": "DECIMAL(10, 2)", "plain": "STRING", "day": "DATE"})
    assert text == ("CAST(`a``b; --` AS DECIMAL(10, 2)) AS `a``b; --`, `plain`, CAST(`day` AS DATE) AS `day`")
