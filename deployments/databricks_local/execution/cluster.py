"""Running clusters, and how they fail."""

import asyncio
from dataclasses import dataclass

from databricks_local.execution.processes import Child
from databricks_local.execution.provisioning.installing import ClusterLibraries
from databricks_local.execution.provisioning.log_delivery import (
    DELIVERY_SECONDS,
    LEAST_DELIVERY_SECONDS,
    LogDelivery,
)
from databricks_local.jobs.engines import SAIL
from databricks_local.jobs.specs import ClusterSpec


class DriverLostError(Exception):
    """Raised when a process ended without a result; carries the end of its log."""


class ClusterError(Exception):
    """Raised when a cluster cannot be started."""


@dataclass(frozen=True)
class Machine:
    """How clusters and tasks are run here.

    Attributes:
        cluster_start_seconds: Seconds to wait before a cluster starts, as in the cloud.
        mount_namespaces: Whether tasks see `/dbfs`, `/Volumes` and `/Workspace` as directories.
        spark_remote: The Spark Connect server that all clusters use; empty if each has one of its own.
        log_delivery_seconds: How often the logs of clusters are delivered; at least every 0.1 seconds.
        engine: What runs Spark on clusters that do not ask for an engine: `sail` or `spark`.
        warehouse_start_seconds: Seconds to wait before a warehouse starts.
        spark_spare: Whether a spare server waits for the next cluster, where all are on Apache Spark.
    """

    cluster_start_seconds: float = 0
    mount_namespaces: bool = True
    spark_remote: str = ""
    log_delivery_seconds: float = DELIVERY_SECONDS
    engine: str = SAIL
    warehouse_start_seconds: float = 0
    spark_spare: bool = True

    def __post_init__(self) -> None:
        # In this form, no number is refused, too.
        if not self.log_delivery_seconds >= LEAST_DELIVERY_SECONDS:
            raise ValueError(
                f"The seconds between two deliveries of logs must be at least {LEAST_DELIVERY_SECONDS}, "
                f"but are {self.log_delivery_seconds}."
            )


@dataclass
class Cluster:
    """A Spark Connect server.

    Attributes:
        child: Its process; None if somebody else runs the server.
        cluster_id: The id of the cluster.
        spec: The specification of the cluster.
        remote: The URL that a Spark session connects to.
        lost: Done once the process is gone.
        libraries: The libraries that its tasks can import.
        engine: What runs Spark there: `sail` or `spark`; empty if somebody else runs the server.
        offers: The directory in which tasks offer what they installed by %pip.
        logs: Delivers its logs; None if they are not wanted.
        ended_by_user: Whether a user terminated it.
        files: What the names of its server's files begin with.
    """

    child: Child | None
    cluster_id: str
    spec: ClusterSpec
    remote: str
    lost: "asyncio.Future[None]"
    libraries: ClusterLibraries
    engine: str = SAIL
    offers: str = ""
    logs: LogDelivery | None = None
    ended_by_user: bool = False
    files: str = ""
