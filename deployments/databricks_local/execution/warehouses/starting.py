"""Starts and ends warehouses: a Spark server as that of a cluster, and a process that uses it."""

import asyncio
from pathlib import Path

from databricks_local.access.task_tokens import TaskTokens
from databricks_local.execution.cluster import Cluster
from databricks_local.execution.launching import WorkspaceFacts, spark_conf, task_environment
from databricks_local.execution.mounts import Mounts
from databricks_local.execution.processes import Processes
from databricks_local.execution.warehouses.process import WarehouseLaunch, warehouse_main
from databricks_local.execution.warehouses.warehouse import Warehouse
from databricks_local.jobs.engines import SAIL
from databricks_local.jobs.specs import ClusterSpec
from databricks_local.storage.leftovers import remove_directories

PREFIX = "warehouse-"
"""What the ids of their servers begin with."""

WAREHOUSE_SPEC = ClusterSpec("dbsql", serverless=True)
"""What a warehouse runs: as serverless compute, with ANSI mode."""


class WarehouseProcesses:
    """Forks the processes of warehouses."""

    def __init__(
        self,
        directory: Path,
        processes: Processes,
        mounts: Mounts,
        tokens: TaskTokens,
        workspace: WorkspaceFacts,
    ) -> None:
        """Set up.

        Args:
            directory: Where they have their logs.
            processes: Forks them.
            mounts: The paths that they see.
            tokens: Issues their tokens.
            workspace: What they know of the workspace.
        """
        self._directory = directory
        self._processes = processes
        self._mounts = mounts
        self._tokens = tokens
        self._workspace = workspace

    async def start(self, cluster: Cluster) -> Warehouse:
        """Start the process of a warehouse whose Spark server runs."""
        token = self._tokens.issue()
        launch = WarehouseLaunch(
            spark_remote=cluster.remote,
            spark_places=self._mounts.places if cluster.child is None else None,
            spark_conf=spark_conf(cluster.cluster_id, cluster.spec, self._workspace, cluster.engine),
            environment=task_environment(cluster.spec, self._workspace),
            mounts=self._mounts,
            log=str(self._log_of(cluster)),
            links=str(self._links_of(cluster)),
            sail=cluster.engine == SAIL,
            workspace=self._workspace.origin,
            token=token,
        )
        try:
            child = await self._processes.start(warehouse_main, (launch,))
        except BaseException:
            self._tokens.revoke(token)
            raise
        return Warehouse(cluster, child, token)

    async def stop(self, warehouse: Warehouse) -> None:
        """End the process of a warehouse."""
        await self._processes.kill(warehouse.child)
        await warehouse.lost
        self._tokens.revoke(warehouse.token)
        await asyncio.to_thread(self._log_of(warehouse.cluster).unlink, missing_ok=True)
        await remove_directories(self._links_of(warehouse.cluster))

    def _links_of(self, cluster: Cluster) -> Path:
        return self._directory / f"{cluster.cluster_id}-links"

    def _log_of(self, cluster: Cluster) -> Path:
        return self._directory / f"{cluster.cluster_id}-statements.log"
