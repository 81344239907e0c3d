"""The columns of rows that are written: those of the table, each cast so that no value is lost unseen.

Fields of structs are found as columns are: by their names, or by their position.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from databricks_local.runtime.tables.delta.schema import (
    Field,
    fields_of,
    find,
    merged,
    type_ddl,
    type_text,
    unknown,
)
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
    found = {name: source for name, source in named.items() if source}
    return _selected(frame, types, fields, found, named=True)


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
    return _selected(frame.toDF(*names), types, fields, dict(zip(targets, names, strict=True)), named=False)


def widened(fields: Sequence[Field], frame: Any) -> list[Field]:
    """The columns of a table with those that only the rows have, in structs, too.

    Raises:
        AnalysisException: If a column is of another kind in the rows.
    """
    try:
        return merged(fields, [{**each, "metadata": {}} for each in fields_of(frame.schema)])
    except ValueError as error:
        name = str(error)
        raise analysis_error(
            "DELTA_FAILED_TO_MERGE_FIELDS", f"Failed to merge fields '{name}' and '{name}'."
        ) from error


def strangers(fields: Sequence[Field], frame: Any) -> list[str]:
    """The columns of rows that a table does not have, in structs, too."""
    return unknown(fields, fields_of(frame.schema))


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


def _selected(
    frame: Any, types: Mapping[str, Any], fields: Sequence[Field], sources: Mapping[str, str], *, named: bool
) -> Any:
    """Rows with the columns of a table. What the engine makes by itself is left to it."""
    expressions = []
    for field in fields:
        name, source = field["name"], sources.get(field["name"])
        if source is not None:
            expression = checked_cast(quoted_name(source), types[source], field, named=named)
            expressions.append(f"{expression} AS {quoted_name(name)}")
        elif not any(key in field.get("metadata", {}) for key in _MADE_BY_ENGINE):
            expressions.append(f"CAST(NULL AS {type_ddl(field['type'])}) AS {quoted_name(name)}")
    return frame.selectExpr(*expressions)


def checked_cast(source: str, given: Any, field: Field, *, named: bool = True) -> str:
    """The expression of a value as a column holds it; one that does not fit is an error, in any ANSI mode.

    Args:
        source: The expression of the value.
        given: Its type.
        field: The column.
        named: Whether fields of structs are found by their names; by their position if not.
    """
    return _Cast((field["name"],), named).value(source, given, field["type"])


@dataclass(frozen=True)
class _Cast:
    """Casts what is at a place of a row."""

    path: tuple[str, ...]
    named: bool

    def value(self, source: str, given: Any, wanted: Any) -> str:
        ddl = type_ddl(wanted)
        if type_ddl(given) == ddl:
            return source
        if not isinstance(given, str) and not isinstance(wanted, str) and given["type"] == wanted["type"]:
            return self._nested(source, given, wanted)
        if not isinstance(given, str) or not isinstance(wanted, str) or _fits(given, wanted):
            return f"CAST({source} AS {ddl})"
        said = _complaint(source, given, wanted, quoted_name(*self.path))
        tried = f"TRY_CAST({source} AS {ddl})"
        if (given, wanted) == ("string", "date"):
            tried = f"{_plain_date(source)}, {tried}"
        return first_of(tried, source, said, ddl)

    def _nested(self, source: str, given: Any, wanted: Any) -> str:
        if given["type"] == "struct":
            return self._struct(source, given["fields"], wanted)
        if given["type"] == "array":
            return self._each(source, given["elementType"], wanted["elementType"], "element")
        keys = self._each(f"map_keys({source})", given["keyType"], wanted["keyType"], "key")
        values = self._each(f"map_values({source})", given["valueType"], wanted["valueType"], "value")
        return f"map_from_arrays({keys}, {values})"

    def _each(self, source: str, given: Any, wanted: Any, name: str) -> str:
        if type_ddl(given) == type_ddl(wanted):
            return source
        inner = _Cast((*self.path, name), self.named)
        variable = f"_{len(inner.path)}"
        return f"transform({source}, {variable} -> {inner.value(variable, given, wanted)})"

    def _struct(self, source: str, given: Sequence[Field], wanted: Any) -> str:
        pieces = []
        for position, field in enumerate(wanted["fields"]):
            found = find(given, field["name"]) if self.named else self._at(position, given, wanted["fields"])
            value = f"CAST(NULL AS {type_ddl(field['type'])})"
            if found is not None:
                inner = _Cast((*self.path, field["name"]), self.named)
                value = inner.value(f"{source}.{quoted_name(found['name'])}", found["type"], field["type"])
            pieces.append(f"{quoted_text(field['name'])}, {value}")
        null = f"CAST(NULL AS {type_ddl(wanted)})"
        return f"IF({source} IS NULL, {null}, named_struct({', '.join(pieces)}))"

    def _at(self, position: int, given: Sequence[Field], wanted: Sequence[Field]) -> Field:
        if len(given) != len(wanted):
            kind = "EXTRA_STRUCT_FIELDS" if len(given) > len(wanted) else "STRUCT_MISSING_FIELDS"
            raise analysis_error(
                f"INCOMPATIBLE_DATA_FOR_TABLE.{kind}",
                f"Cannot write incompatible data for the column {quoted_name(*self.path)}: the struct has "
                f"{len(given)} fields, where the table has {len(wanted)}.",
            )
        return given[position]


def first_of(tried: str, source: str, said: str, ddl: str) -> str:
    """The first value of some that is there; an error if there is none, though there is a source.

    The engine works out what is behind the first only for rows that need it, so each value is cast once.

    Args:
        tried: The expressions of the values.
        source: What they are made of.
        said: The expression of the error.
        ddl: The type of the values.
    """
    nothing = f"IF({source} IS NULL, CAST(NULL AS {ddl}), CAST(raise_error({said}) AS {ddl}))"
    return f"coalesce({tried}, {nothing})"


def _plain_date(source: str) -> str:
    """A date as nearly all are written; NULL for others. Sail reads it as a time four times as fast."""
    plain = f"octet_length({source}) = 10 AND instr({source}, '-') = 5"
    return f"CAST(TRY_CAST(CASE WHEN {plain} THEN {source} END AS TIMESTAMP_NTZ) AS DATE)"


def wider(kind: Any, other: Any) -> bool:
    """Whether a type of numbers has all values of another one, and more."""
    return kind in _NUMBERS and other in _NUMBERS and _NUMBERS.index(kind) > _NUMBERS.index(other)


def _fits(given: str, wanted: str) -> bool:
    if given in _NUMBERS and wanted in _NUMBERS:
        return _NUMBERS.index(given) <= _NUMBERS.index(wanted)
    return wanted == "string" or given == "void" or (given, wanted) == ("date", "timestamp")


def _complaint(source: str, given: str, wanted: str, column: str) -> str:
    """The expression of the error."""
    types = f'"{type_text(given).upper()}"', f'"{type_text(wanted).upper()}"'
    if given == "string":
        before = quoted_text("[CAST_INVALID_INPUT] The value '")
        after = quoted_text(
            f"' of the type {types[0]} cannot be cast to {types[1]} because it is malformed, for the column "
            f"{column}. Correct the value as per the syntax, or change its target type. "
            "Use `try_cast` to tolerate malformed input and return NULL instead. SQLSTATE: 22018"
        )
        return f"concat({before}, {source}, {after})"
    return quoted_text(
        f"[CAST_OVERFLOW_IN_TABLE_INSERT] Fail to assign a value of {types[0]} type to the {types[1]} type "
        "column "
        f"or variable {column} due to an overflow. Use `try_cast` on the input value to "
        "tolerate overflow and return NULL instead. SQLSTATE: 22003"
    )
