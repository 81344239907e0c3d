"""Results are streamed from links: broken connections are outlived, each row comes once."""

from __future__ import annotations

import io
import pickle
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from databricks.sdk.errors import InternalError, NotFound
from databricks_blocks.errors import DatabricksUnreachable
from databricks_blocks.sql.arrow_types import arrow_schema, arrow_type
from databricks_blocks.sql.chunks import fetched_batches
from databricks_blocks.sql.errors import ResultUnavailable
from databricks_blocks.sql.outcome import result_of
from databricks_blocks.sql.results import SqlResult, holds_counts
from databricks_blocks.sql.statement import Statement, StatementSnapshot
from databricks_blocks.workspace.polling import PollingPolicy

SCHEMA = pa.schema([("a", pa.int32())])
COLUMNS = [{"name": "a", "type_text": "INT"}]


def chunk(*batches: list[int]) -> bytes:
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, SCHEMA) as writer:
        for numbers in batches:
            writer.write_batch(pa.record_batch([pa.array(numbers, pa.int32())], schema=SCHEMA))
    return stream.getvalue()


class Storage:
    """A storage on a real port.

    Attributes:
        chunks: Contents of the chunks.
        faults: Of the next answers: a status, or `cut` for half of the content.
        headers: Those of each request.
        answers: The next ones of the workspace, in place of links.
    """

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.faults: list[int | str] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[Any] = []
        self.links = 0
        self.url = ""

    def client(self) -> Any:
        """A workspace that gives links to the storage, a new one each time."""

        def do(method: str, path: str, **given: Any) -> Any:
            self.links += 1
            index = int(path.rpartition("/")[2])
            answer = self.answers.pop(0) if self.answers else None
            if isinstance(answer, Exception):
                raise answer
            right = {
                "external_link": f"{self.url}/{index}?X-Amz-Signature={self.links}",
                "chunk_index": index,
            }
            wrong = {"external_link": "http://127.0.0.1:9/", "chunk_index": index + 1}
            return {"external_links": [wrong, right]} if answer is None else answer

        return SimpleNamespace(
            config=SimpleNamespace(host="https://dbc.example"), api_client=SimpleNamespace(do=do)
        )

    def result(self, rows: int) -> SqlResult:
        manifest = {
            "schema": {"columns": COLUMNS},
            "total_chunk_count": len(self.chunks),
            "total_row_count": rows,
        }
        return SqlResult("id", "https://dbc.example/q", manifest, _connect=self.client)


@pytest.fixture
def storage() -> Iterator[Storage]:
    storage = Storage()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            storage.headers.append(dict(self.headers))
            fault = storage.faults.pop(0) if storage.faults else 200
            content = storage.chunks[int(self.path.strip("/").partition("?")[0])]
            self.send_response(fault if isinstance(fault, int) else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if fault == "cut" else content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        storage.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield storage
        server.shutdown()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("databricks_blocks.sql.chunks.time.sleep", lambda seconds: None)


def test_all_chunks_are_streamed_in_their_order(storage: Storage) -> None:
    storage.chunks = [chunk([1, 2], [3]), chunk([4])]
    result = storage.result(4)
    assert [batch.num_rows for batch in result.batches()] == [2, 1, 1]
    assert result.to_arrow()["a"].to_pylist() == [1, 2, 3, 4]
    assert result.rows(3) == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert result.to_pandas(limit=1)["a"].tolist() == [1]
    assert result.schema == SCHEMA


def test_a_limit_fetches_no_chunk_more(storage: Storage) -> None:
    storage.chunks = [chunk([1, 2]), chunk([3])]
    assert storage.result(3).rows(2) == [{"a": 1}, {"a": 2}]
    assert storage.links == 1


@pytest.mark.parametrize("fault", ["cut", 403, 500, 503])
def test_what_breaks_off_is_fetched_anew_by_a_new_link(storage: Storage, fault: int | str) -> None:
    storage.chunks = [chunk(*([number] * 500 for number in range(20)))]
    storage.faults = [fault, fault]
    expected = [number for number in range(20) for _ in range(500)]
    assert storage.result(10_000).to_arrow()["a"].to_pylist() == expected
    assert storage.links == 3


@pytest.mark.parametrize(
    "answer",
    [InternalError("once"), {}, {"external_links": []}, {"external_links": [{"chunk_index": 7}]}],
    ids=["500", "no links", "no link", "a link to another chunk"],
)
def test_a_link_that_does_not_come_is_asked_for_again(storage: Storage, answer: Any) -> None:
    storage.chunks = [chunk([1]), chunk([2])]
    storage.answers = [answer]
    assert storage.result(2).rows() == [{"a": 1}, {"a": 2}]
    assert storage.links == 3


def test_a_storage_that_refuses_every_link_is_an_error_that_names_the_statement(storage: Storage) -> None:
    storage.chunks = [chunk([1])]
    storage.faults = [403] * 100
    with pytest.raises(
        ResultUnavailable,
        match=r"statement id cannot be read: the storage refuses its links: HTTPError 403 at 127",
    ):
        storage.result(1).rows()
    assert storage.links == 3


def test_no_error_shows_a_link(storage: Storage) -> None:
    storage.chunks = [chunk([1])]
    storage.faults = [403] * 100
    with pytest.raises(ResultUnavailable) as refused:
        storage.result(1).rows()
    with pytest.raises(DatabricksUnreachable) as away:
        list(
            fetched_batches(
                lambda: "http://127.0.0.1:9/0?X-Amz-Signature=1", policy=PollingPolicy(max_unreachable=0)
            )
        )
    for error in (refused.value, away.value):
        assert "Signature" not in "".join(traceback.format_exception(error))


def test_columns_of_one_name_are_an_error_that_says_what_to_do() -> None:
    manifest = {"schema": {"columns": [*COLUMNS, *COLUMNS]}}
    with pytest.raises(
        ResultUnavailable, match=r"two columns are named `a`\. Give them names of their own by AS"
    ):
        SqlResult("id", "https://u", manifest).rows()


COUNTS = {
    "schema": {
        "columns": [{"name": f"num_{what}_rows", "type_text": "BIGINT"} for what in ("affected", "inserted")]
    },
    "total_row_count": 1,
    "total_chunk_count": 1,
}
INSERT = Statement("INSERT INTO t VALUES (1)", "w")


def test_the_counts_of_a_write_need_no_storage() -> None:
    client = SimpleNamespace(config=SimpleNamespace(host="https://dbc.example"))
    manifest = {**COUNTS, "format": "JSON_ARRAY"}
    ended = StatementSnapshot("s", "SUCCEEDED", manifest=manifest, result={"data_array": [["5", None]]})
    result = result_of(client, ended, INSERT)  # type: ignore[arg-type]
    assert result.affected == {"num_affected_rows": 5, "num_inserted_rows": 0}
    assert pickle.loads(pickle.dumps(result)).rows() == [{"num_affected_rows": 5, "num_inserted_rows": None}]
    gone = result_of(client, StatementSnapshot("s", "SUCCEEDED", manifest=manifest), INSERT)  # type: ignore[arg-type]
    assert (gone.affected, gone.has_rows) == ({}, False)


def test_a_write_whose_counts_are_not_kept_was_done_all_the_same() -> None:
    def gone(*_: Any, **__: Any) -> Any:
        raise NotFound("closed")

    client = SimpleNamespace(
        config=SimpleNamespace(host="https://dbc.example"), api_client=SimpleNamespace(do=gone)
    )
    result = result_of(client, StatementSnapshot("s", "SUCCEEDED", manifest=COUNTS), INSERT)  # type: ignore[arg-type]
    assert (result.affected, result.has_rows) == ({}, False)


def test_a_query_is_never_taken_for_counts() -> None:
    columns = [{"name": "num_plate", "type_text": "BIGINT"}]
    manifest = {"schema": {"columns": columns}, "total_row_count": 1, "total_chunk_count": 1}
    client = SimpleNamespace(config=SimpleNamespace(host="https://dbc.example"))
    ended = StatementSnapshot("s", "SUCCEEDED", manifest=manifest)
    result = result_of(client, ended, Statement("SELECT code AS num_plate FROM cars", "w"))  # type: ignore[arg-type]
    assert (result.affected, result.has_rows) == ({}, True)


def test_a_link_is_fetched_without_any_login(
    storage: Storage, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    storage.chunks = [chunk([1])]
    assert storage.result(1).rows() == [{"a": 1}]
    assert "Authorization" not in storage.headers[0]


def test_rows_that_are_missing_are_an_error(storage: Storage) -> None:
    storage.chunks = [chunk([1])]
    with pytest.raises(ResultUnavailable, match="1 of its 2 rows came"):
        storage.result(2).rows()


def test_a_result_without_rows_has_its_schema(storage: Storage) -> None:
    result = storage.result(0)
    assert (result.rows(), result.to_arrow().schema, list(result.to_pandas().columns)) == ([], SCHEMA, ["a"])


def test_a_storage_that_stays_away_is_an_error() -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    batches = fetched_batches(
        lambda: "http://127.0.0.1:9/0",
        policy=PollingPolicy(max_unreachable=60),
        clock=lambda: now,
        sleep=sleep,
    )
    with pytest.raises(DatabricksUnreachable, match="the storage with the rows did not answer for"):
        list(batches)


def test_rows_that_are_not_kept_say_so() -> None:
    result = SqlResult("id", "https://u", {"total_row_count": 1}, has_rows=False)
    with pytest.raises(ResultUnavailable, match="they are not kept any more"):
        result.rows()


def test_what_is_pickled_has_no_login(storage: Storage) -> None:
    storage.chunks = [chunk([1])]
    read = pickle.loads(pickle.dumps(storage.result(1)))
    assert (read.row_count, read.schema) == (1, SCHEMA)
    with pytest.raises(ResultUnavailable, match="only the process that ran the statement"):
        read.rows()


@pytest.mark.parametrize(
    ("columns", "counts"),
    [
        ([("num_affected_rows", "BIGINT"), ("num_inserted_rows", "LONG")], True),
        ([("num_plate", "STRING")], False),
        ([("num_price", "DOUBLE")], False),
        ([("num", "BIGINT"), ("a", "BIGINT")], False),
        ([], False),
    ],
)
def test_a_result_that_holds_counts_is_known(columns: list[tuple[str, str]], counts: bool) -> None:
    told = [{"name": name, "type_text": kind} for name, kind in columns]
    assert holds_counts({"schema": {"columns": told}}) is counts


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("INT", pa.int32()),
        ("bigint", pa.int64()),
        ("DECIMAL(9,2)", pa.decimal128(9, 2)),
        ("DECIMAL(10, 0)", pa.decimal128(10, 0)),
        ("VARCHAR(10)", pa.string()),
        ("TIMESTAMP", pa.timestamp("us", "Etc/UTC")),
        ("TIMESTAMP_NTZ", pa.timestamp("us")),
        ("INTERVAL DAY TO SECOND", pa.string()),
        ("VARIANT", pa.string()),
        ("ARRAY<STRING>", pa.list_(pa.field("element", pa.string()))),
        ("MAP<STRING, ARRAY<INT>>", pa.map_(pa.string(), pa.list_(pa.field("element", pa.int32())))),
        (
            "STRUCT<a: INT, `b c`: STRUCT<d: DATE>>",
            pa.struct([("a", pa.int32()), ("b c", pa.struct([("d", pa.date32())]))]),
        ),
        ("STRUCT<>", pa.struct([])),
    ],
)
def test_a_sql_type_has_its_arrow_type(text: str, kind: pa.DataType) -> None:
    assert arrow_type(text) == kind
    assert arrow_schema([{"name": "c", "type_text": text}]).field("c").type == kind
