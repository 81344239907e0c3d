"""Starts and ends the processes of clusters and tasks."""

import asyncio
import logging
import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from databricks_local.access.task_tokens import TaskTokens
from databricks_local.execution.cluster import Cluster, ClusterError, Machine
from databricks_local.execution.driver_log import last_words
from databricks_local.execution.engines.choice import chosen_engine
from databricks_local.execution.engines.memory import SparkMemory, needed_mib
from databricks_local.execution.engines.sail_catalog import CatalogAccess
from databricks_local.execution.engines.servers import Server, SparkServers
from databricks_local.execution.engines.spare import SpareServer, answers_at
from databricks_local.execution.environment import Environments
from databricks_local.execution.launching import WorkspaceFacts
from databricks_local.execution.mounts import Mounts
from databricks_local.execution.processes import Processes
from databricks_local.execution.provisioning.cache import InstallationError
from databricks_local.execution.provisioning.dbt import dbt_directory, install_dbt_main
from databricks_local.execution.provisioning.installing import ClusterLibraries, Installer
from databricks_local.execution.provisioning.log_delivery import LogDelivery, deliver_regularly, delivery_for
from databricks_local.execution.remote_spark import reach
from databricks_local.execution.task_processes import TaskProcesses
from databricks_local.execution.warehouses.starting import PREFIX, WAREHOUSE_SPEC, WarehouseProcesses
from databricks_local.execution.warehouses.warehouse import Warehouse
from databricks_local.jobs.engines import SAIL, SPARK
from databricks_local.jobs.libraries import Library
from databricks_local.jobs.specs import ClusterSpec
from databricks_local.runtime.dbutils.secret_values import Redactor
from databricks_local.secrets.access import UnresolvedSecretError, resolve
from databricks_local.secrets.store import SecretStore
from databricks_local.storage.leftovers import remove_leftovers

_LOG = logging.getLogger("databricks_local")

_TEMPORARY = re.compile(
    r"task-\w{8}|(local-\d+(-[\w-]+)?|\d{4}-\d{6}-\w{8}|warehouse-[0-9a-f]{16}|spare-\d+)"
    r"(-libraries|-offers|-spark|-links|-install\.log|-statements\.log|\.log)",
    re.ASCII,
)
"""The directories of tasks; logs, libraries and files of clusters, spare servers and warehouses."""


class Executor(TaskProcesses):
    """Starts clusters, and runs tasks on them, in processes forked from a warmed interpreter."""

    def __init__(
        self,
        directory: Path,
        environments: Environments,
        mounts: Mounts,
        secrets: SecretStore,
        machine: Machine,
        tokens: TaskTokens,
        workspace: WorkspaceFacts,
        catalogs: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """Set up.

        Args:
            directory: The temporary directories of tasks. What a killed server left there is removed.
            environments: Variables of clusters and of pip; tasks inherit theirs.
            mounts: The paths that clusters and tasks see.
            secrets: The secrets that specifications and notebooks use.
            machine: How clusters are run here.
            tokens: Issues the tokens of tasks.
            workspace: What tasks know of the workspace.
            catalogs: The names of the catalogs whose tables clusters see.
        """
        super().__init__(directory, Processes(), environments, mounts, secrets, tokens, workspace)
        remove_leftovers(directory, _TEMPORARY)
        self._machine = machine
        self.memory = SparkMemory(partial(needed_mib, machine=machine))
        self._catalogs = catalogs
        self._servers = SparkServers(self._processes, directory, mounts, environments)
        self._warehouses = WarehouseProcesses(directory, self._processes, mounts, tokens, workspace)
        self._installing_dbt = asyncio.Lock()
        spare = machine.engine == SPARK and machine.spark_spare
        self._spare = SpareServer(self._servers, self.memory, answers_at, enabled=spare)
        self._installer = Installer(self._processes, directory, mounts, environments.pip)

    async def warm(self) -> None:
        """Start the interpreter that processes are forked from, and wait until it has imported everything."""
        self._directory.mkdir(parents=True, exist_ok=True)
        await self._processes.warm()

    async def close(self) -> None:
        """End the spare server and what `warm` started, after everything else has ended."""
        await self._spare.close()
        self._processes.close()

    async def start_cluster(self, cluster_id: str, spec: ClusterSpec) -> Cluster:
        """Start a Spark Connect server.

        Raises:
            ClusterError: If it does not come up.
        """
        engine = chosen_engine(spec, self._machine)
        await asyncio.sleep(self._machine.cluster_start_seconds)
        return await self._bring_up(cluster_id, spec, engine)

    async def start_warehouse(self, warehouse_id: str) -> Warehouse:
        """Start a warehouse, which is always on Sail.

        Raises:
            ClusterError: If it does not come up.
        """
        await asyncio.sleep(self._machine.warehouse_start_seconds)
        cluster = await self._bring_up(f"{PREFIX}{warehouse_id}", WAREHOUSE_SPEC, SAIL)
        try:
            return await self._warehouses.start(cluster)
        except BaseException:
            await self.stop_cluster(cluster)
            raise

    async def stop_warehouse(self, warehouse: Warehouse) -> None:
        """End a warehouse."""
        await self._warehouses.stop(warehouse)
        await self.stop_cluster(warehouse.cluster)

    async def _bring_up(self, cluster_id: str, spec: ClusterSpec, engine: str) -> Cluster:
        redactor = Redactor()
        try:
            spec = resolve(spec, self._secrets, redactor)
        except UnresolvedSecretError as error:
            raise ClusterError(str(error)) from error
        # A dying task may have written there after the cluster had ended.
        await self._servers.forget(cluster_id)
        if self._machine.spark_remote:
            libraries = ClusterLibraries(self._servers.libraries_of(cluster_id))
            return await _attach(cluster_id, spec, self._machine.spark_remote, libraries)
        token = self._tokens.issue()
        try:
            # Each is a directory.
            catalogs = tuple(await asyncio.to_thread(self._catalogs))
            access = CatalogAccess(self._workspace.inner_origin, token, catalogs)
            start = partial(self._servers.start, cluster_id, spec, engine, redactor, access)
            server = await (self._spare.server_for(spec, start) if engine == SPARK else start())
        except BaseException:
            self._tokens.revoke(token)
            raise
        server.gone.add_done_callback(lambda _: self._tokens.revoke(token))
        libraries = ClusterLibraries(self._servers.libraries_of(server.name))
        offers = str(self._servers.offers_of(server.name))
        logs = self._delivering(cluster_id, spec, server, redactor)
        return Cluster(
            server.child,
            cluster_id,
            spec,
            server.remote,
            server.gone,
            libraries,
            engine,
            offers,
            logs,
            files=server.name,
        )

    def _delivering(
        self, cluster_id: str, spec: ClusterSpec, server: Server, redactor: Redactor
    ) -> LogDelivery | None:
        """Begin the delivery of a cluster's logs, which goes on until its server is gone."""
        logs = delivery_for(spec.log_destination, cluster_id, self._mounts.places)
        if logs is not None:
            logs.add("log4j-active.log", self._servers.log_of(server.name), redactor)
            working = asyncio.create_task(deliver_regularly(logs, self._machine.log_delivery_seconds))
            server.gone.add_done_callback(lambda _: working.cancel())
        return logs

    async def stop_cluster(self, cluster: Cluster) -> None:
        """End a cluster, and its server if this workspace started it."""
        if cluster.child is not None:
            await self._processes.kill(cluster.child)
            await cluster.lost
            if cluster.logs is not None:
                await asyncio.to_thread(cluster.logs.finish, self._servers.log_of(cluster.files))
        await self._servers.forget(cluster.files)

    async def dbt_packages(self) -> str:
        """Where dbt is installed; it is, if it was not, which takes a minute.

        Raises:
            InstallationError: If pip cannot.
        """
        directory = dbt_directory(os.environ)
        async with self._installing_dbt:
            if not directory.exists():
                _LOG.info("installing dbt-databricks in %s (about 200 MB, once)", directory)
                await self._install_dbt()
        return str(directory)

    async def _install_dbt(self) -> None:
        log = self._directory / "dbt-install.log"
        child = await self._processes.start(
            install_dbt_main, (str(log), self._mounts, self._environments.pip)
        )
        try:
            message = await child.messages.get()
        finally:
            await self._processes.kill(child)
        failure = await last_words(log, Redactor()) if message is None else message["error"]
        log.unlink(missing_ok=True)
        if message is None or failure:
            raise InstallationError(failure)

    async def install_libraries(self, cluster: Cluster, libraries: Sequence[Library]) -> None:
        """Install libraries on a cluster, for all its tasks.

        Raises:
            LibraryInstallationError: If pip cannot.
        """
        await self._installer.install(cluster.cluster_id, cluster.libraries, libraries)


async def _attach(cluster_id: str, spec: ClusterSpec, remote: str, libraries: ClusterLibraries) -> Cluster:
    """A cluster on a server that somebody else runs."""
    try:
        await reach(remote)
    except ConnectionError as error:
        raise ClusterError(f"Cluster {cluster_id} could not be started. {error}") from error
    lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    return Cluster(None, cluster_id, spec, remote, lost, libraries, engine="", files=cluster_id)
