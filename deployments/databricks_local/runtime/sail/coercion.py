"""What Apache Spark casts by itself, and Sail does not: the casts that an expression needs. Pure.

Docs: Spark's type coercion without ANSI mode, and in it.
"""

from collections.abc import Callable, Sequence
from typing import Any

from databricks_local.runtime.sail.texts import (
    ANSI,
    DOUBLE,
    FLOAT,
    LEGACY,
    LONG,
    STRING,
    TRIED,
    cast_to,
    kind_of_cast,
)

TypeOf = Callable[[Any], str]
"""The type of an expression, as Spark's protocol calls it; empty if it is not known."""

ARITHMETIC = frozenset({"+", "-", "*", "/", "%"})
COMPARISONS = frozenset({"==", "=", "<", "<=", ">", ">=", "<=>", "!="})
OF_DOUBLES = frozenset(
    {
        "acos", "asin", "atan", "atan2", "avg", "cbrt", "corr", "cos", "cosh", "covar_pop",
        "covar_samp", "degrees", "exp", "expm1", "hypot", "kurtosis", "ln", "log10", "log1p",
        "log2", "mean", "pow", "power", "radians", "sin", "sinh", "skewness", "sqrt", "std",
        "stddev", "stddev_pop", "stddev_samp", "sum", "tan", "tanh", "var_pop", "var_samp",
        "variance",
    }
)  # fmt: skip
"""Functions that cast texts to double, in both modes."""

LATE = COMPARISONS | OF_DOUBLES | {"/", "in"}
"""What Sail does with texts, too, as long as they are numbers of the kind that it expects."""

INTEGRAL = frozenset({"byte", "short", "integer", "long"})
FRACTIONAL = frozenset({"float", "double", "decimal"})
NOTHING = frozenset({"null"})
TEXTS = frozenset({"string"})


def coerce(expression: Any, type_of: TypeOf, *, ansi: bool) -> bool:
    """Put the casts that Spark would into an expression, but not into what is inside of its operands.

    Args:
        expression: The expression; its operands are as they have to be.
        type_of: Finds types.
        ansi: Whether ANSI mode is on.

    Returns:
        Whether it was changed.
    """
    kind = expression.WhichOneof("expr_type")
    if kind == "cast":
        return not ansi and _cast(expression.cast, type_of)
    if kind != "unresolved_function" or expression.unresolved_function.is_user_defined_function:
        return False
    name = expression.unresolved_function.function_name.lower()
    casts = _casts_of(name, expression.unresolved_function.arguments, type_of, ansi=ansi)
    for operand, target in casts:
        cast_to(operand, target, ANSI if ansi else LEGACY)
    return bool(casts)


def _casts_of(name: str, arguments: Sequence[Any], type_of: TypeOf, *, ansi: bool) -> list[tuple[Any, str]]:
    """Which arguments of a function get a cast, and to which type."""
    if name in OF_DOUBLES:
        return [(each, DOUBLE) for each in arguments if type_of(each) in TEXTS]
    if name in ARITHMETIC:
        return _of_arithmetic(arguments, type_of, ansi=ansi)
    if name in COMPARISONS:
        return _of_comparison(arguments, type_of, ansi=ansi)
    return _of_in(arguments, type_of, ansi=ansi) if name == "in" else []


def _cast(cast: Any, type_of: TypeOf) -> bool:
    """A cast that PySpark's client has put in."""
    if cast.eval_mode or kind_of_cast(cast) not in TRIED or type_of(cast.expr) not in TEXTS:
        return False
    cast.eval_mode = LEGACY
    return True


def _of_arithmetic(operands: Sequence[Any], type_of: TypeOf, *, ansi: bool) -> list[tuple[Any, str]]:
    kinds = [type_of(each) for each in operands]
    texts = [each for each, kind in zip(operands, kinds, strict=True) if kind in TEXTS]
    others = [kind for kind in kinds if kind not in TEXTS]
    # `+x` and `-x`, which Sail knows, have one operand.
    if len(kinds) == 1 or (ansi and not others):
        return []
    if not set(others) <= INTEGRAL | FRACTIONAL | (set() if ansi else NOTHING):
        return []
    return [(each, LONG if ansi and others[0] in INTEGRAL else DOUBLE) for each in texts]


def _of_comparison(operands: Sequence[Any], type_of: TypeOf, *, ansi: bool) -> list[tuple[Any, str]]:
    kinds = [type_of(each) for each in operands]
    texts = [each for each, kind in zip(operands, kinds, strict=True) if kind in TEXTS]
    others = [kind for kind in kinds if kind not in TEXTS]
    if len(texts) != 1 or others[0] not in INTEGRAL | FRACTIONAL:
        return []
    if others[0] in FRACTIONAL:
        # Without ANSI mode, only decimals are left for double.
        return [(texts[0], others[0] if others[0] == FLOAT and not ansi else DOUBLE)]
    return [(texts[0], LONG if ansi else others[0])]


def _of_in(operands: Sequence[Any], type_of: TypeOf, *, ansi: bool) -> list[tuple[Any, str]]:
    """Of `isin`: without ANSI mode, whole numbers become texts."""
    value, *choices = operands
    if type_of(value) not in TEXTS or not {type_of(each) for each in choices} <= INTEGRAL:
        return []
    return [(value, LONG)] if ansi else [(each, STRING) for each in choices]
