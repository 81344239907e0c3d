"""How a statement that failed is answered: an error code, a condition, a SQLSTATE."""

import traceback

from databricks_local.runtime.sail.conditions import condition_of
from databricks_local.runtime.sail.limits import HINT
from databricks_local.runtime.warehouse.orders import Outcome, StatementOrder
from databricks_local.runtime.warehouse.values import UnservedTypeError

BAD_REQUEST, INTERNAL_ERROR = "BAD_REQUEST", "INTERNAL_ERROR"
"""The error codes of what the engine refuses, and of what goes wrong here (docs: ServiceErrorCode)."""


class EmptyStatementError(Exception):
    """Raised for a text that says nothing."""


class ResultTooLargeError(Exception):
    """Raised when a result has more bytes than may be inline."""


def failure_of(error: Exception, order: StatementOrder) -> Outcome:
    """The end of a statement that failed. What is an error of ours is in the log of the warehouse, too."""
    from pyspark.errors import PySparkException

    if isinstance(error, EmptyStatementError):
        return _refused("[PARSE_EMPTY_STATEMENT] Syntax error, unexpected empty statement.")
    if isinstance(error, ResultTooLargeError):
        # Source of the words: databrickslabs/ucx#3447.
        return _refused(
            "Inline byte limit exceeded. Statements executed with disposition=INLINE can have a result size "
            f"of at most {order.refuse_bytes} bytes. Please execute the statement with "
            "disposition=EXTERNAL_LINKS if you want to download the full result."
        )
    if isinstance(error, UnservedTypeError):
        return _refused(f"[UNSUPPORTED_FEATURE] {error}")
    if isinstance(error, PySparkException):
        # A warehouse has no other engine.
        return _refused(str(error).replace(f"\n{HINT}", ""), error.getSqlState() or "")
    traceback.print_exception(error)
    if isinstance(error, OSError) and error.strerror:
        return Outcome("FAILED", INTERNAL_ERROR, f"The local workspace cannot write: {error.strerror}.")
    return Outcome(
        "FAILED",
        INTERNAL_ERROR,
        f"{type(error).__name__} in the local workspace; see the log of the warehouse.",
    )


def _refused(text: str, sql_state: str = "") -> Outcome:
    condition = condition_of(text, sql_state)
    return Outcome("FAILED", BAD_REQUEST, condition.message, condition.sql_state)
