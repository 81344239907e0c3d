"""Which files are loaded, and into which tables."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_flows.load.sources import check_schema, find_sources


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    for name in ("b.csv", "a.CSV", "deep/Größe 1.csv", "notes.txt"):
        (tmp_path / name).write_text("x\n")
    return tmp_path


@pytest.mark.parametrize(
    ("names", "tables"),
    [
        (["."], ["a", "b"]),
        (["b.csv", ".", "b.csv"], ["b", "a"]),
        (["**/*.csv"], ["b", "grosse_1"]),
        (["notes.txt"], ["notes"]),
    ],
)
def test_files_folders_and_patterns_are_found_once(folder: Path, names: list[str], tables: list[str]) -> None:
    found = find_sources([str(folder / name) for name in names], reserved="loaded_files")
    assert [source.table for source in found] == tables


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["c.csv"], "c.csv: no such file or folder"),
        (["*.tsv"], "*.tsv: no such file or folder"),
        (["empty"], "empty: holds no CSV file"),
        (["b.csv", "deep/B.csv"], "both make the table `b`; rename one"),
        (["deep/Loaded files.csv"], "the table `loaded_files` is kept"),
    ],
)
def test_what_cannot_be_loaded_is_refused_before_anything_is(
    folder: Path, names: list[str], message: str
) -> None:
    (folder / "empty").mkdir()
    for name in ("deep/B.csv", "deep/Loaded files.csv"):
        (folder / name).write_text("x\n")
    with pytest.raises(InputError, match=re.escape(message)):
        find_sources([str(folder / name) for name in names], reserved="loaded_files")


@pytest.mark.parametrize("name", ["pipe.csv", ".", "p*.csv"])
def test_a_named_pipe_is_refused_and_not_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.csv").write_text("x\n")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match=re.escape("pipe.csv: a named pipe, not a regular file")):
        find_sources([str(tmp_path / name)], reserved="loaded_files")


def test_a_device_is_refused() -> None:
    with pytest.raises(InputError, match="/dev/zero: a device, not a regular file"):
        find_sources(["/dev/zero"], reserved="loaded_files")


def test_a_name_that_is_not_utf_8_is_told_so_that_it_can_be_sent(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / os.fsdecode(b"x-\xff.csv")).write_text("x\n")
    [source] = find_sources([str(tmp_path / "one")], reserved="loaded_files")
    assert source.name == f"{tmp_path}/one/x-\\udcff.csv"
    with pytest.raises(InputError) as caught:
        find_sources([str(tmp_path / "one"), str(tmp_path / "two")], reserved="loaded_files")
    assert f"{tmp_path}/two/x-\\udcff.csv: both make the table" in str(caught.value)


@pytest.mark.parametrize("name", ["information_schema", "pg_catalog", "pg_toast"])
def test_a_schema_of_the_database_itself_is_refused(name: str) -> None:
    with pytest.raises(InputError) as refused:
        check_schema(name)
    assert str(refused.value) == (
        f"target_schema: `{name}` is kept for the database itself; name another schema"
    )


@pytest.mark.parametrize("name", ["csv_files", "pgdata", "information"])
def test_other_schemas_are_taken(name: str) -> None:
    check_schema(name)
