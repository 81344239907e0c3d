"""What a workspace may be told about the machine it runs on."""

from dataclasses import dataclass


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
