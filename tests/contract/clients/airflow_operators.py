"""Runs in an environment of its own, with Airflow's provider: what its operators do, as JSON on stdout."""

import json
import os
import sys
from typing import Any

VARIABLES = os.environ
PORT = int(VARIABLES["WORKSPACE_PORT"])
CLIENT = {
    "use_sea": True,
    "_port": PORT,
    "_tls_trusted_ca_file": VARIABLES["WORKSPACE_CA"],
    "enable_telemetry": False,
}
CONNECTION = {
    "conn_type": "databricks",
    "host": VARIABLES["WORKSPACE_HOST"],
    "port": PORT,
    "password": VARIABLES["WORKSPACE_TOKEN"],
}
os.environ["AIRFLOW_CONN_DATABRICKS_DEFAULT"] = json.dumps(CONNECTION)

from airflow.providers.databricks.operators.databricks import DatabricksSQLStatementsOperator  # noqa: E402
from airflow.providers.databricks.operators.databricks_sql import (  # noqa: E402
    DatabricksCopyIntoOperator,
    DatabricksSqlOperator,
)


class TaskInstance:
    """Takes what operators push, and says what they tag statements with."""

    dag_id, task_id, run_id, try_number, map_index = "a_dag", "a_task", "a_run", 1, -1

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def statements(text: str, **fields: Any) -> dict[str, Any]:
    """What the operator of the statement API does: its statement, and how it ends."""
    instance = TaskInstance()
    operator = DatabricksSQLStatementsOperator(
        task_id="statements",
        statement=text,
        warehouse_id=VARIABLES["WORKSPACE_WAREHOUSE"],
        polling_period_seconds=1,
        **fields,
    )
    try:
        operator.execute({"ti": instance})
    except Exception as error:  # noqa: BLE001 - the test says which one it must be
        return {"error": str(error), **instance.pushed}
    return instance.pushed


def rows(text: Any, **fields: Any) -> Any:
    """What the operator of the connector gives back."""
    place = {"http_path": VARIABLES["WORKSPACE_HTTP_PATH"]} if "sql_endpoint_name" not in fields else {}
    operator = DatabricksSqlOperator(task_id="sql", sql=text, client_parameters=CLIENT, **place, **fields)
    found = operator.execute({})
    return json.loads(json.dumps(found, default=str))


def copied(location: str) -> Any:
    """Load files into a table; the rows that are there afterwards."""
    rows("CREATE TABLE IF NOT EXISTS main.default.loaded (name STRING, amount INT)")
    operator = DatabricksCopyIntoOperator(
        task_id="copy",
        table_name="main.default.loaded",
        file_location=location,
        file_format="CSV",
        format_options={"header": "true"},
        http_path=VARIABLES["WORKSPACE_HTTP_PATH"],
        client_parameters=CLIENT,
    )
    operator.execute({})
    operator.execute({})
    return rows("SELECT name, amount FROM main.default.loaded ORDER BY name")


def main() -> None:
    wanted = sys.argv[1:]
    shown: dict[str, Any] = {}
    if "statements" in wanted:
        shown["good"] = statements("SELECT :a", parameters=[{"name": "a", "value": "1", "type": "INT"}])
        shown["bad"] = statements("SELECT * FROM not_there")
    if "sql" in wanted:
        shown["rows"] = rows("SELECT 1 AS one, 'x' AS text")
        shown["several"] = rows(["SELECT 1", "SELECT 2"], return_last=False, split_statements=False)
        shown["named"] = rows("SELECT 3", sql_endpoint_name="Starter Warehouse", query_tags={"by": "airflow"})
    if "copy" in wanted:
        shown["copied"] = copied(VARIABLES["COPY_FROM"])
    sys.stdout.write("\nRESULT " + json.dumps(shown))


main()
