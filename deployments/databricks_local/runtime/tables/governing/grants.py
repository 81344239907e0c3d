"""GRANT, REVOKE and SHOW GRANTS: kept and shown, as the workspace keeps them."""

from typing import Any

from databricks_local.runtime.tables.catalog.client import CatalogError
from databricks_local.runtime.tables.catalog.session import SessionCatalog, refusal_of
from databricks_local.runtime.tables.engine import answer, nothing
from databricks_local.runtime.tables.errors import refused
from databricks_local.runtime.tables.reading.cursor import Cursor, split_list
from databricks_local.runtime.tables.statements import Statement

_KINDS = ("CATALOG", "SCHEMA", "DATABASE", "TABLE", "VIEW", "VOLUME", "METASTORE", "FUNCTION")


def grant(statement: Statement, cursor: Cursor) -> Any:
    """Serve GRANT."""
    cursor.expect("GRANT")
    return _change(statement, cursor, "add", "TO")


def revoke(statement: Statement, cursor: Cursor) -> Any:
    """Serve REVOKE."""
    cursor.expect("REVOKE")
    return _change(statement, cursor, "remove", "FROM")


def deny(statement: Statement, cursor: Cursor) -> Any:
    """Serve DENY."""
    raise refused("DENY", "use REVOKE")


def _change(statement: Statement, cursor: Cursor, change: str, word: str) -> Any:
    listed = cursor.until("ON")
    cursor.expect("ON")
    kind, name = securable(statement.catalog, cursor)
    cursor.expect(word)
    principal = cursor.string() if cursor.at_string else cursor.rest().strip("` ")
    cursor.finish()
    privileges = [" ".join(each.upper().split()).replace(" ", "_") for each in split_list(listed)]
    if privileges in (["ALL_PRIVILEGES"], ["ALL"]):
        privileges = ["ALL_PRIVILEGES"]
    try:
        statement.catalog.client.change_permissions(kind, name, {"principal": principal, change: privileges})
    except CatalogError as error:
        raise refusal_of(error, tuple(name.split("."))) from error
    return nothing()


def show_grants(statement: Statement, cursor: Cursor) -> Any:
    """Serve SHOW GRANTS; None for another SHOW."""
    cursor.expect("SHOW")
    if not cursor.accept_any("GRANTS", "GRANT"):
        return None
    principal = "" if cursor.looks_at("ON") else cursor.until("ON").strip("` '")
    cursor.expect("ON")
    kind, name = securable(statement.catalog, cursor)
    cursor.finish()
    try:
        assigned = statement.catalog.client.permissions(kind, name)
    except CatalogError as error:
        raise refusal_of(error, tuple(name.split("."))) from error
    rows = [
        (each["principal"], privilege.replace("_", " "), kind.upper(), name)
        for each in assigned
        for privilege in each.get("privileges", [])
        if principal in ("", each["principal"])
    ]
    columns = [
        ("Principal", "string"),
        ("ActionType", "string"),
        ("ObjectType", "string"),
        ("ObjectKey", "string"),
    ]
    return answer(columns, rows)


def securable(catalog: SessionCatalog, cursor: Cursor) -> tuple[str, str]:
    """What a privilege is about: its kind and full name, as the API takes them."""
    kind = cursor.accept_any(*_KINDS) or "TABLE"
    if kind == "METASTORE":
        return "metastore", "11111111-2222-4333-8444-555555555555"
    parts = cursor.name()
    if kind == "CATALOG":
        return "catalog", parts[0].lower()
    if kind in ("SCHEMA", "DATABASE"):
        return "schema", ".".join(catalog.full_schema(parts))
    names = ".".join(catalog.full(parts))
    return ("table" if kind == "VIEW" else kind.lower()), names
