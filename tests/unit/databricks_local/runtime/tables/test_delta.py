"""The log of a Delta table: what is read from it, and commits that are whole or not there."""

import json
import threading
from pathlib import Path

import pytest
from databricks_local.runtime.tables.delta.commits import (
    PROTOCOL,
    commit_info,
    new_metadata,
    remove_action,
    write_commit,
    writing,
)
from databricks_local.runtime.tables.delta.loaded_files import loaded_files, notes_of
from databricks_local.runtime.tables.delta.log import Action, DeltaLog, NoDeltaTableError, vector_path
from databricks_local.runtime.tables.delta.schema import (
    Field,
    merged,
    shown_type,
    type_ddl,
    type_text,
)
from databricks_local.runtime.tables.delta.staging import (
    ConcurrentWriteError,
    forget_leftovers,
    publish,
    staged,
    staging,
)
from databricks_local.runtime.tables.delta.versions import forget_versions, laid_out
from databricks_local.runtime.tables.doing.definitions import field_of
from databricks_local.runtime.tables.reading.create import read_columns
from deltalake import DeltaTable


def fields_in(ddl: str) -> list[Field]:
    return [field_of(column) for column in read_columns(ddl)]


FIELDS = fields_in("id INT, name STRING")


def make(table: Path, partitions: tuple[str, ...] = ()) -> None:
    metadata = new_metadata(FIELDS, partitions, {"team": "a"})
    write_commit(table, 0, [commit_info("CREATE TABLE"), {"protocol": PROTOCOL}, {"metaData": metadata}])


def add(path: str, rows: int = 1) -> Action:
    stats = json.dumps({"numRecords": rows})
    return {"path": path, "partitionValues": {}, "size": 10, "modificationTime": 1, "dataChange": True,
            "stats": stats}  # fmt: skip


def test_deltalake_reads_what_is_written(tmp_path: Path) -> None:
    make(tmp_path, ("name",))
    write_commit(tmp_path, 1, [commit_info("WRITE"), {"add": add("a.parquet")}])
    table = DeltaTable(tmp_path)
    assert table.version() == 1
    assert table.metadata().partition_columns == ["name"]
    assert [entry["operation"] for entry in table.history()] == ["WRITE", "CREATE TABLE"]


def test_a_snapshot_of_any_version_with_and_without_a_checkpoint(tmp_path: Path) -> None:
    make(tmp_path)
    for version in range(1, 13):
        actions = [commit_info("WRITE"), {"add": add(f"{version}.parquet")}]
        if version > 1:
            actions.append(remove_action(add(f"{version - 1}.parquet"), 1))
        write_commit(tmp_path, version, actions)
    log = DeltaLog(tmp_path)
    assert list(log.directory.glob("*.checkpoint.parquet"))
    assert [list(log.snapshot(version).files) for version in (0, 5, 11)] == [
        [],
        ["5.parquet"],
        ["11.parquet"],
    ]
    for version in range(10):
        log.path_of(version).unlink()
    newest = log.snapshot()
    assert (newest.version, list(newest.files)) == (12, ["12.parquet"])
    assert newest.configuration == {"team": "a"}
    assert list(newest.fields) == list(FIELDS)
    with pytest.raises(NoDeltaTableError, match="no version 3"):
        log.snapshot(3)


def test_an_old_version_is_a_table_of_its_own_once_there_is_a_checkpoint(tmp_path: Path) -> None:
    make(tmp_path)
    for version in range(1, 11):
        assert laid_out(tmp_path, 0) is None
        (tmp_path / f"k={version}").mkdir()
        write_commit(tmp_path, version, [commit_info("WRITE"), {"add": add(f"k={version}/a%20b.parquet")}])
    place = laid_out(tmp_path, 3)
    assert place is not None
    assert laid_out(tmp_path, 3) == place
    snapshot = DeltaLog(place).snapshot()
    assert (snapshot.version, snapshot.paths) == (0, [f"k={version}/a b.parquet" for version in (1, 2, 3)])
    assert (place / "k=2").resolve() == tmp_path / "k=2"
    assert DeltaLog(tmp_path).latest() == 10
    forget_versions(tmp_path)
    assert not place.exists()


def with_vector(path: str, vector: str) -> Action:
    told = {"storageType": "u", "pathOrInlineDv": vector, "offset": 1, "sizeInBytes": 34, "cardinality": 1}
    return {**add(path), "deletionVector": told}


IN_FOLDER = "ab^-aqEH.-t@S}K{vb[*k^"
"""The example of the protocol of Delta."""
NAME = "deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"


def test_where_deletion_vectors_are() -> None:
    assert vector_path(with_vector("a", IN_FOLDER)) == f"ab/{NAME}"
    assert vector_path(with_vector("a", IN_FOLDER.removeprefix("ab"))) == NAME
    assert vector_path(add("a")) is None
    assert vector_path({**add("a"), "deletionVector": {"storageType": "i", "pathOrInlineDv": "x"}}) is None


@pytest.mark.parametrize("backwards", [False, True])
def test_a_file_with_another_deletion_vector_is_another_file(tmp_path: Path, backwards: bool) -> None:
    make(tmp_path)
    write_commit(tmp_path, 1, [commit_info("WRITE"), {"add": add("a.parquet")}])
    changes = [remove_action(add("a.parquet"), 1), {"add": with_vector("a.parquet", IN_FOLDER)}]
    write_commit(tmp_path, 2, [commit_info("DELETE"), *(changes[::-1] if backwards else changes)])
    log = DeltaLog(tmp_path)
    assert list(log.snapshot().files.values()) == [with_vector("a.parquet", IN_FOLDER)]
    assert log.snapshot().paths == ["a.parquet"]
    assert log.snapshot(1).files.keys().isdisjoint(log.snapshot().files)


def test_a_file_that_is_written_anew_in_a_commit_stays(tmp_path: Path) -> None:
    make(tmp_path)
    write_commit(tmp_path, 1, [commit_info("WRITE"), {"add": add("a.parquet")}])
    again = [{"add": add("a.parquet", 2)}, remove_action(add("a.parquet"), 1)]
    write_commit(tmp_path, 2, [commit_info("WRITE"), *again])
    assert list(DeltaLog(tmp_path).snapshot().files.values()) == [add("a.parquet", 2)]


def test_an_old_version_has_its_deletion_vectors(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / NAME).write_text("vector")
    write_commit(tmp_path, 1, [commit_info("WRITE"), {"add": with_vector("a.parquet", IN_FOLDER)}])
    write_commit(tmp_path, 2, [commit_info("WRITE"), {"add": add("b.parquet")}])
    (DeltaLog(tmp_path).directory / f"{2:020}.checkpoint.parquet").touch()
    place = laid_out(tmp_path, 1)
    assert place is not None
    assert (place / "ab" / NAME).read_text() == "vector"


def test_there_is_no_table(tmp_path: Path) -> None:
    assert not DeltaLog(tmp_path).exists
    with writing(tmp_path):
        assert not DeltaLog(tmp_path).exists
    with pytest.raises(NoDeltaTableError):
        DeltaLog(tmp_path).snapshot()


def test_a_version_is_written_once(tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(FileExistsError):
        make(tmp_path)
    assert [path.name for path in DeltaLog(tmp_path).directory.iterdir()] == [f"{0:020}.json"]


def put_rows(place: Path, name: str, rows: int) -> None:
    (place / name).write_text("rows")
    write_commit(place, 1, [commit_info("WRITE"), {"add": add(name, rows)}])


def test_staged_rows_become_part_of_the_table(tmp_path: Path) -> None:
    make(tmp_path)
    before = DeltaLog(tmp_path).snapshot()
    with staging(tmp_path, before.metadata, before.protocol) as place:
        put_rows(place, "new.parquet", 3)
        rows = staged(place)
        assert rows.metrics == {"numFiles": 1, "numOutputRows": 3, "numOutputBytes": 10}
        assert publish(tmp_path, before, rows, commit_info("WRITE")) == 1
    assert (tmp_path / "new.parquet").exists()
    assert not list(tmp_path.glob("_staging-*"))
    assert list(DeltaLog(tmp_path).snapshot().files) == ["new.parquet"]


def test_rows_that_were_written_twice_are_staged_once(tmp_path: Path) -> None:
    make(tmp_path)
    before = DeltaLog(tmp_path).snapshot()
    with staging(tmp_path, before.metadata, before.protocol) as place:
        assert staged(place).rows == 0
        put_rows(place, "new.parquet", 3)
        write_commit(place, 2, [commit_info("WRITE"), {"add": add("again.parquet", 3)}])
        assert [each["path"] for each in staged(place).adds] == ["new.parquet"]


@pytest.mark.parametrize(
    ("other", "removed", "conflict"),
    [
        ({"add": add("other.parquet")}, False, ""),
        ({"add": add("other.parquet")}, True, "ConcurrentAppendException"),
        (remove_action(add("old.parquet"), 1), True, "ConcurrentDeleteReadException"),
        ({"metaData": new_metadata(FIELDS)}, False, "MetadataChangedException"),
        ({"protocol": PROTOCOL}, False, "ProtocolChangedException"),
    ],
)
def test_a_writer_that_knows_no_lock_is_found(
    tmp_path: Path, other: Action, removed: bool, conflict: str
) -> None:
    make(tmp_path)
    write_commit(tmp_path, 1, [commit_info("WRITE"), {"add": add("old.parquet")}])
    before = DeltaLog(tmp_path).snapshot()
    with staging(tmp_path, before.metadata, before.protocol) as place:
        put_rows(place, "new.parquet", 1)
        rows = staged(place)
        write_commit(tmp_path, 2, [commit_info("WRITE"), other])
        gone = list(before.files.values()) if removed else []
        if not conflict:
            assert publish(tmp_path, before, rows, commit_info("WRITE"), removed=gone) == 3
            return
        with pytest.raises(ConcurrentWriteError, match=conflict):
            publish(tmp_path, before, rows, commit_info("WRITE"), removed=gone)
    assert not (tmp_path / "new.parquet").exists()
    assert DeltaLog(tmp_path).latest() == 2


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    make(tmp_path)
    order: list[str] = []
    entered, leave = threading.Event(), threading.Event()

    def first() -> None:
        with writing(tmp_path):
            entered.set()
            leave.wait(10)
            order.append("first")

    def second() -> None:
        with writing(tmp_path):
            order.append("second")

    threads = [threading.Thread(target=first)]
    threads[0].start()
    assert entered.wait(10)
    threads.append(threading.Thread(target=second))
    threads[1].start()
    leave.set()
    for thread in threads:
        thread.join(10)
    assert order == ["first", "second"]


def test_what_killed_statements_left_is_removed(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "_staging-x").mkdir()
    forget_leftovers(tmp_path, 3600)
    assert (tmp_path / "_staging-x").exists()
    forget_leftovers(tmp_path, -1)
    assert not (tmp_path / "_staging-x").exists()


def test_loaded_files_are_known_when_their_commits_are_cleaned_up(tmp_path: Path) -> None:
    make(tmp_path)
    for version in range(1, 13):
        loaded = notes_of([f"dbfs:/in/{version} ä.csv"], version) if version in (2, 12) else []
        write_commit(tmp_path, version, [commit_info("WRITE"), *loaded, {"add": add(f"{version}.parquet")}])
    log = DeltaLog(tmp_path)
    for version in range(10):
        log.path_of(version).unlink()
    assert loaded_files(log.snapshot()) == {"dbfs:/in/2 ä.csv", "dbfs:/in/12 ä.csv"}
    assert loaded_files(log.snapshot(11)) == {"dbfs:/in/2 ä.csv"}


def test_types_in_sql() -> None:
    (field,) = fields_in("s STRUCT<`a b`: ARRAY<BIGINT>, m: MAP<STRING, DECIMAL(10, 2)>>")
    assert type_text(field["type"]) == "struct<a b:array<bigint>,m:map<string,decimal(10,2)>>"
    assert fields_in(f"s {type_ddl(field['type'])}") == [field]
    (text,) = fields_in("v VARCHAR(10)")
    assert (text["type"], shown_type(text)) == ("string", "varchar(10)")


def test_new_columns_come_last_also_in_structs() -> None:
    old = fields_in("a INT, s STRUCT<x: INT>")
    new = fields_in("s STRUCT<y: INT, x: INT>, b STRING NOT NULL")
    assert merged(old, new) == fields_in("a INT, s STRUCT<x: INT, y: INT>, b STRING")
    with pytest.raises(ValueError, match="a"):
        merged(old, fields_in("a ARRAY<INT>"))


@pytest.mark.parametrize(
    ("commits", "checkpoints", "reach"),
    [
        (range(4), [], (0, 3)),
        (range(13), [10], (0, 12)),
        (range(8, 13), [10], (10, 12)),
        (range(8, 23), [7, 10, 20], (7, 22)),
        (range(11, 13), [10], (10, 12)),
        ([], [10], (10, 10)),
        ([10], [10], (10, 10)),
    ],
)
def test_the_versions_that_can_be_read(
    tmp_path: Path, commits: range, checkpoints: list[int], reach: tuple[int, int]
) -> None:
    log = DeltaLog(tmp_path)
    log.directory.mkdir()
    for version in commits:
        log.path_of(version).touch()
    for version in checkpoints:
        (log.directory / f"{version:020}.checkpoint.parquet").touch()
    assert log.reach() == reach
