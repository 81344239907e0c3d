"""The columns of rows that are written: those of the table, each cast so that no value is lost unseen."""

from collections.abc import Mapping, Sequence
from typing import Any

from databricks_local.runtime.tables.delta.schema import Field, fields_of, find, type_ddl, type_text
from databricks_local.runtime.tables.errors import analysis_error
from databricks_local.runtime.tables.reading.tokens import quoted_name, quoted_text

DEFAULT = "CURRENT_DEFAULT"
"""Where Spark keeps the expression of a default value."""

GENERATED = "delta.generationExpression"
IDENTITY_START, IDENTITY_STEP = "delta.identity.start", "delta.identity.step"
IDENTITY_EXPLICIT = "delta.identity.allowExplicitInsert"
_MADE_BY_ENGINE = (DEFAULT, GENERATED, IDENTITY_START)

_NUMBERS = ("byte", "short", "integer", "long", "float", "double")


def by_name(frame: Any, fields: Sequence[Field]) -> Any:
    """Rows with the columns of a table, found by their names."""
    given = {name.lower(): name for name in frame.columns}
    named = {field["name"]: given.get(field["name"].lower(), "") for field in fields}
    types = {field["name"]: field["type"] for field in fields_of(frame.schema)}
    return _selected(frame, types, fields, {name: source for name, source in named.items() if source})


def by_position(frame: Any, fields: Sequence[Field], columns: Sequence[str] = ()) -> Any:
    """Rows with the columns of a table, found by their order.

    Args:
        frame: The rows.
        fields: The columns of the table.
        columns: Those that the rows are for; empty for all.

    Raises:
        AnalysisException: If the rows have more or fewer.
    """
    given = list(frame.columns)
    targets = _targets(fields, columns, len(given))
    if len(targets) != len(given):
        raise _wrong_number(targets, given)
    names = [f"_{position}" for position in range(len(given))]
    # Asked before the columns get other names: each data frame asks the engine for its own.
    kinds = [field["type"] for field in fields_of(frame.schema)]
    types = dict(zip(names, kinds, strict=True))
    return _selected(frame.toDF(*names), types, fields, dict(zip(targets, names, strict=True)))


def _targets(fields: Sequence[Field], columns: Sequence[str], number: int) -> list[str]:
    if not columns:
        given = [field["name"] for field in fields if not _is_generated(field)]
        return given if number == len(given) else [field["name"] for field in fields]
    targets = []
    for name in columns:
        field = find(fields, name)
        if field is None:
            names = ", ".join(quoted_name(each["name"]) for each in fields)
            raise analysis_error(
                "UNRESOLVED_COLUMN.WITH_SUGGESTION",
                f"A column, variable, or function parameter with name {quoted_name(name)} cannot be "
                "resolved. "
                f"Did you mean one of the following? [{names}].",
            )
        targets.append(field["name"])
    return targets


def _wrong_number(targets: Sequence[str], given: Sequence[str]) -> Exception:
    few = len(given) < len(targets)
    condition = "NOT_ENOUGH_DATA_COLUMNS" if few else "TOO_MANY_DATA_COLUMNS"
    return analysis_error(
        f"INSERT_COLUMN_ARITY_MISMATCH.{condition}",
        f"Cannot write to the table, the reason is {'not enough' if few else 'too many'} data columns: Table "
        f"columns: {', '.join(targets)}. Data columns: {', '.join(given)}.",
    )


def _is_generated(field: Field) -> bool:
    metadata = field.get("metadata", {})
    return GENERATED in metadata or IDENTITY_START in metadata


def _selected(frame: Any, types: Mapping[str, Any], fields: Sequence[Field], named: Mapping[str, str]) -> Any:
    """Rows with the columns of a table. What the engine makes by itself is left to it."""
    expressions = []
    for field in fields:
        name, source = field["name"], named.get(field["name"])
        if source is not None:
            expression = checked_cast(quoted_name(source), types[source], field)
            expressions.append(f"{expression} AS {quoted_name(name)}")
        elif not any(key in field.get("metadata", {}) for key in _MADE_BY_ENGINE):
            expressions.append(f"CAST(NULL AS {type_ddl(field['type'])}) AS {quoted_name(name)}")
    return frame.selectExpr(*expressions)


def checked_cast(source: str, given: Any, field: Field) -> str:
    """The expression of a value as a column holds it; one that does not fit is an error, in any ANSI mode.

    Args:
        source: The expression of the value.
        given: Its type.
        field: The column.
    """
    wanted = field["type"]
    if given == wanted:
        return source
    ddl = type_ddl(wanted)
    if not isinstance(given, str) or not isinstance(wanted, str) or _fits(given, wanted):
        return f"CAST({source} AS {ddl})"
    said = _complaint(source, given, field)
    tried = f"TRY_CAST({source} AS {ddl})"
    return f"IF({source} IS NOT NULL AND {tried} IS NULL, CAST(raise_error({said}) AS {ddl}), {tried})"


def _fits(given: str, wanted: str) -> bool:
    if given in _NUMBERS and wanted in _NUMBERS:
        return _NUMBERS.index(given) <= _NUMBERS.index(wanted)
    return wanted == "string" or given == "void" or (given, wanted) == ("date", "timestamp")


def _complaint(source: str, given: str, field: Field) -> str:
    """The expression of the error."""
    types = f'"{type_text(given).upper()}"', f'"{type_text(field["type"]).upper()}"'
    if given == "string":
        before = quoted_text("[CAST_INVALID_INPUT] The value '")
        after = quoted_text(
            f"' of the type {types[0]} cannot be cast to {types[1]} because it is malformed, for the column "
            f"{quoted_name(field['name'])}. Correct the value as per the syntax, or change its target type. "
            "Use `try_cast` to tolerate malformed input and return NULL instead. SQLSTATE: 22018"
        )
        return f"concat({before}, {source}, {after})"
    return quoted_text(
        f"[CAST_OVERFLOW_IN_TABLE_INSERT] Fail to assign a value of {types[0]} type to the {types[1]} type "
        "column "
        f"or variable {quoted_name(field['name'])} due to an overflow. Use `try_cast` on the input value to "
        "tolerate overflow and return NULL instead. SQLSTATE: 22003"
    )
