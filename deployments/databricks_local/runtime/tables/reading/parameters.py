"""Values in the places of parameters, for statements to which the engine binds none. Pure."""

import re
from collections.abc import Mapping, Sequence

from databricks_local.runtime.tables.reading.cursor import StatementError
from databricks_local.runtime.tables.reading.references import edited
from databricks_local.runtime.tables.reading.tokens import SIGN, WORD, tokens_of

_NAME = re.compile(r"[A-Za-z_]\w*")
_BEFORE = (")", "]")


def with_parameters(text: str, named: Mapping[str, str], positional: Sequence[str]) -> str:
    """A statement with the values of its parameters.

    Args:
        text: The statement.
        named: The values of `:name`, as SQL.
        positional: The values of `?`, as SQL.

    Raises:
        StatementError: If a parameter has no value.

    Example:
        >>> with_parameters("UPDATE t SET a = :a, b = 'x:a' WHERE c = ?", {"a": "1"}, ["'z'"])
        "UPDATE t SET a = 1, b = 'x:a' WHERE c = 'z'"
    """
    if not named and not positional:
        return text
    tokens = tokens_of(text)
    values = iter(positional)
    edits: list[tuple[int, int, str]] = []
    for index, token in enumerate(tokens):
        if token.kind != SIGN or token.text not in ("?", ":"):
            continue
        if token.text == "?" and positional:
            edits.append((token.start, token.end, _next(values)))
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        before = tokens[index - 1] if index else None
        # `column:field` is a path into JSON.
        path = before is not None and before.end == token.start and (before.is_name or before.text in _BEFORE)
        marker = (
            following is not None and following.kind == WORD and following.start == token.end and not path
        )
        if token.text == ":" and marker and following is not None and _NAME.fullmatch(following.text):
            if following.text not in named:
                raise StatementError(f"The parameter :{following.text} has no value")
            edits.append((token.start, following.end, named[following.text]))
    return edited(text, edits)


def _next(values: object) -> str:
    value = next(values, None)  # type: ignore[call-overload]
    if value is None:
        raise StatementError("There are more parameters than values")
    return str(value)
