"""Starts the Spark Connect server of a cluster, of either engine."""

import asyncio
import contextlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from databricks_local.execution.children import LOOPBACK
from databricks_local.execution.cluster import ClusterError
from databricks_local.execution.driver_log import last_words
from databricks_local.execution.engines.apache_spark import (
    SparkLaunch,
    apache_spark_main,
    heap_mib,
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
from databricks_local.storage.leftovers import remove_directories

START_SECONDS = 60
INIT_SCRIPT_SECONDS = 1200
"""For all init scripts of a cluster. That of Databricks is not documented."""

_LOG = logging.getLogger("databricks_local")


@dataclass(frozen=True)
class Server:
    """A running Spark Connect server.

    Attributes:
        name: What the names of its files begin with: the id of its cluster, or its own if it was a spare.
        child: Its process.
        remote: The URL that a Spark session connects to.
        gone: Done once the process is gone.
    """

    name: str
    child: Child
    remote: str
    gone: "asyncio.Task[None]"


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
        self._unwanted: dict[str, asyncio.Task[None]] = {}

    async def start(
        self, cluster_id: str, spec: ClusterSpec, engine: str, redactor: Redactor, access: CatalogAccess
    ) -> Server:
        """Start a server. What an earlier one left has to be forgotten before.

        Args:
            cluster_id: The cluster.
            spec: Its specification.
            engine: What runs Spark.
            redactor: Knows the secrets of the specification.
            access: How it reaches the catalog.

        Raises:
            ClusterError: If it does not come up.
        """
        launch = ClusterLaunch(
            cluster_id,
            {"RUST_LOG": "warn", **self._environments.clusters, **spec.spark_env_vars},
            str(self.log_of(cluster_id)),
            self._mounts,
            str(self.libraries_of(cluster_id)),
            str(self.offers_of(cluster_id)),
            spec.init_scripts,
        )
        try:
            if engine == SPARK:
                child = await self._start_apache_spark(launch, spec)
            else:
                catalog = catalog_settings(access, initial_catalog(spec.spark_conf))
                child = await self._fork(sail_main, (launch, catalog), cluster_id)
            port = await self._port(launch, child, redactor)
        except BaseException:
            await self._remove(cluster_id)
            raise
        return Server(cluster_id, child, f"sc://{LOOPBACK}:{port}", asyncio.create_task(_gone(child)))

    async def start_spare(self, name: str, spec: ClusterSpec) -> Server:
        """Start a server of Apache Spark that has no cluster yet.

        Args:
            name: What the names of its files begin with.
            spec: What a cluster has to be to take it.

        Raises:
            ClusterError: If it does not come up.
        """
        # Apache Spark does not ask the catalog.
        return await self.start(name, spec, SPARK, Redactor(), CatalogAccess("", "", ()))

    async def stop(self, server: Server) -> None:
        """End a server, and remove what it leaves."""
        await self._processes.kill(server.child)
        await server.gone
        await self.forget(server.name)

    async def _start_apache_spark(self, cluster: ClusterLaunch, spec: ClusterSpec) -> Child:
        try:
            heap_mib(spec.spark_conf)
        except ValueError as error:
            raise ClusterError(f"Cluster {cluster.cluster_id} could not be started: {error}") from error
        launch = SparkLaunch(
            cluster,
            await self._installed(cluster.cluster_id),
            str(self._directory_of(cluster.cluster_id)),
            at_server_start(spark_configuration(spec)),
        )
        return await self._fork(apache_spark_main, (launch,), cluster.cluster_id)

    async def _port(self, launch: ClusterLaunch, child: Child, redactor: Redactor) -> int:
        message = await self._first_message(
            child, INIT_SCRIPT_SECONDS if launch.init_scripts else START_SECONDS
        )
        if message is not None and "prepared" in message:
            message = await self._first_message(child, START_SECONDS)
        if message is not None and "port" in message:
            return int(message["port"])
        if message is None:
            await self._processes.kill(child)
            said = await last_words(Path(launch.log), redactor)
        else:
            await self._end(child)
            said = message["refusal"]
        raise ClusterError(f"Cluster {launch.cluster_id} could not be started. {said}".strip())

    async def forget(self, cluster_id: str) -> None:
        """Remove what a server that has ended leaves, or one that was not wanted any more when it came."""
        if cluster_id in self._unwanted:
            await asyncio.wait({self._unwanted[cluster_id]})
        await self._remove(cluster_id)

    async def _remove(self, cluster_id: str) -> None:
        await asyncio.to_thread(self.log_of(cluster_id).unlink, missing_ok=True)
        places = (self._directory_of, self.offers_of, self.libraries_of)
        await remove_directories(*(place(cluster_id) for place in places))

    def log_of(self, cluster_id: str) -> Path:
        """The file that the server of a cluster writes to."""
        return self._directory / f"{cluster_id}.log"

    def offers_of(self, cluster_id: str) -> Path:
        """The directory in which the tasks of a cluster offer what they installed by %pip."""
        return self._directory / f"{cluster_id}-offers"

    def libraries_of(self, cluster_id: str) -> Path:
        """The directory of the libraries of a cluster."""
        return self._directory / f"{cluster_id}-libraries"

    def _directory_of(self, cluster_id: str) -> Path:
        return self._directory / f"{cluster_id}-spark"

    async def _installed(self, cluster_id: str) -> SparkInstallation:
        """Apache Spark. To install it may take minutes, which are no part of the time of a start."""
        try:
            found = find_spark(os.environ)
            if found is None:
                await self._install(cluster_id)
                found = find_spark(os.environ)
        except SparkInstallationError as error:
            raise ClusterError(f"Cluster {cluster_id} could not be started: {error}") from error
        if found is None:
            raise ClusterError(f"Cluster {cluster_id} could not be started: Apache Spark was removed.")
        return found

    async def _install(self, cluster_id: str) -> None:
        log = self.log_of(cluster_id)
        arguments = (str(log), self._mounts, self._environments.pip)
        child = await self._fork(install_spark_main, arguments, cluster_id)
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
            await self._end(child)
            raise

    async def _end(self, child: Child) -> None:
        """End a process, and wait until it is gone: what it still wrote would be left."""
        await self._processes.kill(child)
        while await child.messages.get() is not None:
            continue

    async def _fork(self, target: Any, arguments: tuple[Any, ...], cluster_id: str) -> Child:
        starting = asyncio.create_task(self._processes.start(target, arguments))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The process is being forked. It is ended once it is there.
            unwanted = asyncio.create_task(self._discard(starting, cluster_id))
            self._unwanted[cluster_id] = unwanted
            unwanted.add_done_callback(lambda _: self._unwanted.pop(cluster_id))
            raise

    async def _discard(self, starting: "asyncio.Task[Child]", cluster_id: str) -> None:
        # If the fork fails, there is no process.
        with contextlib.suppress(OSError, EOFError):
            await self._end(await starting)
        await self._remove(cluster_id)


async def _gone(child: Child) -> None:
    while await child.messages.get() is not None:
        continue
