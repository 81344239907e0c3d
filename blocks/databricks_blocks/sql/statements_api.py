"""The calls of the Statement Execution API and the query history; the answers are raw JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from databricks_blocks.errors import DatabricksRunRefused, DatabricksUnreachable
from databricks_blocks.safe_text import one_line
from databricks_blocks.sql.statement import ENDED, QueryRecord, StatementSnapshot, record_of
from databricks_blocks.sql.texts.redaction import without_credentials
from databricks_blocks.workspace.api_calls import call_api, endpoint_of
from databricks_blocks.workspace.api_errors import api_errors

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_STATEMENTS = "/api/2.0/sql/statements"
_HISTORY = "/api/2.0/sql/history/queries"
_LARGEST_PAGE = 999


class NotExecuted(DatabricksUnreachable):
    """Raised when the workspace did not take a statement, for sure: it can be sent again.

    Attributes:
        retry_after: Seconds for which the workspace asks to wait.
    """

    retry_after = 0.0


class _Once:
    """A body that the SDK cannot rewind. So it does not repeat the request after an answer was lost."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def __len__(self) -> int:
        return len(self._content)

    def __iter__(self) -> Iterator[bytes]:
        yield self.read()

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes."""
        end = len(self._content) if size < 0 else self._position + size
        piece = self._content[self._position : end]
        self._position += len(piece)
        return piece


def execute_once(client: WorkspaceClient, body: Mapping[str, Any]) -> StatementSnapshot:
    """Execute a statement, by one request that nothing repeats.

    Args:
        client: SDK client of the workspace.
        body: The request.

    Raises:
        DatabricksRunRefused: The workspace does not accept the request.
        NotExecuted: The workspace had no time for it, or there was no connection.
        DatabricksUnreachable: There was no answer: the statement may be going on.
    """
    import requests
    from databricks.sdk import errors

    content = json.dumps(body).encode()
    headers = {"Accept": "application/json", "Content-Type": "application/json"}

    def send() -> Any:
        return client.api_client.do("POST", _STATEMENTS, data=_Once(content), headers=headers)

    host = client.config.host
    with _without_credentials_of(body), api_errors(host, endpoint_of(_STATEMENTS)):
        try:
            try:
                answer = send()
            except errors.Unauthenticated:
                client.config.init_auth()  # type: ignore[no-untyped-call]
                answer = send()
        except errors.TooManyRequests as error:
            refused = NotExecuted(f"{host} has too many requests: {error}")
            refused.retry_after = float(error.retry_after_secs or 0)
            raise refused from error
        except requests.ConnectionError as error:
            if _never_connected(error):
                raise NotExecuted(f"{host} cannot be reached: {error}") from error
            raise
    if not (isinstance(answer, dict) and answer.get("statement_id")):
        raise DatabricksUnreachable(f"{host} answered {endpoint_of(_STATEMENTS)} with no statement_id")
    return StatementSnapshot.from_json(answer)


@contextmanager
def _without_credentials_of(body: Mapping[str, Any]) -> Iterator[None]:
    """Hide the credentials of a statement in errors, in which the workspace repeats its text."""
    try:
        yield
    except (DatabricksRunRefused, DatabricksUnreachable) as error:
        told = type(error)(one_line(without_credentials(error.message, str(body.get("statement") or ""))))
        if isinstance(error, NotExecuted) and isinstance(told, NotExecuted):
            told.retry_after = error.retry_after
        # Not "from" the error, which shows them.
        raise told from None


def _never_connected(error: BaseException) -> bool:
    import requests
    from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

    if isinstance(error, requests.ConnectTimeout):
        return True
    first = error.args[0] if error.args else None
    reason = first.reason if isinstance(first, MaxRetryError) else first
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def get_statement(client: WorkspaceClient, statement_id: str) -> StatementSnapshot:
    """Read how a statement stands, with the links of the first chunk if it succeeded.

    Raises:
        DatabricksRunRefused: There is no such statement; 12 hours after its end it is gone.
    """
    path = f"{_STATEMENTS}/{statement_id}"
    return StatementSnapshot.from_json(call_api(client, "GET", path, expect="status"))


def cancel_statement(client: WorkspaceClient, statement_id: str) -> None:
    """Ask for the end of a statement; the answer comes before its end."""
    call_api(client, "POST", f"{_STATEMENTS}/{statement_id}/cancel")


def result_chunk(client: WorkspaceClient, statement_id: str, index: int) -> dict[str, Any]:
    """Read the links of a chunk of a result; each call gives new ones."""
    path = f"{_STATEMENTS}/{statement_id}/result/chunks/{index}"
    return call_api(client, "GET", path, expect="external_links")


def tagged_statements(
    client: WorkspaceClient, warehouse_id: str, since: int, token: str
) -> Iterator[QueryRecord]:
    """Find the statements of a call in the query history, the latest first.

    Args:
        client: SDK client of the workspace.
        warehouse_id: The warehouse.
        since: Epoch milliseconds before which none of them began.
        token: Names the call.
    """
    records = map(record_of, _history(client, warehouse_id, since))
    return (record for record in records if record and record.token == token)


def active_statements(
    client: WorkspaceClient, warehouse_id: str, since: int, tag: tuple[str, str]
) -> list[str]:
    """Find the statements in the query history that have a tag and are going on; their ids.

    Args:
        client: SDK client of the workspace.
        warehouse_id: The warehouse.
        since: Epoch milliseconds before which none of them began.
        tag: Key and value of a query tag.
    """
    wanted = {"key": tag[0], "value": tag[1]}
    return [
        entry["query_id"]
        for entry in _history(client, warehouse_id, since)
        if wanted in (entry.get("query_tags") or ()) and entry.get("status") not in ENDED
    ]


def _history(client: WorkspaceClient, warehouse_id: str, since: int) -> Iterator[dict[str, Any]]:
    query: dict[str, Any] = {
        "filter_by.warehouse_ids": [warehouse_id],
        "filter_by.query_start_time_range.start_time_ms": since,
        "max_results": _LARGEST_PAGE,
    }
    while True:
        page = call_api(client, "GET", _HISTORY, query=query)
        yield from page.get("res") or ()
        if not page.get("next_page_token"):
            return
        query["page_token"] = page["next_page_token"]
