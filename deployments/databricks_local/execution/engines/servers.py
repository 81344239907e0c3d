"""Starts the Spark Connect server of a cluster, of either engine."""

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

from databricks_local.execution.children import LOOPBACK
from databricks_local.execution.cluster import ClusterError
from databricks_local.execution.driver_log import last_words
from databricks_local.execution.engines.apache_spark import (
    SparkLaunch,
    apache_spark_main,
    install_spark_main,
)
from databricks_local.execution.engines.choice import at_server_start, spark_configuration
from databricks_local.execution.engines.installation import (
    SparkInstallation,
    SparkInstallationError,
    find_spark,
)
from databricks_local.execution.engines.launch import ClusterLaunch
from databricks_local.execution.engines.sail import sail_main
from databricks_local.execution.engines.sail_catalog import CatalogAccess, catalog_settings, initial_catalog
from databricks_local.execution.environment import Environments
from databricks_local.execution.mounts import Mounts
from databricks_local.execution.processes import Child, Processes
from databricks_local.jobs.engines import SPARK
from databricks_local.jobs.specs import ClusterSpec
from databricks_local.runtime.dbutils.secret_values import Redactor
from databricks_local.storage.leftovers import remove_directory

START_SECONDS = 60

_LOG = logging.getLogger("databricks_local")


class SparkServers:
    """Forks the servers of clusters."""

    def __init__(
        self, processes: Processes, directory: Path, mounts: Mounts, environments: Environments
    ) -> None:
        """Set up.

        Args:
            processes: Starts and ends processes.
            directory: Where the servers have their logs and temporary files.
            mounts: The paths that they see.
            environments: Variables of clusters, and of pip.
        """
        self._processes = processes
        self._directory = directory
        self._mounts = mounts
        self._environments = environments
        self._unwanted: set[asyncio.Task[None]] = set()

    async def start(
        self, cluster_id: str, spec: ClusterSpec, engine: str, libraries: Path, access: CatalogAccess
    ) -> tuple[Child, str]:
        """Start a server.

        Args:
            cluster_id: The cluster.
            spec: Its specification.
            engine: What runs Spark.
            libraries: The directory of its libraries.
            access: How it reaches the catalog.

        Returns:
            Its process, and the URL that a Spark session connects to.

        Raises:
            ClusterError: If it does not come up.
        """
        # A dying task may have written there after the cluster had ended.
        await self.forget(cluster_id)
        launch = ClusterLaunch(
            cluster_id,
            {"RUST_LOG": "warn", **self._environments.clusters, **spec.spark_env_vars},
            str(self.log_of(cluster_id)),
            self._mounts,
            str(libraries),
            str(self.offers_of(cluster_id)),
            spec.init_scripts,
        )
        try:
            if engine == SPARK:
                child = await self._start_apache_spark(launch, spec)
            else:
                catalog = catalog_settings(access, initial_catalog(spec.spark_conf))
                child = await self._fork(sail_main, (launch, catalog), self.log_of(cluster_id))
            port = await self._port(cluster_id, child)
        except BaseException:
            await self.forget(cluster_id)
            # Of an init script.
            await remove_directory(libraries)
            raise
        return child, f"sc://{LOOPBACK}:{port}"

    async def _start_apache_spark(self, cluster: ClusterLaunch, spec: ClusterSpec) -> Child:
        log = self.log_of(cluster.cluster_id)
        launch = SparkLaunch(
            cluster,
            await self._installed(cluster.cluster_id, log),
            str(self._directory_of(cluster.cluster_id)),
            at_server_start(spark_configuration(spec)),
        )
        return await self._fork(apache_spark_main, (launch,), log)

    async def _port(self, cluster_id: str, child: Child) -> int:
        message = await self._first_message(child, START_SECONDS)
        if message is None or "refusal" in message:
            await self._processes.kill(child)
            said = message["refusal"] if message else await last_words(self.log_of(cluster_id), Redactor())
            raise ClusterError(f"Cluster {cluster_id} could not be started. {said}".strip())
        return int(message["port"])

    async def forget(self, cluster_id: str) -> None:
        """Remove what a server that has ended leaves."""
        await asyncio.to_thread(self.log_of(cluster_id).unlink, missing_ok=True)
        for directory in (self._directory_of(cluster_id), self.offers_of(cluster_id)):
            await remove_directory(directory)

    def log_of(self, cluster_id: str) -> Path:
        """The file that the server of a cluster writes to."""
        return self._directory / f"{cluster_id}.log"

    def offers_of(self, cluster_id: str) -> Path:
        """The directory in which the tasks of a cluster offer what they installed by %pip."""
        return self._directory / f"{cluster_id}-offers"

    def _directory_of(self, cluster_id: str) -> Path:
        return self._directory / f"{cluster_id}-spark"

    async def _installed(self, cluster_id: str, log: Path) -> SparkInstallation:
        """Apache Spark. To install it may take minutes, which are no part of the time of a start."""
        try:
            found = find_spark(os.environ)
            if found is None:
                await self._install(cluster_id, log)
                found = find_spark(os.environ)
        except SparkInstallationError as error:
            raise ClusterError(f"Cluster {cluster_id} could not be started: {error}") from error
        if found is None:
            raise ClusterError(f"Cluster {cluster_id} could not be started: Apache Spark was removed.")
        return found

    async def _install(self, cluster_id: str, log: Path) -> None:
        child = await self._fork(install_spark_main, (str(log), self._mounts, self._environments.pip), log)
        message = await self._first_message(child, None)
        while message is not None and "said" in message:
            _LOG.info("cluster %s: %s", cluster_id, message["said"])
            message = await self._first_message(child, None)
        await self._processes.kill(child)
        failure = await last_words(log, Redactor()) if message is None else message["error"]
        if message is None or failure:
            raise SparkInstallationError(failure)

    async def _first_message(self, child: Child, seconds: float | None) -> dict[str, Any] | None:
        try:
            return await asyncio.wait_for(child.messages.get(), seconds)
        except (TimeoutError, asyncio.CancelledError):
            await self._processes.kill(child)
            raise

    async def _fork(self, target: Any, arguments: tuple[Any, ...], log: Path) -> Child:
        starting = asyncio.create_task(self._processes.start(target, arguments))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The process is being forked. It is killed once it is there.
            unwanted = asyncio.create_task(self._discard(starting, log))
            self._unwanted.add(unwanted)
            unwanted.add_done_callback(self._unwanted.discard)
            raise

    async def _discard(self, starting: "asyncio.Task[Child]", log: Path) -> None:
        await self._processes.kill(await starting)
        await asyncio.to_thread(log.unlink, missing_ok=True)
