"""What the API shows of a statement and its result. Pure."""

from datetime import UTC, datetime
from urllib.parse import quote

from databricks_local.api.bodies import Json
from databricks_local.runtime.warehouse.encoding import JSON_ARRAY
from databricks_local.sql.requests import EXTERNAL_LINKS, HYBRID, INLINE
from databricks_local.sql.statement_records import StatementRecord, StatementState
from databricks_local.storage.signatures import Signatures

OPEN_PREFIX = "/local/results"
"""The beginning of external links. Their signature lets them in, not the token."""

LINK_MILLIS = 15 * 60 * 1000
"""Docs: links are valid for at most 15 minutes."""

MAX_INLINE_BYTES = 25 * 1024 * 1024
"""Docs: the limit of the disposition INLINE."""

MAX_EXTERNAL_BYTES = 100 * 1024**3
"""Docs: larger results are truncated."""

INLINE_CHUNK_BYTES = 4 * 1024 * 1024
EXTERNAL_CHUNK_BYTES = 16 * 1024 * 1024
"""About how large the chunks of a result are; not documented."""

DATA_FIELDS = {True: "data_array", False: "attachment"}
"""Where the content of a chunk is, by whether it is JSON; the second is read by databricks-sql-connector."""


def is_inline(record: StatementRecord) -> bool:
    """Whether the content of chunks is in the answers; a small result may be, if the client wants both."""
    disposition = record.request.disposition
    if disposition == HYBRID:
        return len(record.outcome.chunks) == 1 and record.request.format != "CSV"
    return disposition == INLINE


def status_json(record: StatementRecord, now: int) -> Json:
    """The status of a statement."""
    state = record.state_at(now)
    shown: Json = {"state": state}
    if state is StatementState.FAILED:
        outcome = record.outcome
        shown["error"] = {"error_code": outcome.error_code, "message": outcome.message}
        if outcome.sql_state:
            shown["sql_state"] = outcome.sql_state
    return shown


def manifest_json(record: StatementRecord) -> Json:
    """The manifest of a result."""
    outcome = record.outcome
    chunks = [chunk_json(record, chunk) for chunk in outcome.chunks]
    manifest: Json = {
        "format": record.request.format,
        "schema": {"column_count": len(outcome.columns), "columns": outcome.columns},
        "total_chunk_count": len(chunks),
        "total_row_count": record.rows,
        "truncated": outcome.truncated,
    }
    if chunks:
        manifest["chunks"] = chunks
    if record.request.disposition != INLINE:
        manifest["total_byte_count"] = sum(chunk["byte_count"] for chunk in outcome.chunks)
    return manifest


def chunk_json(record: StatementRecord, chunk: dict[str, int]) -> Json:
    """What is said of a chunk; its size is not, if it is inline (docs)."""
    hidden = {"byte_count"} if record.request.disposition == INLINE else set()
    return {name: value for name, value in chunk.items() if name not in hidden}


class Links:
    """Makes external links, and checks them."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._signatures = Signatures()

    def result_json(self, record: StatementRecord, index: int, now: int) -> Json:
        """A chunk as the API shows it, without its content."""
        shown = chunk_json(record, record.outcome.chunks[index])
        if index + 1 < len(record.outcome.chunks):
            shown["next_chunk_index"] = index + 1
            shown["next_chunk_internal_link"] = (
                f"/api/2.0/sql/statements/{record.statement_id}/result/chunks/{index + 1}"
            )
        if is_inline(record):
            return shown
        return {"external_links": [{**shown, **self._link(record, index, now)}]}

    def is_valid(self, statement_id: str, index: str, expires: str, signature: str) -> bool:
        """Whether a link was made here."""
        return self._signatures.fits(signature, statement_id, index, expires)

    def _link(self, record: StatementRecord, index: int, now: int) -> Json:
        expires = now + LINK_MILLIS
        signature = self._signatures.of(record.statement_id, str(index), str(expires))
        path = f"{OPEN_PREFIX}/{quote(record.statement_id)}/{index}"
        return {
            "external_link": f"{self._origin}{path}?expires={expires}&signature={signature}",
            "expiration": f"{datetime.fromtimestamp(expires // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}",
        }


def chunk_bytes_of(disposition: str) -> int:
    """About how large the chunks of a result are."""
    return EXTERNAL_CHUNK_BYTES if disposition == EXTERNAL_LINKS else INLINE_CHUNK_BYTES


def data_field(record: StatementRecord) -> str:
    """The field of an answer that has the content of a chunk."""
    return DATA_FIELDS[record.request.format == JSON_ARRAY]
