"""What the process of a cluster gets and does before its Spark starts, whichever that is."""

import os
import threading
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from databricks_local.execution.children import begin, send
from databricks_local.execution.mounts import Mounts
from databricks_local.execution.provisioning.init_scripts import run_init_scripts
from databricks_local.runtime.environment import LibraryEnvironment


@dataclass(frozen=True)
class ClusterLaunch:
    """The arguments of the process of a cluster.

    Attributes:
        cluster_id: The cluster.
        environment: Variables of the server, with its access to storage.
        log: The file that it writes to.
        mounts: The paths that it sees.
        libraries: The directory of the cluster's libraries.
        offers: The directory in which tasks offer what they installed by %pip.
        init_scripts: What runs before Spark.
    """

    cluster_id: str
    environment: dict[str, str] = field(repr=False)
    log: str
    mounts: Mounts
    libraries: str
    offers: str
    init_scripts: tuple[str, ...] = ()

    @property
    def site_packages(self) -> Path:
        """From where the cluster's libraries are imported."""
        return LibraryEnvironment(Path(self.libraries)).site_packages


def prepare(connection: Connection, launch: ClusterLaunch) -> None:
    """Make this process one of the cluster, and run its init scripts. If one fails, this does not return.

    Args:
        connection: The line to the server, which gets the reason and then ends this process.
        launch: What the process gets.
    """
    places = begin([launch.log], launch.mounts)
    os.environ.update(launch.environment)
    refusal = run_init_scripts(launch.init_scripts, launch.cluster_id, Path(launch.libraries), places)
    if refusal:
        send(connection, {"refusal": refusal})
        threading.Event().wait()
    send(connection, {"prepared": True})
