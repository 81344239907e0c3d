"""The Statement Execution API by the official SDK."""

import csv
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from databricks.sdk.errors import NotFound
from databricks.sdk.service import sql

from .sql_lab import ASYNC, COMPLETE, ENDLESS, SqlLab, starter_of, state_of
from .workspace_lab import Lab, until

ARROW = {"disposition": sql.Disposition.EXTERNAL_LINKS, "format": sql.Format.ARROW_STREAM}
PATH = "/api/2.0/sql/statements"


@pytest.fixture(scope="module")
def starter(lab: Lab) -> SqlLab:
    return starter_of(lab)


def parameter(name: str, value: str | None = None, kind: str | None = None) -> sql.StatementParameterListItem:
    return sql.StatementParameterListItem(name=name, value=value, type=kind)


def fetched(link: sql.ExternalLink) -> bytes:
    assert link.external_link
    answer = httpx.get(link.external_link)
    assert answer.status_code == 200, answer.text
    return answer.content


def chunks_of(starter: SqlLab, answer: sql.StatementResponse) -> list[bytes]:
    """All chunks of a result by their links, in order."""
    assert answer.statement_id
    assert answer.manifest
    contents = []
    for index in range(answer.manifest.total_chunk_count or 0):
        data = starter.statements.get_statement_result_chunk_n(answer.statement_id, index)
        (link,) = data.external_links
        content = fetched(link)
        assert link.byte_count == len(content)
        contents.append(content)
    return contents


def test_values_are_text_and_the_manifest_says_their_types(starter: SqlLab) -> None:
    answer = starter.execute(
        "SELECT true AS yes, tinyint(1) AS tiny, smallint(2) AS small, 3 AS number, 4L AS long, "
        "float(1.5) AS real, 1e10D AS double, CAST(1.5 AS DECIMAL(10,2)) AS price, 'ä\"' AS text, "
        "X'00ff' AS bytes, DATE'2024-02-29' AS day, TIMESTAMP'2024-02-29 12:30:00.25' AS moment, "
        "TIMESTAMP_NTZ'2024-02-29 12:30:00' AS local, (INTERVAL 1 DAY) AS days, "
        "(INTERVAL 14 MONTH) AS months, "
        "array(1, null) AS list, map('a', 1) AS pairs, named_struct('q', 1, 'R', 'x') AS pair, NULL AS none"
    )
    assert answer.manifest
    assert answer.manifest.schema
    columns = {each.name: each for each in answer.manifest.schema.columns or []}
    assert answer.result
    (row,) = answer.result.data_array or []
    shown = dict(zip(columns, row, strict=True))
    assert shown == {
        "yes": "true", "tiny": "1", "small": "2", "number": "3", "long": "4", "real": "1.5",
        "double": "1.0E10", "price": "1.50", "text": 'ä"', "bytes": "00ff", "day": "2024-02-29",
        "moment": "2024-02-29T12:30:00.250Z", "local": "2024-02-29T12:30:00.000",
        "days": "1 00:00:00.000000000", "months": "1-2", "list": "[1,null]", "pairs": '{"a":1}',
        "pair": '{"q":1,"R":"x"}', "none": None,
    }  # fmt: skip
    texts = {name: column.type_text for name, column in columns.items()}
    assert (texts["tiny"], texts["long"], texts["price"]) == ("TINYINT", "BIGINT", "DECIMAL(10,2)")
    assert (texts["list"], texts["pairs"]) == ("ARRAY<INT>", "MAP<STRING, INT>")
    assert texts["pair"] == "STRUCT<q: INT, R: STRING>"
    assert columns["tiny"].type_name is sql.ColumnInfoTypeName.BYTE
    assert columns["none"].type_name is sql.ColumnInfoTypeName.NULL
    assert (columns["price"].type_precision, columns["price"].type_scale) == (10, 2)
    assert columns["moment"].position == 11


def test_a_statement_without_rows_has_no_chunk(starter: SqlLab) -> None:
    answer = starter.execute("SELECT id FROM range(5) WHERE id > 9")
    assert answer.manifest
    assert (answer.manifest.total_row_count, answer.manifest.total_chunk_count) == (0, 0)
    assert answer.manifest.schema
    assert [each.name for each in answer.manifest.schema.columns or []] == ["id"]
    assert answer.result
    assert answer.result.data_array is None


@pytest.mark.parametrize(
    ("text", "parameters", "row"),
    [
        ("SELECT :a + 1", [parameter("a", "41", "INT")], ["42"]),
        ("SELECT :a", [parameter("a", "it's")], ["it's"]),
        ("SELECT :a IS NULL, typeof(:a)", [parameter("a")], ["true", "string"]),
        ("SELECT :a IS NULL", [parameter("a", None, "INT")], ["true"]),
        ("SELECT :d + INTERVAL 1 DAY", [parameter("d", "2024-02-28", "DATE")], ["2024-02-29"]),
        ("SELECT :p * 2", [parameter("p", "1.25", "DECIMAL(5,2)")], ["2.50"]),
        ("SELECT :a, :b", [parameter("b", "2"), parameter("a", "1")], ["1", "2"]),
        ("SELECT typeof(:a)", [parameter("a", "true", "BOOLEAN")], ["boolean"]),
    ],
)
def test_parameters_by_name_and_type(
    starter: SqlLab, text: str, parameters: list[sql.StatementParameterListItem], row: list[str]
) -> None:
    assert starter.rows(text, parameters=parameters) == [row]


@pytest.mark.parametrize(
    ("text", "condition", "sql_state"),
    [
        ("SELECT * FROM not_there", "TABLE_OR_VIEW_NOT_FOUND", "42P01"),
        ("SELEC 1", "PARSE_SYNTAX_ERROR", "42601"),
        ("SELECT 1; SELECT 2", "PARSE_SYNTAX_ERROR", "42601"),
        ("SELECT nothing FROM range(1)", "UNRESOLVED_COLUMN", "42703"),
        ("SELECT CAST('a' AS INT)", "CAST_INVALID_INPUT", "22018"),
        ("SELECT 1 / 0", "DIVIDE_BY_ZERO", "22012"),
        ("SELECT :a", "UNBOUND_SQL_PARAMETER", "42P02"),
        ("SELECT no_function(1)", "UNRESOLVED_ROUTINE", "42883"),
        ("-- nothing", "PARSE_EMPTY_STATEMENT", "42617"),
    ],
)
def test_a_statement_that_fails_is_answered_with_200(
    starter: SqlLab, text: str, condition: str, sql_state: str
) -> None:
    assert starter.failure(text) == ("BAD_REQUEST", condition, sql_state)


def test_a_value_that_does_not_fit_its_type_fails_the_statement(starter: SqlLab) -> None:
    wrong = [parameter("a", "many", "INT")]
    assert starter.failure("SELECT :a", parameters=wrong) == ("BAD_REQUEST", "CAST_INVALID_INPUT", "22018")


@pytest.mark.parametrize("text", ["CREATE TEMPORARY VIEW seen AS SELECT 1", "/* why */ USE SCHEMA default"])
def test_what_gives_no_rows_has_no_columns(starter: SqlLab, text: str) -> None:
    manifest = starter.execute(text).manifest
    assert manifest
    assert manifest.schema
    assert manifest.schema.column_count == 0


def test_a_statement_that_is_not_waited_for(starter: SqlLab) -> None:
    begun = starter.execute("SELECT 7", **ASYNC)
    assert state_of(begun) in (sql.StatementState.PENDING, sql.StatementState.RUNNING)
    assert (begun.manifest, begun.result) == (None, None)
    assert begun.statement_id
    ended = starter.ended(begun.statement_id)
    assert ended.result
    assert ended.result.data_array == [["7"]]


def cancelled(starter: SqlLab, text: str, **fields: Any) -> float:
    """Begin a statement and cancel it at once; after how many seconds it has ended."""
    running = starter.execute(text, **ASYNC, **fields).statement_id
    assert running
    started = time.monotonic()
    starter.statements.cancel_execution(running)
    assert state_of(starter.ended(running)) is sql.StatementState.CANCELED
    starter.statements.cancel_execution(running)
    return time.monotonic() - started


def test_a_cancelled_statement_ends_in_the_engine_too(starter: SqlLab) -> None:
    """Also if the cancel comes before the engine knows the statement."""
    starter.rows("SELECT 1")
    seconds = [cancelled(starter, ENDLESS) for _ in range(4)]
    # After five, it would count as cancelled even if nobody had told the engine.
    assert sum(each < 4.5 for each in seconds) >= 3, seconds
    starter.wait_until_idle()
    assert starter.rows("SELECT 1") == [["1"]]


def test_a_cancelled_statement_leaves_no_files(starter: SqlLab) -> None:
    results = Path(starter.lab.workspace.root) / "results"
    before = {place.name for place in results.iterdir()}
    large = "SELECT id, repeat('x', 200) FROM range(600000000)"
    for _ in range(2):
        cancelled(starter, large, disposition=sql.Disposition.EXTERNAL_LINKS)
    until(lambda: {place.name for place in results.iterdir()} <= before, 10)


def test_booleans_and_nulls_count_as_the_text_that_they_are(starter: SqlLab) -> None:
    status = starter.execute("SELECT true AS x, NULL AS y FROM range(2000000)").status
    assert status
    assert status.error
    assert "Inline byte limit exceeded" in (status.error.message or "")


def test_moments_in_another_time_zone(starter: SqlLab) -> None:
    session = starter.lab.post(
        "/api/2.0/sql/sessions",
        {"warehouse_id": starter.warehouse_id, "session_confs": {"TIMEZONE": "America/Los_Angeles"}},
    ).json()["session_id"]
    text = (
        "SELECT t, unix_timestamp(t), array(t), CAST(t AS STRING) "
        "FROM VALUES (TIMESTAMP'2024-01-01 00:00:00') AS v(t)"
    )
    body = {"statement": text, "warehouse_id": starter.warehouse_id, "session_id": session}
    (row,) = starter.lab.post(PATH, {**body, **COMPLETE}).json()["result"]["data_array"]
    moment = "2024-01-01T08:00:00.000Z"
    assert row == [moment, "1704096000", f'["{moment}"]', "2024-01-01 00:00:00"]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("CAST(0.1 AS FLOAT)", "0.1"),
        ("CAST(3.4e38 AS FLOAT)", "3.4E38"),
        ("array(CAST(0.1 AS FLOAT))", "[0.1]"),
        ("TIMESTAMP'0001-01-01 00:00:00'", "0001-01-01T00:00:00.000Z"),
        ("TIMESTAMP'-0044-03-15 00:00:00'", "-0044-03-15T00:00:00.000Z"),
        ("DATE'0001-01-01'", "0001-01-01"),
        ("named_struct('a', CAST('12345678901234567890.123456789' AS DECIMAL(38,18)))",
         '{"a":12345678901234567890.123456789000000000}'),
        ("array(INTERVAL 1 MONTH)", '["0-1"]'),
        ("named_struct('m', INTERVAL 1 MONTH)", '{"m":"0-1"}'),
        ("array(INTERVAL 1 DAY)", '["1 00:00:00.000000000"]'),
        ("map('a', INTERVAL 14 MONTH)", '{"a":"1-2"}'),
        ("""parse_json('{"a":1}')""", '{"a":1}'),
        ("""array(parse_json('{"a":1}'))""", '[{"a":1}]'),
        ("make_interval(1, 2, 0, 3)", "1 years 2 months 3 days"),
    ],
)  # fmt: skip
def test_values_that_are_hard_to_write(starter: SqlLab, expression: str, text: str) -> None:
    assert starter.rows(f"SELECT {expression}") == [[text]]


def test_what_arrow_clients_hardly_read_is_text_or_refused(starter: SqlLab) -> None:
    text = """SELECT parse_json('{"a":1}') AS v, (INTERVAL 1 DAY) AS d, (INTERVAL 14 MONTH) AS m"""
    (content,) = chunks_of(starter, starter.execute(text, **ARROW))
    assert pa.ipc.open_stream(content).read_all().to_pylist() == [
        {"v": '{"a":1}', "d": "1 00:00:00.000000000", "m": "1-2"}
    ]
    refused = starter.failure("SELECT array(INTERVAL 1 MONTH) AS m", **ARROW)
    assert refused == ("BAD_REQUEST", "UNSUPPORTED_FEATURE", "0A000")


def test_columns_of_one_name(starter: SqlLab) -> None:
    assert starter.rows("SELECT (INTERVAL 1 MONTH) AS a, 5 AS a") == [["0-1", "5"]]


def test_the_wait_ends_with_a_cancel_if_the_client_wants_it(starter: SqlLab) -> None:
    wanted = sql.ExecuteStatementRequestOnWaitTimeout
    answer = starter.execute(ENDLESS, wait_timeout="5s", on_wait_timeout=wanted.CANCEL)
    assert state_of(answer) is sql.StatementState.CANCELED
    answer = starter.execute(ENDLESS, wait_timeout="5s", on_wait_timeout=wanted.CONTINUE)
    assert state_of(answer) is sql.StatementState.RUNNING
    assert answer.statement_id
    starter.statements.cancel_execution(answer.statement_id)
    starter.ended(answer.statement_id)


def test_limits_cut_the_result_and_say_so(starter: SqlLab) -> None:
    rows = starter.execute("SELECT id FROM range(100)", row_limit=3)
    assert rows.manifest
    assert (rows.manifest.truncated, rows.manifest.total_row_count) == (True, 3)
    exact = starter.execute("SELECT id FROM range(3)", row_limit=3)
    assert exact.manifest
    assert (exact.manifest.truncated, exact.manifest.total_row_count) == (False, 3)
    few = starter.execute("SELECT id FROM range(100000)", byte_limit=800, **ARROW)
    assert few.manifest
    assert few.manifest.truncated
    assert 0 < (few.manifest.total_row_count or 0) <= 100


def test_a_large_result_must_not_be_inline(starter: SqlLab) -> None:
    answer = starter.execute("SELECT id, repeat('x', 100) FROM range(400000)")
    assert state_of(answer) is sql.StatementState.FAILED
    assert answer.status
    assert answer.status.error
    assert answer.status.error.error_code is sql.ServiceErrorCode.BAD_REQUEST
    assert "Inline byte limit exceeded" in (answer.status.error.message or "")


def test_an_inline_result_comes_in_chunks(starter: SqlLab) -> None:
    answer = starter.execute("SELECT id, repeat('x', 100) AS filling FROM range(60000)")
    assert answer.manifest
    assert answer.statement_id
    assert (answer.manifest.total_chunk_count or 0) > 1
    ids: list[int] = []
    part = answer.result
    while part is not None:
        assert part.row_offset == len(ids)
        ids += [int(row[0]) for row in part.data_array or []]
        following = part.next_chunk_index
        part = (
            None
            if following is None
            else starter.statements.get_statement_result_chunk_n(answer.statement_id, following)
        )
    assert ids == list(range(60000))


def test_arrow_by_external_links(starter: SqlLab) -> None:
    answer = starter.execute(
        "SELECT id, id * 2 AS twice, (INTERVAL 2 MONTH) AS m FROM range(1500000)", **ARROW
    )
    assert answer.manifest
    assert (answer.manifest.total_chunk_count or 0) > 1
    contents = chunks_of(starter, answer)
    assert sum(map(len, contents)) == answer.manifest.total_byte_count
    table = pa.concat_tables([pa.ipc.open_stream(content).read_all() for content in contents])
    assert sorted(table.column("id").to_pylist()) == list(range(1500000))
    assert table.column("m")[0].as_py() == "0-2"


def test_csv_has_a_header_once(starter: SqlLab) -> None:
    answer = starter.execute(
        "SELECT concat('id,', id) AS strCol, id, NULL AS nullCol FROM range(3)",
        disposition=sql.Disposition.EXTERNAL_LINKS,
        format=sql.Format.CSV,
    )
    (content,) = chunks_of(starter, answer)
    rows = list(csv.reader(io.StringIO(content.decode())))
    assert rows == [["strCol", "id", "nullCol"], *[[f"id,{n}", str(n), "null"] for n in range(3)]]


def test_json_by_external_links_is_compact(starter: SqlLab) -> None:
    answer = starter.execute("SELECT id FROM range(2)", disposition=sql.Disposition.EXTERNAL_LINKS)
    (content,) = chunks_of(starter, answer)
    assert content == b'[["0"],["1"]]'


def test_a_link_is_for_one_chunk_and_needs_no_token(starter: SqlLab) -> None:
    answer = starter.execute("SELECT 1", **ARROW)
    assert answer.result
    (link,) = answer.result.external_links or []
    url = str(link.external_link)
    assert httpx.get(url).status_code == 200
    token = {"Authorization": f"Bearer {starter.lab.workspace.token}"}
    assert httpx.get(url, headers=token).status_code == 400
    assert httpx.get(url.replace("/0?", "/1?")).status_code == 403
    assert httpx.get(url.split("?", maxsplit=1)[0]).status_code == 403
    assert httpx.get(url, params={"signature": "x", "expires": "1"}).status_code == 403


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"statement": ""}, "statement"),
        ({"format": "ARROW_STREAM"}, "INLINE"),
        ({"format": "CSV"}, "INLINE"),
        ({"format": "XML"}, "format must be one of"),
        ({"wait_timeout": "3s"}, "wait_timeout"),
        ({"wait_timeout": "51s"}, "wait_timeout"),
        ({"wait_timeout": "soon"}, "wait_timeout"),
        ({"row_limit": 0}, "row_limit"),
        ({"byte_limit": -1}, "byte_limit"),
        ({"parameters": [{"name": "a"}, {"name": "a"}]}, "more than once"),
        ({"parameters": [{"value": "1"}]}, "name"),
        ({"session_id": "nobody's"}, "session"),
    ],
)
def test_requests_that_are_refused(starter: SqlLab, fields: dict[str, Any], words: str) -> None:
    body = {"statement": "SELECT 1", "warehouse_id": starter.warehouse_id, **fields}
    answer = starter.lab.post(PATH, body)
    assert answer.status_code in (400, 404)
    assert words in answer.json()["message"]


def test_unknown_statements_and_chunks(starter: SqlLab) -> None:
    with pytest.raises(NotFound):
        starter.statements.get_statement("no-statement")
    known = starter.execute("SELECT 1").statement_id
    for index in ("1", "-1", "x", "99999999999999999999"):
        assert starter.lab.get(f"{PATH}/{known}/result/chunks/{index}").status_code == 404
    failed = starter.execute("SELECT 1 / 0").statement_id
    with pytest.raises(NotFound):
        starter.statements.get_statement_result_chunk_n(failed, 0)


def test_a_result_of_both_ways_is_inline_while_it_is_small(starter: SqlLab) -> None:
    body = {
        "statement": "SELECT id FROM range(3)",
        "warehouse_id": starter.warehouse_id,
        "disposition": "INLINE_OR_EXTERNAL_LINKS",
        "wait_timeout": "50s",
    }
    assert starter.lab.post(PATH, body).json()["result"]["data_array"] == [["0"], ["1"], ["2"]]
    large = {**body, "statement": "SELECT id, repeat('x', 100) FROM range(100000)"}
    assert "external_link" in json.dumps(starter.lab.post(PATH, large).json()["result"])


def test_a_text_of_megabytes(starter: SqlLab) -> None:
    filling = "x" * 4_000_000
    assert starter.rows(f"SELECT length('{filling}')") == [["4000000"]]


def test_a_hundred_statements_at_once(starter: SqlLab) -> None:
    starter.rows("SELECT 1")
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda n: starter.rows(f"SELECT {n}, count(*) FROM range(1000)"), range(100)))
    assert answers == [[[str(n), "1000"]] for n in range(100)]


def test_a_statement_begins_in_its_catalog_and_schema(starter: SqlLab) -> None:
    text = "SELECT current_catalog(), current_schema()"
    assert starter.rows(text, catalog="hive_metastore", schema="default") == [["hive_metastore", "default"]]
    # Clients begin in a schema that they are about to make.
    assert starter.rows("SELECT 1", schema="not_made_yet") == [["1"]]
    assert starter.failure("SELECT 1", catalog="no_catalog")[1] == "CATALOG_NOT_FOUND"
