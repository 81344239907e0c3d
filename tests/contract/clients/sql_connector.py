"""Runs in an environment of its own, with databricks-sql-connector: what it gets, as JSON on stdout."""

import datetime
import json
import os
import sys
from decimal import Decimal
from typing import Any

from databricks import sql

VALUES = (
    "SELECT 1 AS number, 'x' AS text, CAST(1.5 AS DECIMAL(10,2)) AS price, DATE'2024-02-29' AS day, "
    "TIMESTAMP'2024-02-29 12:00:00' AS moment, array(1, 2) AS list, CAST(NULL AS INT) AS none, "
    "X'00ff' AS bytes"
)


def connect(**fields: Any) -> Any:
    place = os.environ["WORKSPACE_HOST"], int(os.environ["WORKSPACE_PORT"])
    return sql.connect(
        server_hostname=place[0],
        _port=place[1],
        http_path=os.environ["WORKSPACE_HTTP_PATH"],
        access_token=os.environ["WORKSPACE_TOKEN"],
        _tls_trusted_ca_file=os.environ["WORKSPACE_CA"],
        enable_telemetry=False,
        **fields,
    )


def rows(connection: Any, text: str, parameters: Any = None) -> list[list[str]]:
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)
        return [[str(value) for value in row] for row in cursor.fetchall()]


def in_a_session() -> dict[str, Any]:
    with connect(use_sea=True, query_tags={"team": "data", "why": "a:b"}) as connection:
        shown: dict[str, Any] = {"values": rows(connection, VALUES)}
        given = {"a": 41, "b": datetime.date(2024, 2, 29), "c": Decimal("1.5"), "d": None, "e": True}
        shown["parameters"] = rows(connection, "SELECT :a + 1, :b, :c, :d, :e", given)
        rows(connection, "CREATE TEMPORARY VIEW kept AS SELECT 5 AS five")
        shown["kept"] = rows(connection, "SELECT * FROM kept")
        rows(connection, "USE CATALOG hive_metastore")
        shown["catalog"] = rows(connection, "SELECT current_catalog()")
        shown["empty"] = rows(connection, "SELECT id FROM range(3) WHERE id > 5")
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM range(3000000)")
            table = cursor.fetchall_arrow()
            shown["large"] = [table.num_rows, sum(table.column("id").to_pylist())]
            cursor.execute_async("SELECT 3 AS three")
            cursor.get_async_execution_result()
            shown["async"] = [list(row) for row in cursor.fetchall()]
            cursor.catalogs()
            shown["catalogs"] = sorted(row[0] for row in cursor.fetchall())
            cursor.schemas(catalog_name="main")
            shown["schemas"] = sorted(row[0] for row in cursor.fetchall())
            try:
                cursor.execute("SELECT * FROM not_there")
            except sql.exc.ServerOperationError as error:
                shown["failure"] = str(error)
    return shown


def listed() -> dict[str, Any]:
    """What cursors say of tables and columns."""
    with connect(use_sea=True) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE main.default.listed (first INT, second STRING)")
        cursor.tables(catalog_name="main", schema_name="def%", table_name="list%")
        tables = [[row.catalogName, row.namespace, row.tableName, row.tableType] for row in cursor.fetchall()]
        cursor.columns(catalog_name="main", schema_name="default", table_name="listed")
        return {"tables": tables, "columns": [[row.col_name, row.columnType] for row in cursor.fetchall()]}


def begun_elsewhere() -> list[list[str]]:
    conf = {"TIMEZONE": "Europe/Berlin"}
    fields = {"catalog": "hive_metastore", "schema": "default", "session_configuration": conf}
    with connect(use_sea=True, **fields) as connection:
        return rows(connection, "SELECT current_catalog(), current_schema(), current_timezone()")


def by_thrift() -> str:
    try:
        with connect():
            return ""
    except sql.exc.RequestError as error:
        return str(error)


def main() -> None:
    json.dump(listed() if sys.argv[1:] == ["listed"] else all_the_rest(), sys.stdout)


def all_the_rest() -> dict[str, Any]:
    shown = in_a_session()
    shown["elsewhere"] = begun_elsewhere()
    for name, fields in {
        "inline": {"use_cloud_fetch": False},
        "hybrid": {"use_hybrid_disposition": True},
    }.items():
        with connect(use_sea=True, **fields) as connection:
            shown[name] = rows(connection, VALUES)
    shown["thrift"] = by_thrift()
    return shown


main()
