"""Starts and ends the servers of all-purpose clusters, and brings their records from state to state."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from databricks_local.clusters.libraries import ClusterLibraryStatuses, LibraryStarter
from databricks_local.clusters.records import FINDING_INSTANCES, ClusterRecord, ClusterState
from databricks_local.clusters.settings import spec_of, workers_of
from databricks_local.execution.cluster import Cluster, ClusterError
from databricks_local.jobs.specs import ClusterSpec

_LOG = logging.getLogger("databricks_local")

_PARAMETER = "databricks_error_message"


class ClusterStarter(LibraryStarter, Protocol):
    """Starts and ends servers."""

    async def start_cluster(self, cluster_id: str, spec: ClusterSpec) -> Cluster:
        """Start a cluster."""

    async def stop_cluster(self, cluster: Cluster) -> None:
        """End a cluster."""


class ClusterServers:
    """The running servers, and the work that starts and ends them: one piece of work a cluster at a time."""

    def __init__(
        self,
        starter: ClusterStarter,
        keep: Callable[[ClusterRecord], None],
        is_known: Callable[[str], bool],
        clock: Callable[[], int],
    ) -> None:
        """Set up.

        Args:
            starter: Starts and ends servers.
            keep: Writes a record down after a change.
            is_known: Whether there still is a cluster of an id.
            clock: Milliseconds since 1970.
        """
        self._starter = starter
        self._keep = keep
        self._is_known = is_known
        self._clock = clock
        self._running: dict[str, Cluster] = {}
        self._work: dict[str, asyncio.Task[None]] = {}
        self.libraries = ClusterLibraryStatuses(starter, keep)

    def running(self, cluster_id: str) -> Cluster | None:
        """The server of a cluster, if it runs."""
        return self._running.get(cluster_id)

    def start(self, record: ClusterRecord, state: ClusterState) -> None:
        """Start a server in the background; one that runs already is ended before.

        Args:
            record: The cluster.
            state: The state until it runs: PENDING or RESTARTING.
        """
        self._begin(record, state, lambda: self._bring_up(record))

    def stop(self, record: ClusterRecord, message: str) -> None:
        """End a server in the background.

        Args:
            record: The cluster.
            message: The message of its state afterwards.
        """
        self._begin(record, ClusterState.TERMINATING, lambda: self._take_down(record, message))

    async def settled(self, record: ClusterRecord) -> None:
        """Wait until a cluster is running or terminated, or no work on it is left."""
        while record.state not in (ClusterState.RUNNING, ClusterState.TERMINATED):
            work = self._work.get(record.cluster_id)
            if work is None or work.done():
                return
            await asyncio.wait({work})

    async def close(self) -> None:
        """End all servers."""
        await self.libraries.close()
        for work in self._work.values():
            work.cancel()
        await asyncio.gather(*self._work.values(), return_exceptions=True)
        for cluster_id in list(self._running):
            await self._stop(cluster_id)

    def _begin(self, record: ClusterRecord, state: ClusterState, work: Callable[[], Awaitable[None]]) -> None:
        """Set a transitional state and begin the work that ends it. Earlier work is cancelled."""
        before = self._work.get(record.cluster_id)
        if state is ClusterState.PENDING:
            record.started_at, record.terminated_at, record.reason = self._clock(), 0, {}
        message = "" if state is ClusterState.TERMINATING else FINDING_INSTANCES
        self._set(record, state, message)

        async def after_the_one_before() -> None:
            if before is not None and not before.done():
                before.cancel()
                await asyncio.wait({before})
            await work()

        task = asyncio.create_task(after_the_one_before(), name=f"cluster-{record.cluster_id}")
        self._work[record.cluster_id] = task
        task.add_done_callback(lambda done: self._ended(record, done))

    def _ended(self, record: ClusterRecord, work: "asyncio.Task[None]") -> None:
        if self._work.get(record.cluster_id) is work and not self._is_known(record.cluster_id):
            del self._work[record.cluster_id]
        if not work.cancelled() and work.exception() is not None:
            _LOG.error("cluster %s: error in the workspace", record.cluster_id, exc_info=work.exception())
            self._end(record, "INTERNAL_ERROR", "SERVICE_FAULT", repr(work.exception()))

    async def _bring_up(self, record: ClusterRecord) -> None:
        await self.libraries.stop(record)
        await self._stop(record.cluster_id)
        try:
            cluster = await self._starter.start_cluster(record.cluster_id, spec_of(record.settings))
        except (ClusterError, TimeoutError) as error:
            message = str(error) or "The cluster did not start in time."
            self._end(record, "SPARK_STARTUP_FAILURE", "SERVICE_FAULT", message)
            return
        record.drop_uninstalled_libraries()
        self._running[record.cluster_id] = cluster
        self.libraries.begin(record, cluster)
        cluster.lost.add_done_callback(lambda _: self._lost(record, cluster))
        workers = workers_of(record.settings)
        record.active_at = self._clock()
        record.note("RUNNING", record.active_at, current_num_workers=workers, target_num_workers=workers)
        self._set(record, ClusterState.RUNNING, "")

    async def _take_down(self, record: ClusterRecord, message: str) -> None:
        await self.libraries.stop(record)
        await self._stop(record.cluster_id)
        record.terminated_at = self._clock()
        self._set(record, ClusterState.TERMINATED, message)

    async def _stop(self, cluster_id: str) -> None:
        cluster = self._running.pop(cluster_id, None)
        if cluster is not None:
            await self._starter.stop_cluster(cluster)

    def _lost(self, record: ClusterRecord, cluster: Cluster) -> None:
        """React to a server that ended by itself."""
        if self._running.get(record.cluster_id) is cluster:
            del self._running[record.cluster_id]
            self._begin(record, ClusterState.TERMINATING, lambda: self._bury(record, cluster))

    async def _bury(self, record: ClusterRecord, cluster: Cluster) -> None:
        await self.libraries.stop(record)
        await self._starter.stop_cluster(cluster)
        self._end(record, "DRIVER_UNREACHABLE", "SERVICE_FAULT", "Driver of the cluster was lost")

    def _end(self, record: ClusterRecord, code: str, kind: str, message: str) -> None:
        record.reason = {"code": code, "type": kind, "parameters": {_PARAMETER: message}}
        record.terminated_at = self._clock()
        record.note("TERMINATING", self._clock(), reason=record.reason)
        self._set(record, ClusterState.TERMINATED, message)

    def _set(self, record: ClusterRecord, state: ClusterState, message: str) -> None:
        record.state, record.message = state, message
        _LOG.info("cluster %s (%s): %s", record.cluster_id, record.settings.get("cluster_name", ""), state)
        self._keep(record)
