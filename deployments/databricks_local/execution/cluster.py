"""What clusters are for the rest of the workspace: a Spark Connect server, and how it can fail."""

import asyncio
from dataclasses import dataclass

from databricks_local.execution.installing import ClusterLibraries
from databricks_local.execution.processes import Child
from databricks_local.jobs.specs import ClusterSpec


class DriverLostError(Exception):
    """Raised when a process ended without having said how its work went; carries the end of its log."""


class ClusterError(Exception):
    """Raised when a cluster cannot be started."""


@dataclass(frozen=True)
class Machine:
    """How clusters and tasks are run here.

    Attributes:
        cluster_start_seconds: How long a cluster takes to start, besides the time that it needs.
        mount_namespaces: Whether file functions of tasks may be given `/dbfs`, `/Volumes` and `/Workspace`.
        spark_remote: The Spark Connect server that all clusters use; empty if each has one of its own.
    """

    cluster_start_seconds: float = 0
    mount_namespaces: bool = True
    spark_remote: str = ""


@dataclass
class Cluster:
    """A Spark Connect server.

    Attributes:
        child: Its process; None if somebody else runs it.
        cluster_id: The id of the cluster.
        spec: What the cluster was asked to be.
        remote: The URL that a Spark session connects to.
        lost: Done once the process is gone.
        libraries: What its tasks can import besides.
        ended_by_user: Whether somebody asked for its end.
    """

    child: Child | None
    cluster_id: str
    spec: ClusterSpec
    remote: str
    lost: "asyncio.Future[None]"
    libraries: ClusterLibraries
    ended_by_user: bool = False
