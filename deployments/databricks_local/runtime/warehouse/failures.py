"""How a statement that failed is answered: an error code, a condition, a SQLSTATE."""

import traceback

from databricks_local.runtime.sail.conditions import condition_of
from databricks_local.runtime.sail.limits import HINT
from databricks_local.runtime.warehouse.orders import Outcome

BAD_REQUEST, INTERNAL_ERROR = "BAD_REQUEST", "INTERNAL_ERROR"
"""The error codes of what cannot be done, and of what goes wrong here (docs: ServiceErrorCode)."""


class RefusedError(Exception):
    """Raised for a statement that cannot be done. Its text is for people."""


class ResultTooLargeError(RefusedError):
    """Raised when a result has more bytes than may be inline."""

    def __init__(self, limit: int) -> None:
        # Source of the words: databrickslabs/ucx#3447.
        super().__init__(
            "Inline byte limit exceeded. Statements executed with disposition=INLINE can have a result size "
            f"of at most {limit} bytes. Please execute the statement with disposition=EXTERNAL_LINKS if you "
            "want to download the full result."
        )


def failure_of(error: Exception) -> Outcome:
    """The end of a statement that failed. What is an error of ours is in the log of the warehouse, too."""
    from pyspark.errors import PySparkException

    if isinstance(error, RefusedError):
        return _refused(str(error))
    if isinstance(error, PySparkException):
        # A warehouse has no other engine.
        return _refused(str(error).replace(f"\n{HINT}", ""), error.getSqlState() or "")
    traceback.print_exception(error)
    message = f"{type(error).__name__} in the local workspace; see the log of the warehouse."
    if isinstance(error, OSError) and error.strerror:
        message = f"The local workspace cannot write: {error.strerror}."
    return Outcome("FAILED", INTERNAL_ERROR, message)


def _refused(text: str, sql_state: str = "") -> Outcome:
    condition = condition_of(text, sql_state)
    return Outcome("FAILED", BAD_REQUEST, condition.message, condition.sql_state)
