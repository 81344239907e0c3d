"""What a load returns, and what is told of one that failed."""

from __future__ import annotations

from typing import Any

import pytest
from databricks_blocks.sql.errors import StatementFailed
from databricks_blocks.sql.results import SqlResult
from databricks_flows.tasks import copy_into as copying
from databricks_flows.tasks.copy_into import CopyResult
from databricks_flows.tasks.uploads import UploadedFile


def result(**affected: int) -> SqlResult:
    return SqlResult("1", "url", {}, {f"num_{name}": count for name, count in affected.items()})


@pytest.mark.parametrize(
    ("results", "rows", "total", "skipped"),
    [
        ([result(affected_rows=3, skipped_corrupt_files=1)], [3], 3, 1),
        ([result(affected_rows=3), result(affected_rows=4, skipped_corrupt_files=2)], [3, 4], 7, 2),
        ([result(), result(affected_rows=4)], [None, 4], None, 0),
        ([result()], [0], 0, 0),
    ],
)
def test_the_rows_of_all_statements_count(
    results: list[SqlResult], rows: list[int | None], total: int | None, skipped: int
) -> None:
    found = copying._result("t", 5, results, rows)
    assert found == CopyResult("t", 5, total, skipped)
    assert found.statement_ids == tuple("1" for _ in results)


@pytest.mark.parametrize(
    ("message", "places", "told", "may_retry"),
    [
        ("[CAST_INVALID_INPUT] x", ["a.csv, line 2"], "a.csv, line 2: [CAST_INVALID_INPUT] x", False),
        ("[TABLE_OR_VIEW_NOT_FOUND] x", [], "[TABLE_OR_VIEW_NOT_FOUND] x", False),
        ("[COPY_INTO_DUPLICATED_FILES_COPY_NOT_ALLOWED] x", [], None, True),
        ("[DELTA_CONCURRENT_APPEND] x", [], None, True),
    ],
)
def test_a_failure_tells_its_place_and_whether_to_try_again(
    message: str, places: list[str], told: str | None, may_retry: bool
) -> None:
    failed = StatementFailed(
        message, statement_id="7", url="url", error_code="BAD_REQUEST", sql_state="22018"
    )
    error = copying._told(failed, places)
    assert (error.message, error.may_retry) == (told or message, may_retry)
    assert (error.statement_id, error.url, error.sql_state) == ("7", "url", "22018")


@pytest.mark.parametrize(
    ("uris", "folder"),
    [
        (["s3://b/in/a.csv", "s3://b/in/a b.csv"], "s3://b/in"),
        (["/Volumes/main/elt/in/a.csv"], "/Volumes/main/elt/in"),
    ],
)
def test_uploaded_files_are_in_one_folder(uris: list[str], folder: str) -> None:
    files = [UploadedFile("x", uri.rpartition("/")[2], uri, 1, "new") for uri in uris]
    assert copying._folder_of(files) == folder


@pytest.mark.parametrize(("given", "columns"), [(False, {}), ({"a": "INT"}, {"a": "INT"})])
def test_a_table_is_made_only_on_request(given: Any, columns: dict[str, str]) -> None:
    assert copying._table_for(given, []) == (columns, {})


@pytest.mark.parametrize(
    ("file_format", "read", "copied", "is_typed"),
    [
        ("csv", {"header": True}, {}, False),
        ("CSV", {"Header": "TRUE"}, {"mergeSchema": False}, False),
        ("CSV", {}, {}, True),
        ("CSV", {"header": True, "inferSchema": True}, {}, True),
        ("CSV", {"header": True}, {"MERGESCHEMA": "true"}, True),
        ("JSON", {"header": True}, {}, True),
    ],
)
def test_the_texts_of_csv_files_are_cast_to_known_types(
    file_format: str, read: dict[str, Any], copied: dict[str, Any], is_typed: bool
) -> None:
    assert copying._is_typed(file_format, read, copied) is is_typed
