"""The query of COPY INTO around its files."""

import pytest
from databricks_local.runtime.tables.copying.selecting import asks_for_files, spelled_out


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("*", "`a`, `b c`"),
        ("*, _metadata.file_name AS f", "`a`, `b c`, _metadata.file_name AS f"),
        ("a, *", "a, `a`, `b c`"),
        ("s.*", "`s`.`a`, `s`.`b c`"),
        ("* EXCEPT (A), 1", "`b c`, 1"),
        ("a::INT, (a * b)::INT AS t, 2 * 3", "a::INT, (a * b)::INT AS t, 2 * 3"),
        ("count(*)", "count(*)"),
        ("input_file_name() AS f", "_metadata.file_path AS f"),
        ("INPUT_FILE_NAME ( ), 'input_file_name() *'", "_metadata.file_path, 'input_file_name() *'"),
    ],
)
def test_stars_and_names_of_files(select: str, expected: str) -> None:
    assert spelled_out(select, ["a", "b c"]) == expected


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("_metadata.file_name", True),
        ("Input_File_Name()", True),
        ("'_metadata'", False),
        ("a -- _metadata", False),
    ],
)
def test_whether_files_are_asked_for(text: str, asks: bool) -> None:
    assert asks_for_files(text) is asks
