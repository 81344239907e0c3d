"""ALTER TABLE: columns are added, renamed, dropped and changed, by a commit that changes no row."""

from collections.abc import Callable, Sequence

from databricks_local.runtime.tables.altering.properties import commit_change
from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.delta.commits import with_fields
from databricks_local.runtime.tables.delta.log import Action, Snapshot
from databricks_local.runtime.tables.delta.schema import Field, find, with_metadata
from databricks_local.runtime.tables.doing.columns import DEFAULT, GENERATED, IDENTITY_START
from databricks_local.runtime.tables.doing.definitions import field_of, mapped
from databricks_local.runtime.tables.doing.features import CONSTRAINT, MAPPING_MODE
from databricks_local.runtime.tables.errors import analysis_error, refused
from databricks_local.runtime.tables.reading.create import read_columns, type_text_in
from databricks_local.runtime.tables.reading.cursor import Cursor, split_list
from databricks_local.runtime.tables.reading.tokens import quoted_name, tokens_of
from databricks_local.runtime.tables.statements import Statement

_PLACES = ("FIRST", "AFTER")


def add_columns(statement: Statement, entry: Entry, cursor: Cursor) -> None:
    """Serve ADD COLUMNS."""
    text = cursor.in_parentheses() if cursor.looks_at("(") else cursor.rest()
    placed = [_placed(each) for each in split_list(text)]

    def changed(before: Snapshot) -> Action:
        fields = list(before.fields)
        for field, place in placed:
            if find(fields, field["name"]) is not None:
                raise analysis_error(
                    "FIELD_ALREADY_EXISTS",
                    f"Cannot add column, because {quoted_name(field['name'])} already exists in "
                    f"{entry.shown}.",
                )
            fields.insert(_index(fields, place), field)
        new, configuration = mapped(fields, before.configuration)
        return {**with_fields(before, new), "configuration": configuration}

    commit_change(entry, "ADD COLUMNS", changed, {"columns": [{"column": field} for field, _ in placed]})


def _placed(text: str) -> tuple[Field, str]:
    """A column, and the one that it comes after: empty for the end, FIRST for the begin."""
    cursor = Cursor(text)
    written = cursor.until(*_PLACES)
    place = ""
    if cursor.accept("FIRST"):
        place = "FIRST"
    elif cursor.accept("AFTER"):
        place = cursor.word()
    (column,) = read_columns(written)
    field = field_of(column)
    if not field["nullable"]:
        raise analysis_error(
            "DELTA_OPERATION_NOT_ALLOWED",
            f"Operation not allowed: NOT NULL in ALTER TABLE ADD COLUMNS is not supported. Add "
            f"{quoted_name(field['name'])}, give it values, then use ALTER COLUMN … SET NOT NULL.",
        )
    if field["metadata"].keys() & {GENERATED, IDENTITY_START}:
        raise analysis_error(
            "DELTA_OPERATION_NOT_ALLOWED",
            f"Operation not allowed: {quoted_name(field['name'])} cannot be added as a generated or identity "
            "column. Use CREATE OR REPLACE TABLE … AS SELECT.",
        )
    if DEFAULT in field["metadata"]:
        raise analysis_error(
            "WRONG_COLUMN_DEFAULTS_FOR_DELTA_ALTER_TABLE_ADD_COLUMN_NOT_SUPPORTED",
            "DEFAULT values are not supported when columns are added to a Delta table. Add "
            f"{quoted_name(field['name'])} without it, then use ALTER COLUMN … SET DEFAULT.",
        )
    return field, place


def _index(fields: Sequence[Field], place: str) -> int:
    if not place:
        return len(fields)
    if place == "FIRST":
        return 0
    after = required_field(fields, place)
    return list(fields).index(after) + 1


def required_field(fields: Sequence[Field], name: str) -> Field:
    """The field of a name.

    Raises:
        AnalysisException: If there is none.
    """
    field = find(fields, name)
    if field is None:
        names = ", ".join(quoted_name(each["name"]) for each in fields)
        raise analysis_error(
            "UNRESOLVED_COLUMN.WITH_SUGGESTION",
            f"A column with name {quoted_name(name)} cannot be resolved. Did you mean one of the "
            f"following? [{names}].",
        )
    return field


def _needs_mapping(before: Snapshot, entry: Entry, what: str, condition: str) -> None:
    if not before.is_mapped:
        raise analysis_error(
            condition,
            f"{what} is not supported for your Delta table {entry.shown}. Please enable column mapping: "
            f"ALTER TABLE {'.'.join(entry.names)} SET TBLPROPERTIES ('{MAPPING_MODE}' = 'name').",
        )


def _refuse_used(before: Snapshot, field: Field, what: str) -> None:
    """Refuse to take away the name of a column that a condition or another column is computed of."""
    used = {
        f"the CHECK constraint {key.removeprefix(CONSTRAINT)}": expression
        for key, expression in before.configuration.items()
        if key.startswith(CONSTRAINT)
    }
    used |= {
        f"the generated column {quoted_name(each['name'])}": each["metadata"][GENERATED]
        for each in before.fields
        if each is not field and GENERATED in each["metadata"]
    }
    name = field["name"].lower()
    for user, expression in used.items():
        if any(token.is_name and token.text.lower() == name for token in tokens_of(expression)):
            kind = "CONSTRAINT" if user.startswith("the CHECK") else "GENERATED_COLUMNS"
            raise analysis_error(
                f"DELTA_{kind}_DEPENDENT_COLUMN_CHANGE",
                f"Cannot {what} column {quoted_name(field['name'])}: {user} uses it ({expression}).",
            )


def rename_column(statement: Statement, entry: Entry, cursor: Cursor) -> None:
    """Serve RENAME COLUMN."""
    old = cursor.word()
    cursor.expect("TO")
    new = cursor.word()

    def changed(before: Snapshot) -> Action:
        _needs_mapping(before, entry, "Column rename", "DELTA_UNSUPPORTED_RENAME_COLUMN")
        field = required_field(before.fields, old)
        _refuse_used(before, field, "rename")
        if find(before.fields, new) not in (None, field):
            raise analysis_error(
                "FIELD_ALREADY_EXISTS", f"{quoted_name(new)} already exists in {entry.shown}."
            )
        fields = [{**each, "name": new} if each is field else each for each in before.fields]
        partitions = [new if name == field["name"] else name for name in before.partitions]
        return {**with_fields(before, fields), "partitionColumns": partitions}

    commit_change(entry, "RENAME COLUMN", changed, {"oldColumnPath": old, "newColumnPath": new})


def drop_columns(statement: Statement, entry: Entry, cursor: Cursor) -> None:
    """Serve DROP COLUMNS."""
    if_exists = cursor.accept("IF", "EXISTS")
    names = split_list(cursor.in_parentheses()) if cursor.looks_at("(") else cursor.rest().split(",")
    gone = [Cursor(name).word() for name in names]

    def changed(before: Snapshot) -> Action:
        _needs_mapping(before, entry, "DROP COLUMN", "DELTA_UNSUPPORTED_DROP_COLUMN")
        found = [
            find(before.fields, name) if if_exists else required_field(before.fields, name) for name in gone
        ]
        for field in filter(None, found):
            _refuse_used(before, field, "drop")
            if field["name"] in before.partitions:
                raise analysis_error(
                    "DELTA_UNSUPPORTED_DROP_PARTITION_COLUMN",
                    f"Dropping partition columns ({field['name']}) is not allowed.",
                )
        return with_fields(before, [field for field in before.fields if field not in found])

    commit_change(entry, "DROP COLUMNS", changed, {"columns": gone})


def change_column(statement: Statement, entry: Entry, cursor: Cursor) -> None:
    """Serve ALTER COLUMN, and CHANGE COLUMN with a name and type after it."""
    name = cursor.word()
    new_name = ""
    if (
        cursor.current is not None
        and cursor.current.is_name
        and not any(map(cursor.looks_at, ("SET", "DROP", "COMMENT", "TYPE", "FIRST", "AFTER")))
    ):
        new_name, kind = cursor.word(), type_text_in(cursor)
    else:
        kind = type_text_in(cursor) if cursor.accept("TYPE") else ""
    change, place = _column_change(cursor)

    def changed(before: Snapshot) -> Action:
        old = required_field(before.fields, name)
        if new_name and new_name.lower() != name.lower():
            _needs_mapping(before, entry, "Column rename", "DELTA_UNSUPPORTED_RENAME_COLUMN")
            _refuse_used(before, old, "rename")
        field = {**change(statement, entry, old), **({"name": new_name} if new_name else {})}
        if kind:
            field = _with_type(old, field, kind)
        fields = [field if each is old else each for each in before.fields]
        if place:
            fields.remove(field)
            fields.insert(_index(fields, place), field)
        return with_fields(before, fields)

    commit_change(entry, "CHANGE COLUMN", changed, {"column": name})


Change = Callable[[Statement, Entry, Field], Field]


def _column_change(cursor: Cursor) -> tuple[Change, str]:
    """What becomes of a column, and which one it comes after."""
    if cursor.accept("FIRST"):
        return _unchanged, "FIRST"
    if cursor.accept("AFTER"):
        return _unchanged, cursor.word()
    for words, change in _COLUMN_CHANGES:
        if cursor.accept(*words):
            return change(cursor), ""
    return _unchanged, ""


def _unchanged(statement: Statement, entry: Entry, field: Field) -> Field:
    return field


def _comment(cursor: Cursor) -> Change:
    comment = cursor.string()
    return lambda _, __, field: with_metadata(field, {"comment": comment})


def _default(cursor: Cursor) -> Change:
    default = cursor.rest()
    return lambda _, __, field: with_metadata(field, {DEFAULT: default})


def _no_default(cursor: Cursor) -> Change:
    return lambda _, __, field: with_metadata(field, {DEFAULT: None, "EXISTS_DEFAULT": None})


def _nullable(cursor: Cursor) -> Change:
    return lambda _, __, field: {**field, "nullable": True}


def _not_null(cursor: Cursor) -> Change:
    def change(statement: Statement, entry: Entry, field: Field) -> Field:
        name = quoted_name(field["name"])
        missing = f"SELECT 1 FROM {entry.for_engine} WHERE {name} IS NULL LIMIT 1"  # noqa: S608 - names of their own
        if statement.engine.rows(missing):
            raise analysis_error(
                "DELTA_NEW_NOT_NULL_VIOLATION",
                f"Rows in {entry.shown} violate the new NOT NULL constraint on {name}.",
            )
        return {**field, "nullable": False}

    return change


_COLUMN_CHANGES: tuple[tuple[tuple[str, ...], Callable[[Cursor], Change]], ...] = (
    (("COMMENT",), _comment),
    (("SET", "NOT", "NULL"), _not_null),
    (("DROP", "NOT", "NULL"), _nullable),
    (("SET", "DEFAULT"), _default),
    (("DROP", "DEFAULT"), _no_default),
)


def _with_type(old: Field, field: Field, kind: str) -> Field:
    (column,) = read_columns(f"{quoted_name(field['name'])} {kind}")
    wanted = field_of(column)["type"]
    if wanted == old["type"]:
        return field
    raise refused(
        f"ALTER COLUMN {old['name']} TYPE {kind}",
        f"use CREATE OR REPLACE TABLE … AS SELECT with CAST({old['name']} AS {kind})",
    )
