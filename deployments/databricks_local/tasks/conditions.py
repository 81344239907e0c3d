"""Evaluates the condition of a `condition_task`. Pure."""

import operator
from collections.abc import Callable

from databricks_local.jobs.specs import ConditionSpec


class ConditionError(ValueError):
    """Raised when the operands cannot be compared."""


_EQUALITY: dict[str, Callable[[str, str], bool]] = {"EQUAL_TO": operator.eq, "NOT_EQUAL": operator.ne}
_ORDER: dict[str, Callable[[float, float], bool]] = {
    "GREATER_THAN": operator.gt,
    "GREATER_THAN_OR_EQUAL": operator.ge,
    "LESS_THAN": operator.lt,
    "LESS_THAN_OR_EQUAL": operator.le,
}


def outcome(condition: ConditionSpec) -> str:
    """Evaluate a condition whose references are resolved.

    Equality compares text: "12.0" is not "12". The orderings compare numbers (docs: ConditionTaskOp).

    Returns:
        `true` or `false`, as `depends_on.outcome` has it.

    Raises:
        ConditionError: If an operand of an ordering is no number.
    """
    if condition.op in _EQUALITY:
        held = _EQUALITY[condition.op](condition.left, condition.right)
    else:
        held = _ORDER[condition.op](_number(condition.left), _number(condition.right))
    return "true" if held else "false"


def _number(operand: str) -> float:
    try:
        return float(operand)
    except ValueError as error:
        raise ConditionError(f"The operand '{operand[:100]}' of the condition is not a number.") from error
