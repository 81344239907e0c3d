"""The process of a warehouse: it holds the Spark sessions and executes the statements."""

import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from databricks_local.execution.children import begin
from databricks_local.execution.mounts import Mounts
from databricks_local.runtime.spark_paths import spark_rewriter
from databricks_local.runtime.spark_session import connect
from databricks_local.runtime.tables.catalog.client import CatalogClient
from databricks_local.runtime.tables.plain_paths import PlainPaths
from databricks_local.runtime.tables.serving import open_with_tables
from databricks_local.runtime.warehouse.orders import Outcome, StatementOrder
from databricks_local.runtime.warehouse.sessions import Sessions
from databricks_local.runtime.warehouse.statements import Statements


@dataclass(frozen=True)
class WarehouseLaunch:
    """The arguments of the process of a warehouse.

    Attributes:
        spark_remote: Its Spark server.
        spark_places: Where `/dbfs` and the like are for a server outside of the namespace.
        spark_conf: The configuration of each session.
        environment: Its variables.
        mounts: The paths that it sees.
        log: The file that it writes to.
        links: The directory for links to tables.
        sail: Whether the server is Sail.
        workspace: The URL of the workspace.
        token: What lets it in there.
    """

    spark_remote: str
    spark_places: Mapping[str, str] | None
    spark_conf: dict[str, str]
    environment: dict[str, str]
    mounts: Mounts
    log: str
    links: str
    sail: bool = True
    workspace: str = ""
    token: str = field(default="", repr=False)


class Answers:
    """The line to the server, which many threads use."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def began(self, statement_id: str) -> None:
        """Say that a statement is executed now."""
        self._send({"began": statement_id})

    def ended(self, statement_id: str, outcome: Outcome) -> None:
        """Say how a statement ended."""
        self._send({"ended": statement_id, "outcome": asdict(outcome)})

    def _send(self, message: dict[str, Any]) -> None:
        content = json.dumps(message).encode()
        with self._lock:
            self._connection.send_bytes(content)


def warehouse_main(connection: Connection, launch: WarehouseLaunch) -> None:
    """Execute the statements that the server sends, until it is gone.

    Args:
        connection: The line to the server.
        launch: What the process needs.
    """
    places = begin([launch.log], launch.mounts)
    os.environ.update(launch.environment)
    sys.argv[:] = ["warehouse"]
    client, links = CatalogClient(launch.workspace, launch.token), PlainPaths(Path(launch.links))
    sessions = Sessions(lambda: open_session(launch, places, client, links))
    answers = Answers(connection)
    statements = Statements(sessions, answers.began, answers.ended)
    threading.Thread(target=sessions.prepare, daemon=True).start()
    while True:
        try:
            message = json.loads(connection.recv_bytes())
        except (EOFError, OSError):
            # The server is gone; the thread that watches it ends this process.
            threading.Event().wait()
        if "execute" in message:
            statements.begin(StatementOrder.from_message(message["execute"]))
        elif "cancel" in message:
            statements.cancel(message["cancel"])
        elif "close" in message:
            closing = threading.Thread(target=statements.close, args=(message["close"],), daemon=True)
            closing.start()


def open_session(
    launch: WarehouseLaunch, places: Mapping[str, str], client: CatalogClient, links: PlainPaths
) -> Any:
    """A new Spark session of a warehouse."""
    if launch.sail:
        return open_with_tables(launch.spark_remote, launch.spark_conf, places, client, links)
    rewrite = spark_rewriter(launch.spark_places or places)
    return connect(launch.spark_remote, rewrite, launch.spark_conf, sail=False)
