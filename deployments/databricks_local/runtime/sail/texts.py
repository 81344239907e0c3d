"""Texts as numbers, as Apache Spark reads them, in expressions that Sail calculates."""

from typing import Any

NUMBER = r"^[\x00-\x20]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[dDfF]?[\x00-\x20]*$"
"""Java reads `1.5d`, too, and does not mind what is invisible around it."""

WHOLE = r"^[\x00-\x20]*([+-]?[0-9]+)(?:\.[0-9]*)?[\x00-\x20]*$"
"""Without ANSI mode, the fraction of a number is cut off."""

FRACTION = r"^[\x00-\x20]*[+-]?\.[0-9]*[\x00-\x20]*$"

LEGACY, ANSI, TRY = 1, 2, 3
"""Of `Cast.EvalMode`. PySpark's client sets only the last one; the others mark what this package put in."""

DOUBLE, FLOAT, LONG, STRING = "double", "float", "long", "string"

_FRACTIONAL = frozenset({DOUBLE, FLOAT})
_HONOURED = frozenset({"integer", STRING})
"""Sail casts to them as the ANSI mode says."""

TYPE_NAMES = {
    "bigint": "long", "bool": "boolean", "boolean": "boolean", "byte": "byte", "double": "double",
    "float": "float", "int": "integer", "integer": "integer", "long": "long", "real": "float",
    "short": "short", "smallint": "short", "tinyint": "byte",
}  # fmt: skip
"""How SQL calls types, and how Spark's protocol does."""

TRIED = frozenset({"boolean", "byte", "double", "float", "long", "short"})
"""Where a cast of a text that does not fit is null in Spark, without ANSI mode, and an error on Sail.

Decimals are none of them: Spark reads `1e2` as one, which `try_cast` of Sail takes for none.
"""


def cast_to(operand: Any, kind: str, mode: int) -> None:
    """Put a cast around an expression, in its place. It is not finished: `finish` makes it what Sail needs.

    Args:
        operand: The expression.
        kind: The type, as in Spark's protocol.
        mode: `LEGACY` for null, `ANSI` for an error, if the text is no number.
    """
    inner = type(operand)()
    inner.CopyFrom(operand)
    operand.Clear()
    operand.cast.expr.CopyFrom(inner)
    getattr(operand.cast.type, kind).SetInParent()
    operand.cast.eval_mode = mode


def finish(cast: Any) -> None:
    """Make a marked cast what Sail needs. Until then, it has the name that it would have in Spark."""
    mode, kind = cast.eval_mode, kind_of_cast(cast)
    if mode not in (LEGACY, ANSI):
        return
    if kind in _FRACTIONAL:
        _replace(cast.expr, NUMBER, "$1")
    elif mode == LEGACY and kind not in _HONOURED and kind != "boolean":
        _replace(cast.expr, WHOLE, "$1")
        _replace(cast.expr, FRACTION, "0")
    if mode == ANSI or kind in _HONOURED:
        cast.ClearField("eval_mode")
    else:
        cast.eval_mode = TRY


def kind_of_cast(cast: Any) -> str:
    """The type that a cast is to, as in Spark's protocol; empty if a text names a type of another kind."""
    if cast.WhichOneof("cast_to_type") == "type_str":
        return TYPE_NAMES.get(cast.type_str.strip().lower(), "")
    return str(cast.type.WhichOneof("kind") or "")


def _replace(operand: Any, pattern: str, by: str) -> None:
    inner = type(operand)()
    inner.CopyFrom(operand)
    operand.Clear()
    call = operand.unresolved_function
    call.function_name = "regexp_replace"
    call.arguments.add().CopyFrom(inner)
    call.arguments.add().literal.string = pattern
    call.arguments.add().literal.string = by
