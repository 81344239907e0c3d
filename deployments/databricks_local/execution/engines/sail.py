"""The process of a cluster on Sail."""

import importlib
import threading
from multiprocessing.connection import Connection

from databricks_local.execution.children import LOOPBACK, send
from databricks_local.execution.engines.launch import ClusterLaunch, prepare
from databricks_local.runtime.imports.offered import look_in, offer


def sail_main(connection: Connection, launch: ClusterLaunch) -> None:
    """Serve Spark Connect by Sail until the workspace's server is gone.

    Args:
        connection: The line to the server, which gets the port.
        launch: What the server needs.
    """
    prepare(connection, launch)
    offer(launch.offers, str(launch.site_packages))
    look_in(launch.offers)
    # Already imported before the fork. By name, since it has no types.
    server = importlib.import_module("pysail.spark").SparkConnectServer(LOOPBACK, 0)
    server.start(background=True)
    address = server.listening_address
    if address is None:
        raise RuntimeError("The Spark Connect server did not start.")
    send(connection, {"port": address[1]})
    threading.Event().wait()
