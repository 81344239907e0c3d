"""Says of an error that Sail's own limits are the reason, and that Apache Spark is the way out."""

import re
from typing import Any

ANSI_MODE = "spark.sql.ansi.enabled"
ANSI_BY_DEFAULT = "true"
"""In Spark 4. Clusters set it, as their runtimes have it."""

HINT = (
    "This is a limit of Sail, the engine of this cluster; Apache Spark does it: choose the engine spark "
    "(--engine spark, or the custom tag local_engine of the cluster)."
)

_NUMBER = r"(?:U?Int\d+|Float\d+|Decimal\d+\([\d, ]+\))"

_LIMITS = re.compile(
    rf"""(?x)
      Unsupported\ CAST\ from\ (?:Struct|List|Map).*\ to\ Utf8$
    | (?:This\ feature\ is\ not\ implemented:\ |not\ yet\ implemented:\ )(?!Unsupported\ CAST)
    | ^(?:freq\ items|approx\ quantile)$ | ^function:\ \w+$
    | Cannot\ coerce\ arithmetic\ expression\ (?:Utf8\ \S+\ {_NUMBER} | {_NUMBER}\ \S+\ Utf8)
    | coercion\ from\ Utf8\ to\ the\ signature\ Exact\(Float64
    | requires\ (?:Float64|Decimal),\ but\ received\ String
    | Projections\ require\ unique\ expression\ names
    | look-around,\ including\ look-ahead | backreferences\ are\ not\ supported
    | No\ data\ source\ found\ for:\ (?:orc|memory)\b
    | Error\ while\ parsing\ value | incorrect\ number\ of\ fields\ for\ line | Json\ error:\ Not\ valid\ JSON
    | column\ types\ must\ match\ schema\ types | Found\ unmasked\ nulls\ for\ non-nullable
    | Received\ RST_STREAM\ with\ error\ code\ 8
    """
)

_WITHOUT_ANSI = re.compile(
    r"Cannot coerce arithmetic expression Utf8 \S+ Utf8|Cannot cast (?:string|value) '|Can't cast value"
    r"|Unable to parse date from|the index is out of bounds"
)
"""What is an error in Spark, too, in ANSI mode, and has a result without it."""

_PARSING = re.compile(r"invalid argument: found (?P<word>[\w|>]+) at (?P<at>\d+):\d+ expected")

_STATEMENTS = frozenset({"declare", "execute", "from"})
"""Words that begin statements of Spark, and that Sail does not know as such. Spark has none of Delta here."""

_INSIDE = frozenset({"function"})
"""Words of Spark's grammar that Sail does not know; after others, a statement may as well be wrong."""

_UNKNOWN_FUNCTION = re.compile(r"^unknown function: (?P<name>\w+)$")


def is_limit(message: str, *, ansi: bool) -> bool:
    """Whether Apache Spark would do what Sail refuses by these words.

    Args:
        message: The words.
        ansi: Whether ANSI mode is on.

    Example:
        >>> is_limit("function: zip_with", ansi=True), is_limit("Table not found: sales", ansi=True)
        (True, False)
    """
    if _LIMITS.search(message) or (not ansi and _WITHOUT_ANSI.search(message)):
        return True
    parsing = _PARSING.search(message)
    if parsing is not None:
        word = parsing["word"].lower()
        return word in _INSIDE or (word in _STATEMENTS and parsing["at"] == "0")
    unknown = _UNKNOWN_FUNCTION.search(message)
    return unknown is not None and _has_function(unknown["name"])


def _has_function(name: str) -> bool:
    from pyspark.sql.connect import functions

    return hasattr(functions, name)


def hint_at_spark(session: Any) -> None:
    """Let errors of a session end with a hint at the other engine, where that helps."""
    client = session.client
    handle = client._handle_error

    def with_hint(error: Exception) -> Any:
        from pyspark.errors import PySparkException, PythonException

        try:
            handle(error)
        except PythonException:
            # Of a function of the user's own.
            raise
        except PySparkException as raised:
            message = raised._message or ""
            # The mode is asked for by the client whose error this is, so only if it matters.
            if is_limit(message, ansi=True) or (is_limit(message, ansi=False) and not _ansi(session)):
                raised._message = f"{message}\n{HINT}"
            raise

    client._handle_error = with_hint


def _ansi(session: Any) -> bool:
    return str(session.conf.get(ANSI_MODE, ANSI_BY_DEFAULT)).lower() == "true"
