"""The process of a cluster on Sail."""

import importlib
import os
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection

from databricks_local.execution.children import LOOPBACK, send
from databricks_local.execution.engines.launch import ClusterLaunch, prepare
from databricks_local.execution.engines.sail_catalog import hiding_the_catalog
from databricks_local.runtime.imports.offered import look_in, offer


def sail_main(connection: Connection, launch: ClusterLaunch, catalog: Mapping[str, str]) -> None:
    """Serve Spark Connect by Sail until the workspace's server is gone.

    Args:
        connection: The line to the server, which gets the port.
        launch: What the server needs.
        catalog: The settings by which Sail reaches the catalog.
    """
    prepare(connection, launch)
    for name in hiding_the_catalog(os.environ):
        del os.environ[name]
    os.environ.update(catalog)
    offer(launch.offers, str(launch.site_packages))
    look_in(launch.offers)
    # Already imported before the fork. By name, since it has no types.
    server = importlib.import_module("pysail.spark").SparkConnectServer(LOOPBACK, 0)
    for name in catalog:
        # It has read them. Functions of users run in this process.
        del os.environ[name]
    server.start(background=True)
    address = server.listening_address
    if address is None:
        raise RuntimeError("The Spark Connect server did not start.")
    send(connection, {"port": address[1]})
    threading.Event().wait()
