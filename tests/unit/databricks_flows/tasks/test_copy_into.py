"""What a load returns, and what is told of one that failed."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest
from databricks_blocks.sql.errors import StatementFailed
from databricks_blocks.sql.results import SqlResult
from databricks_blocks.sql.texts import copy_into as texts
from databricks_flows.sql.request import SqlRequest
from databricks_flows.tasks import copy_into as copying
from databricks_flows.tasks.copy_result import CopyFailed, CopyResult
from databricks_flows.tasks.uploads import UploadedFile
from prefect.logging import disable_run_logger

NOTHING = CopyResult("t", 0, 0, 0)


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
    found = NOTHING
    for each, number in zip(results, rows, strict=True):
        found = found.with_batch(5, number, each)
    assert found == CopyResult("t", 5 * len(results), total, skipped)
    assert found.statement_ids == tuple("1" for _ in results)
    assert NOTHING.with_batch(None, 3, result()).files is None


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
    error = copying._told(failed, places, NOTHING)
    assert not isinstance(error, CopyFailed)
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


@pytest.mark.parametrize(("given", "columns"), [(False, {}), (True, {}), ({"a": "INT"}, {"a": "INT"})])
def test_a_table_is_made_only_on_request(given: Any, columns: dict[str, str]) -> None:
    assert copying._table_for(given, []) == (columns, {})


def test_what_is_loaded_in_spite_of_a_failure_is_told_and_survives_pickling() -> None:
    failed = StatementFailed("[CAST_INVALID_INPUT] x\nmore", statement_id="7", url="url", sql_state="22018")
    done = NOTHING.with_batch(1000, 2000, result())
    error = pickle.loads(pickle.dumps(copying._told(failed, ["b.csv, line 2"], done)))
    assert error.message == (
        "b.csv, line 2; 1,000 other files are loaded, with 2,000 new rows: [CAST_INVALID_INPUT] x\nmore"
    )
    assert (error.copied, error.copied.statement_ids) == (done, ("1",))
    assert (error.statement_id, error.sql_state) == ("7", "22018")


class Statements:
    """Answers of a warehouse: each file has a row, and a statement with a bad file fails."""

    def __init__(self) -> None:
        self.asked: list[SqlRequest] = []
        self.columns: dict[str, str] = {}

    @property
    def texts(self) -> list[str]:
        return [text for each in self.asked for text in each.statements]

    def look(self, text: str) -> SqlResult:
        if not self.columns:
            raise StatementFailed("[TABLE_OR_VIEW_NOT_FOUND] x", sql_state="42P01")
        columns = [{"name": name, "type_text": kind} for name, kind in self.columns.items()]
        return SqlResult("0", "url", {"schema": {"columns": columns}}, {})

    async def run(self, request: SqlRequest) -> list[SqlResult]:
        self.asked.append(request)
        [text] = request.statements
        if text.startswith("SELECT"):
            return [self.look(text)]
        if "bad.csv" in text:
            raise StatementFailed("[CAST_INVALID_INPUT] x", statement_id="9", url="url")
        rows = text.count(".csv'")
        return [SqlResult(f"id of {rows}", "url", {}, {"num_affected_rows": rows})]


def copied(files: list[str], **given: Any) -> Any:
    async def copy() -> Any:
        with disable_run_logger():
            return await copying._copy_into("t", "/in", files=files, **given)

    return asyncio.run(copy())


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    answers = Statements()
    monkeypatch.setattr(copying, "run_sql", answers.run)
    monkeypatch.setattr(texts, "MOST_FILES", 2)
    return answers


def test_a_failure_tells_what_the_statements_before_it_have_loaded(statements: Statements) -> None:
    with pytest.raises(CopyFailed, match="2 other files are loaded, with 2 new rows") as failed:
        copied(["a.csv", "b.csv", "bad.csv"])
    assert failed.value.copied == CopyResult("t", 2, 2, 0)
    assert failed.value.copied.statement_ids == ("id of 2",)
    with pytest.raises(StatementFailed) as alone:
        copied(["bad.csv", "a.csv", "b.csv"])
    assert not isinstance(alone.value, CopyFailed)


def test_each_statement_is_a_call_of_its_own_which_other_files_do_not_change(statements: Statements) -> None:
    options = {"force": True, "create_table": {"n": "INT"}, "format_options": {"header": True}}
    copied(["a.csv", "b.csv", "c.csv"], **options)
    copied(["a.csv", "b.csv"], **options)
    texts = statements.texts
    assert [text.split()[0] for text in texts] == [
        "SELECT",
        "CREATE",
        "COPY",
        "COPY",
        "SELECT",
        "CREATE",
        "COPY",
    ]
    assert texts[:3] == texts[4:]
    assert all(len(each.statements) == 1 for each in statements.asked)


def test_a_table_that_is_there_is_not_made_and_has_its_own_types(statements: Statements) -> None:
    given = {
        "create_table": {"n": "DOUBLE", "Day": "DATE", "new": "DOUBLE"},
        "format_options": {"header": True},
    }
    copied(["a.csv"], **given)
    assert statements.texts[1].startswith("CREATE TABLE")
    assert "CAST(`n` AS DOUBLE) AS `n`, CAST(`Day` AS DATE) AS `Day`" in statements.texts[2]
    statements.asked, statements.columns = [], {"n": "BIGINT", "day": "STRING"}
    copied(["a.csv"], **given)
    _, copy = statements.texts
    # 1.5 is refused by name, and not cut to 1.
    assert "(SELECT CAST(`n` AS BIGINT) AS `n`, `Day`, CAST(`new` AS DOUBLE) AS `new` FROM" in copy


def test_all_statements_share_the_time(statements: Statements) -> None:
    copied(["a.csv", "b.csv", "c.csv"], timeout_seconds=5)
    first, second = (each.timeout_seconds or 0 for each in statements.asked)
    assert 0 < second < first <= 5


def test_nothing_to_load_is_nothing_to_do(statements: Statements) -> None:
    async def copy() -> Any:
        return await copying._copy_into("t", [], create_table=True)

    assert asyncio.run(copy()) == CopyResult("t", 0, 0, 0)
    assert statements.asked == []


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
