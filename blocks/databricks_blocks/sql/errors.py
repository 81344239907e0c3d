"""The errors of SQL statements and warehouses that users catch."""

from __future__ import annotations

from typing import Any

from databricks_blocks.errors import DatabricksJobError


class StatementError(DatabricksJobError):
    """Base class of the errors of SQL statements.

    Attributes:
        statement_id: Id of the statement; empty if it was not executed.
        url: Its page in the workspace.
        error_code: Error code of the API, such as `BAD_REQUEST`.
        sql_state: SQLSTATE, such as `42703`; empty if there is none.
        may_retry: Whether the same statement can succeed when it is run again unchanged, and does nothing
            twice.

    Examples:
        ```python
        from databricks_blocks import SqlWarehouse, StatementError

        try:
            SqlWarehouse.load("BLOCK_NAME").execute("SELECT * FROM no_such_table")
        except StatementError as error:
            print(error.sql_state, error.url)
        ```
    """

    def __init__(
        self,
        message: str,
        *,
        statement_id: str = "",
        url: str = "",
        error_code: str = "",
        sql_state: str = "",
        may_retry: bool = False,
    ) -> None:
        super().__init__(message, run_page_url=url or None)
        self.statement_id = statement_id
        self.url = url
        self.error_code = error_code
        self.sql_state = sql_state
        self.may_retry = may_retry

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the facts when Prefect pickles the exception into a state."""
        names = ("statement_id", "url", "error_code", "sql_state", "may_retry")
        return (_rebuild, (type(self), self.message, {name: getattr(self, name) for name in names}))


def _rebuild(kind: type[StatementError], message: str, facts: dict[str, Any]) -> StatementError:
    return kind(message, **facts)


class StatementFailed(StatementError):
    """Raised when a statement failed; the message has the words of the workspace.

    Examples:
        ```python
        from databricks_blocks import SqlWarehouse, StatementFailed

        try:
            SqlWarehouse.load("BLOCK_NAME").execute("SELECT * FROM no_such_table")
        except StatementFailed as error:
            print(error)
        ```
    """


class StatementCancelled(StatementError):
    """Raised when somebody cancelled the statement in the workspace.

    Examples:
        ```python
        from databricks_blocks import SqlWarehouse, StatementCancelled

        try:
            SqlWarehouse.load("BLOCK_NAME").execute("OPTIMIZE orders")
        except StatementCancelled as error:
            print(f"Cancelled by somebody: {error.url}")
        ```
    """


class StatementTimedOut(StatementError):
    """Raised when a statement took longer than its time. The message says whether it could be cancelled.

    Examples:
        ```python
        from databricks_blocks import SqlWarehouse, StatementTimedOut

        try:
            SqlWarehouse.load("BLOCK_NAME").execute("OPTIMIZE orders", timeout_seconds=0.5)
        except StatementTimedOut as error:
            print(f"Took too long: {error.url}")
        ```
    """


class ResultUnavailable(StatementError):
    """Raised when the rows of a statement are cut off, or are not kept any more.

    Examples:
        ```python
        from databricks_blocks import ResultUnavailable, SqlWarehouse

        try:
            SqlWarehouse.load("BLOCK_NAME").execute("SELECT * FROM orders")
        except ResultUnavailable as error:
            print(error)
        ```
    """


class WarehouseUnavailable(DatabricksJobError):
    """Raised when a SQL warehouse cannot run: it is deleted, does not start, or takes too long to.

    Examples:
        ```python
        from databricks_blocks import SqlWarehouse, WarehouseUnavailable

        try:
            SqlWarehouse.load("BLOCK_NAME").start()
        except WarehouseUnavailable as error:
            print(error)
        ```
    """
