"""What a statement that has ended comes to: its result, or the error that users catch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.sql.errors import ResultUnavailable, StatementTimedOut
from databricks_blocks.sql.life import StatementLife
from databricks_blocks.sql.results import SqlResult, holds_counts
from databricks_blocks.sql.statement import Statement, StatementSnapshot, statement_error, title_of

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


def page_of(host: str, statement_id: str) -> str:
    """The page of a statement in the workspace.

    Args:
        host: URL of the workspace.
        statement_id: Id of the statement.
    """
    return f"{host.rstrip('/')}/sql/history?queryId={statement_id}"


def result_of(client: WorkspaceClient, ended: StatementSnapshot, statement: Statement) -> SqlResult:
    """Make the result of a statement. What it has changed is read; rows are not. It blocks.

    Args:
        client: SDK client of the workspace.
        ended: How it ended.
        statement: What was asked for.

    Raises:
        StatementError: It did not succeed, or its result is cut off.
    """
    url = page_of(client.config.host, ended.statement_id)
    if not ended.succeeded:
        raise statement_error(ended, statement, url)
    if ended.manifest.get("truncated"):
        raise ResultUnavailable(
            f"The result of `{title_of(statement.text)}` is cut off at a limit of the workspace: ask for "
            f"less, or write it into a table. {url}",
            statement_id=ended.statement_id,
            url=url,
        )
    inline = ended.result.get("data_array")
    result = SqlResult(
        ended.statement_id,
        url,
        dict(ended.manifest),
        has_rows=ended.state == "SUCCEEDED",
        _inline=inline,
        _connect=lambda: client,
    )
    if not (result.has_rows and statement.gives_counts):
        return result
    if inline is None and ended.manifest.get("format") == "JSON_ARRAY":
        return replace(result, has_rows=result.row_count == 0)
    return _with_counts(result)


def _with_counts(result: SqlResult) -> SqlResult:
    """Read what a statement has done. It was done, also if that is not kept any more."""
    if not (holds_counts(result.manifest) and result.row_count == 1):
        return result
    try:
        (counts,) = result.rows()
    except ResultUnavailable:
        return replace(result, has_rows=False)
    return replace(result, affected={name: int(count or 0) for name, count in counts.items()})


@dataclass(frozen=True)
class AfterCancel:
    """What became of a statement that was to be cancelled.

    Attributes:
        ended: How it ended; `None`: nothing was executed, or it is not known.
        unknown: Why it may still be going on; empty if it is not.
    """

    ended: StatementSnapshot | None
    unknown: str = ""

    @property
    def came_first(self) -> StatementSnapshot | None:
        """How it ended by itself, before the cancel reached it."""
        return self.ended if self.ended is not None and self.ended.state != "CANCELED" else None


async def cancelled(life: StatementLife) -> AfterCancel:
    """Cancel a statement, and tell what became of it.

    Args:
        life: Its life.
    """
    try:
        return AfterCancel(await life.cancel())
    except (TimeoutError, DatabricksJobError) as error:
        return AfterCancel(None, str(error) or "it takes its time to end")


def timed_out(host: str, statement_id: str | None, seconds: float, became: AfterCancel) -> StatementTimedOut:
    """Make the error of a statement that took too long.

    Args:
        host: URL of the workspace.
        statement_id: Id of the statement; `None` if it was not executed yet.
        seconds: How long it was allowed to take.
        became: What became of it.
    """
    url = page_of(host, statement_id) if statement_id else ""
    end = f"may still be going on: {became.unknown}" if became.unknown else "was cancelled"
    if became.came_first is not None and became.came_first.succeeded:
        end = "was done just then; what comes after it was not executed"
    return StatementTimedOut(
        f"The SQL took longer than {seconds:g} s, and {end}. {url}".rstrip(),
        statement_id=statement_id or "",
        url=url,
    )
