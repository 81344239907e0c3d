"""The columns of rows that are written: in the order of the table, with defaults, generated and numbered ones."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from databricks_local.runtime.tables.delta.log import Snapshot
from databricks_local.runtime.tables.delta.schema import Field, find, type_ddl
from databricks_local.runtime.tables.engine import Engine
from databricks_local.runtime.tables.errors import analysis_error
from databricks_local.runtime.tables.reading.tokens import quoted_name

if TYPE_CHECKING:
    from databricks_local.runtime.tables.doing.writing import Change

DEFAULT = "CURRENT_DEFAULT"
"""Where Spark keeps the expression of a default value."""

GENERATED = "delta.generationExpression"
IDENTITY_START, IDENTITY_STEP = "delta.identity.start", "delta.identity.step"
IDENTITY_EXPLICIT, HIGH_WATER = "delta.identity.allowExplicitInsert", "delta.identity.highWaterMark"


def aligned(
    engine: Engine, frame: Any, fields: Sequence[Field], change: "Change", before: Snapshot
) -> Any:
    """Rows with the columns of a table.

    Args:
        engine: Evaluates expressions.
        frame: The rows.
        fields: The columns that the table has.
        change: How the rows are written.
        before: The table.

    Raises:
        AnalysisException: If the columns do not fit.
    """
    given = list(frame.columns)
    if change.by_name:
        by_name = {name.lower(): name for name in given}
        named = {field["name"]: by_name[field["name"].lower()] for field in fields if field["name"].lower() in by_name}
    else:
        targets = _targets(fields, change.columns, len(given))
        if len(targets) != len(given):
            raise _wrong_number(targets, given)
        frame = frame.toDF(*[f"_{position}" for position in range(len(given))])
        named = {target: f"_{position}" for position, target in enumerate(targets)}
    plain = [_plain(field, named) for field in fields if not _made(field, named)]
    if len(plain) == len(fields):
        return frame.selectExpr(*plain)
    return _with_made(frame, fields, named)


def _targets(fields: Sequence[Field], columns: Sequence[str], number: int) -> list[str]:
    if not columns:
        names = [field["name"] for field in fields]
        given_by_rows = [field["name"] for field in fields if not _is_made(field)]
        return given_by_rows if number == len(given_by_rows) else names
    targets = []
    for name in columns:
        field = find(fields, name)
        if field is None:
            raise analysis_error(
                "UNRESOLVED_COLUMN.WITH_SUGGESTION",
                f"A column, variable, or function parameter with name {quoted_name(name)} cannot be resolved. Did "
                f"you mean one of the following? [{', '.join(quoted_name(each['name']) for each in fields)}].",
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


def _is_made(field: Field) -> bool:
    metadata = field.get("metadata", {})
    return GENERATED in metadata or IDENTITY_START in metadata


def _made(field: Field, named: dict[str, str]) -> bool:
    """Whether the values of a column are made here."""
    return _is_made(field) and field["name"] not in named


def _plain(field: Field, named: dict[str, str]) -> str:
    """The expression of a column that the rows have, or that has a default."""
    name = quoted_name(field["name"])
    if field["name"] in named:
        return f"{quoted_name(named[field['name']])} AS {name}"
    default = field.get("metadata", {}).get(DEFAULT, "NULL")
    return f"CAST({default} AS {type_ddl(field['type'])}) AS {name}"


def _with_made(frame: Any, fields: Sequence[Field], named: dict[str, str]) -> Any:
    """Rows with generated columns, whose expressions name other columns, and with numbers."""
    base = frame.selectExpr(*[_plain(field, named) for field in fields if not _made(field, named)])
    identities = [field for field in fields if _made(field, named) and IDENTITY_START in field["metadata"]]
    for field in identities:
        base = base.selectExpr("*", f"{_numbered(field)} AS {quoted_name(field['name'])}")
    expressions = [
        f"CAST({field['metadata'][GENERATED]} AS {type_ddl(field['type'])}) AS {quoted_name(field['name'])}"
        if _made(field, named) and field not in identities
        else quoted_name(field["name"])
        for field in fields
    ]
    return base.selectExpr(*expressions)


def _numbered(field: Field) -> str:
    metadata = field["metadata"]
    start, step = int(metadata[IDENTITY_START]), int(metadata[IDENTITY_STEP])
    mark = metadata.get(HIGH_WATER)
    first = start if mark is None else int(mark) + step
    return f"CAST({first} + (row_number() OVER (ORDER BY 1) - 1) * {step} AS BIGINT)"
