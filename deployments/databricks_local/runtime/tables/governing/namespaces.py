"""Catalogs and schemas: CREATE, DROP, USE; and COMMENT ON."""

import contextlib
from collections.abc import Mapping
from typing import Any

from databricks_local.runtime.tables.catalog.client import CatalogError
from databricks_local.runtime.tables.catalog.session import DEFAULT_SCHEMA, SessionCatalog, refusal_of
from databricks_local.runtime.tables.engine import Engine, nothing
from databricks_local.runtime.tables.errors import (
    analysis_error,
    catalog_not_found,
    refused,
    schema_not_found,
)
from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.reading.tokens import quoted_name
from databricks_local.runtime.tables.statements import Statement


def create(statement: Statement, cursor: Cursor) -> Any:
    """Serve CREATE SCHEMA and CREATE CATALOG; None for another CREATE."""
    cursor.expect("CREATE")
    kind = cursor.accept_any("SCHEMA", "DATABASE", "CATALOG")
    if not kind:
        return None
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    name = cursor.name()
    told = _told(cursor)
    client = statement.catalog.client
    if kind == "CATALOG":
        names: tuple[str, ...] = (name[0].lower(),)
        body, plural, condition = {"name": names[0]}, "catalogs", "CATALOG_ALREADY_EXISTS"
    else:
        names = statement.catalog.full_schema(name)
        body, plural, condition = (
            {"catalog_name": names[0], "name": names[1]},
            "schemas",
            "SCHEMA_ALREADY_EXISTS",
        )
    if client.find(plural, names) is not None:
        if if_not_exists:
            return nothing()
        raise analysis_error(
            condition,
            f"Cannot create {kind.lower()} {quoted_name(*names)} because it already exists. Choose a "
            "different "
            "name, drop the existing one, or add the IF NOT EXISTS clause.",
        )
    try:
        client.create(plural, {**body, **told})
        if kind == "CATALOG" and client.find("schemas", (names[0], DEFAULT_SCHEMA)) is None:
            client.create("schemas", {"catalog_name": names[0], "name": DEFAULT_SCHEMA})
    except CatalogError as error:
        # Another session may have made it meanwhile.
        if if_not_exists and error.code.endswith("_ALREADY_EXISTS"):
            return nothing()
        raise refusal_of(error, names) from error
    return nothing()


def _told(cursor: Cursor) -> dict[str, Any]:
    told: dict[str, Any] = {}
    while not cursor.at_end:
        if cursor.accept("COMMENT"):
            told["comment"] = cursor.string()
        elif cursor.accept("MANAGED", "LOCATION") or cursor.accept("LOCATION"):
            told["storage_root"] = cursor.string()
        elif cursor.accept("WITH", "DBPROPERTIES") or cursor.accept("DBPROPERTIES"):
            told["properties"] = cursor.properties()
        elif cursor.accept("DEFAULT", "COLLATION"):
            cursor.word()
        else:
            raise cursor.error("COMMENT or WITH DBPROPERTIES")
    return told


def drop(statement: Statement, cursor: Cursor) -> Any:
    """Serve DROP SCHEMA and DROP CATALOG; None for another DROP."""
    cursor.expect("DROP")
    kind = cursor.accept_any("SCHEMA", "DATABASE", "CATALOG")
    if not kind:
        return None
    if_exists = cursor.accept("IF", "EXISTS")
    name = cursor.name()
    cascade = cursor.accept("CASCADE")
    cursor.accept("RESTRICT")
    cursor.finish()
    catalog = statement.catalog
    names = (name[0].lower(),) if kind == "CATALOG" else catalog.full_schema(name)
    plural = "catalogs" if kind == "CATALOG" else "schemas"
    if catalog.client.find(plural, names) is None:
        if if_exists:
            return nothing()
        raise catalog_not_found(names[0]) if kind == "CATALOG" else schema_not_found(names)
    if not cascade:
        _refuse_full(catalog, names)
    try:
        catalog.client.delete(plural, names, force=True)
    except CatalogError as error:
        raise refusal_of(error, names) from error
    return nothing()


def _refuse_full(catalog: SessionCatalog, names: tuple[str, ...]) -> None:
    """Refuse to drop what is not empty."""
    if len(names) == 1:
        schemas = {each["name"] for each in catalog.client.schemas(names[0])} - {"information_schema"}
        full = bool(schemas - {DEFAULT_SCHEMA}) or bool(
            DEFAULT_SCHEMA in schemas and catalog.client.tables(names[0], DEFAULT_SCHEMA)
        )
    else:
        full = bool(catalog.client.tables(*names)) or bool(catalog.client.volumes(*names))
    if full:
        kind = "catalog" if len(names) == 1 else "schema"
        raise analysis_error(
            f"{kind.upper()}_NOT_EMPTY",
            f"Cannot drop a {kind} {quoted_name(*names)} because it contains objects. Use DROP "
            f"{kind.upper()} ... "
            f"CASCADE to drop the {kind} and all its objects.",
        )


def use(statement: Statement, cursor: Cursor) -> Any:
    """Serve USE."""
    cursor.expect("USE")
    catalog = statement.catalog
    if cursor.accept("CATALOG"):
        name = cursor.string() if cursor.at_string else cursor.word()
        go_to_catalog(catalog, name)
    else:
        cursor.accept_any("SCHEMA", "DATABASE", "NAMESPACE")
        parts = tuple(cursor.string().split(".")) if cursor.at_string else cursor.name()
        go_to_schema(catalog, parts)
    cursor.finish()
    let_engine_follow(statement.engine, catalog)
    return nothing()


def let_engine_follow(engine: Engine, catalog: SessionCatalog) -> None:
    """Tell the engine where the session is, for queries that are not read here.

    It may not know the place: a catalog that is younger than the cluster.
    """
    from pyspark.errors import PySparkException

    with contextlib.suppress(PySparkException):
        engine.run(f"USE CATALOG {quoted_name(catalog.place.catalog)}")
        engine.run(f"USE SCHEMA {quoted_name(catalog.place.schema)}")


def go_to_catalog(catalog: SessionCatalog, name: str) -> None:
    """Let names be found in a catalog."""
    lower = "hive_metastore" if name.lower() == "spark_catalog" else name.lower()
    if catalog.client.find("catalogs", (lower,)) is None:
        raise catalog_not_found(name)
    catalog.place.catalog, catalog.place.schema = lower, DEFAULT_SCHEMA


def go_to_schema(catalog: SessionCatalog, parts: tuple[str, ...]) -> None:
    """Let names be found in a schema."""
    names = catalog.full_schema(parts)
    catalog.require_schema(names)
    catalog.place.catalog, catalog.place.schema = names


def alter(statement: Statement, cursor: Cursor) -> Any:
    """Serve ALTER SCHEMA and ALTER CATALOG."""
    cursor.expect("ALTER")
    kind = cursor.accept_any("SCHEMA", "DATABASE", "CATALOG")
    if not kind:
        return None
    catalog = statement.catalog
    name = cursor.name()
    plural = "catalogs" if kind == "CATALOG" else "schemas"
    names = (name[0].lower(),) if kind == "CATALOG" else catalog.full_schema(name)
    found = catalog.client.find(plural, names)
    if found is None:
        raise catalog_not_found(names[0]) if kind == "CATALOG" else schema_not_found(names)
    changes = _changed(found, cursor, kind)
    cursor.finish()
    catalog.client.update(plural, names, changes)
    return nothing()


def _changed(found: Mapping[str, Any], cursor: Cursor, kind: str) -> dict[str, Any]:
    if cursor.accept("SET", "DBPROPERTIES"):
        return {"properties": {**(found.get("properties") or {}), **cursor.properties()}}
    if cursor.accept("SET", "OWNER", "TO") or cursor.accept("OWNER", "TO"):
        return {"owner": cursor.word()}
    raise refused(f"ALTER {kind} {cursor.rest()}", "there are SET DBPROPERTIES and OWNER TO")
