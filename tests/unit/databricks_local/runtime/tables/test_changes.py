"""What becomes of the rows that were there, and of a change that the engine makes by itself."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from databricks_local.runtime.tables.delta.commits import (
    PROTOCOL,
    AppendOnlyError,
    commit_info,
    new_metadata,
    require_removable,
    write_commit,
)
from databricks_local.runtime.tables.delta.engine_commits import commit_of_engine
from databricks_local.runtime.tables.delta.log import Action, DeltaLog, Snapshot
from databricks_local.runtime.tables.delta.schema import field_in
from databricks_local.runtime.tables.delta.staging import Staged, publish, staged, staging
from databricks_local.runtime.tables.doing.writing import same_partitions_removed
from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.reading.insert import read_insert
from pyspark.errors import PySparkException

FIELDS = [field_in("n", "INT"), field_in("p", "STRING")]


def make(table: Path, properties: dict[str, str] | None = None) -> None:
    metadata = new_metadata(FIELDS, (), properties or {})
    write_commit(table, 0, [commit_info("CREATE TABLE"), {"protocol": PROTOCOL}, {"metaData": metadata}])


def add(path: str, **values: str | None) -> Action:
    return {"path": path, "partitionValues": values, "size": 1, "modificationTime": 1, "dataChange": True}


def by_engine(operation: str = "UPDATE", **metrics: int) -> list[Action]:
    told = commit_info(operation, None, metrics)
    told["commitInfo"]["engineInfo"] = "sail-delta-lake:0.7.2"
    return [told, {"add": add("new")}]


def by_another() -> list[Action]:
    return [commit_info("WRITE"), {"add": add("other")}]


FAILED = PySparkException("Failed to commit transaction: 0")
Step = Callable[[Path], None]


def commits(version: int, actions: Sequence[Action]) -> Step:
    return lambda table: write_commit(table, version, actions)


def fails(table: Path) -> None:
    raise FAILED


@pytest.mark.parametrize(
    ("tries", "updated"),
    [
        ([[commits(1, by_engine(numUpdatedRows=3))]], 3),
        # It was done, and the answer was lost: the request that was sent again met its own commit.
        ([[commits(1, by_engine(numUpdatedRows=3)), fails]], 3),
        # Nothing was done.
        ([[fails], [commits(1, by_engine(numUpdatedRows=3))]], 3),
    ],
)
def test_the_log_says_whether_the_engine_has_changed_a_table(
    tmp_path: Path, tries: list[list[Step]], updated: int
) -> None:
    make(tmp_path)
    left = iter(tries)

    def run() -> None:
        for step in next(left):
            step(tmp_path)

    assert commit_of_engine(tmp_path, "t", 0, "UPDATE", run) == {"numUpdatedRows": str(updated)}
    assert next(left, None) is None


@pytest.mark.parametrize(
    ("tries", "message"),
    [
        ([[commits(1, by_another()), fails]], "DELTA_CONCURRENT_APPEND.*version 0 was read, there is 1 now"),
        ([[commits(1, by_engine("MERGE")), fails]], "DELTA_CONCURRENT_APPEND"),
        ([[commits(1, by_engine()), commits(2, by_another()), fails]], "DELTA_CONCURRENT_APPEND"),
        ([[fails], [fails]], "DELTA_CONCURRENT_WRITE.*version 0 was read, there is 0 now"),
    ],
)
def test_a_change_by_somebody_else_is_a_conflict(
    tmp_path: Path, tries: list[list[Step]], message: str
) -> None:
    make(tmp_path)
    left = iter(tries)

    def run() -> None:
        for step in next(left):
            step(tmp_path)

    with pytest.raises(PySparkException, match=message):
        commit_of_engine(tmp_path, "t", 0, "UPDATE", run)


def test_another_error_is_told_as_it_is(tmp_path: Path) -> None:
    make(tmp_path)

    def run() -> None:
        raise PySparkException("no such column")

    with pytest.raises(PySparkException, match="no such column"):
        commit_of_engine(tmp_path, "t", 0, "UPDATE", run)


@pytest.mark.parametrize(("value", "only_grows"), [("true", True), ("TRUE", True), ("false", False)])
def test_a_table_that_only_grows_loses_no_file(tmp_path: Path, value: str, only_grows: bool) -> None:
    make(tmp_path, {"delta.appendOnly": value})
    write_commit(tmp_path, 1, by_another())
    before = DeltaLog(tmp_path).snapshot()
    with staging(tmp_path, before.metadata, before.protocol) as place:
        rows = staged(place)
        if only_grows:
            with pytest.raises(AppendOnlyError, match="SET TBLPROPERTIES"):
                publish(tmp_path, before, rows, commit_info("WRITE"), removed=[add("other")])
            with pytest.raises(AppendOnlyError):
                require_removable(before)
        publish(tmp_path, before, rows, commit_info("WRITE"), removed=[] if only_grows else [add("other")])


@pytest.mark.parametrize(
    ("partitions", "new", "gone"),
    [
        (("p",), [{"p": "x"}], ["a"]),
        (("p",), [{"p": None}], ["c"]),
        (("p",), [], []),
        # A table without partitions is one.
        ((), [], ["a", "b", "c"]),
    ],
)
def test_the_partitions_of_the_rows_go(
    tmp_path: Path, partitions: tuple[str, ...], new: list[dict[str, str | None]], gone: list[str]
) -> None:
    files = {"a": add("a", p="x"), "b": add("b", p="y"), "c": add("c", p=None)}
    before = Snapshot(1, partitions=partitions, files=files)
    rows = Staged(tmp_path, [add("new", **values) for values in new], {})
    assert [each["path"] for each in same_partitions_removed(before, rows)] == gone


def test_the_values_of_partitions_that_are_given() -> None:
    asked = read_insert(Cursor("INSERT OVERWRITE t PARTITION (P = 'x', q) SELECT 1"))
    assert (asked.partitions, asked.fixed) == ((("P", "'x'"), ("q", "")), {"p": "'x'"})
