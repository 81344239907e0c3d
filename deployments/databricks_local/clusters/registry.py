"""All-purpose clusters: a Spark Connect server each, kept until it is terminated."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from databricks_local.api.bodies import Json
from databricks_local.clusters.libraries import ClusterLibraryStatuses, LibraryStarter, failure_of
from databricks_local.clusters.records import (
    FINDING_INSTANCES,
    ClusterRecord,
    ClusterState,
    cluster_missing,
    new_cluster_id,
    unexpected_state,
)
from databricks_local.clusters.settings import size_of, spec_of, workers_of
from databricks_local.execution.cluster import Cluster, ClusterError
from databricks_local.execution.installing import LibraryInstallationError
from databricks_local.jobs.specs import ClusterSpec
from databricks_local.storage.documents import Documents

_LOG = logging.getLogger("databricks_local")

KIND = "cluster"
_PARAMETER = "databricks_error_message"


class ClusterStarter(LibraryStarter, Protocol):
    """What starts and ends the servers."""

    async def start_cluster(self, cluster_id: str, spec: ClusterSpec) -> Cluster:
        """Start a cluster."""

    async def stop_cluster(self, cluster: Cluster) -> None:
        """End a cluster."""


class ClusterRegistry:
    """The all-purpose clusters.

    For a task with `existing_cluster_id`: `get` refuses an id that there is not, `ready` gives the running
    server, having started it if it was terminated, as a job does on Databricks.
    """

    def __init__(
        self, starter: ClusterStarter, documents: Documents, clock: Callable[[], int], user: str
    ) -> None:
        self._starter = starter
        self._documents = documents
        self._clock = clock
        self._user = user
        self._running: dict[str, Cluster] = {}
        self._uses: Counter[str] = Counter()
        self._work: dict[str, asyncio.Task[None]] = {}
        self._libraries = ClusterLibraryStatuses(starter, self.keep)
        self._records = {
            key: ClusterRecord.from_document(key, document, clock()) for key, document in documents.all(KIND)
        }

    def get(self, cluster_id: str) -> ClusterRecord:
        """The cluster of this id.

        Raises:
            ApiError: If there is none.
        """
        record = self._records.get(cluster_id)
        if record is None:
            raise cluster_missing(cluster_id[:100])
        return record

    def all(self) -> list[ClusterRecord]:
        """All clusters, the one that was started last first."""
        return sorted(self._records.values(), key=lambda record: -record.started_at)

    async def ready(self, cluster_id: str) -> Cluster:
        """The running server of a cluster, with its libraries as far as they could be installed.

        Raises:
            ApiError: If there is no such cluster.
            ClusterError: If it does not start, or is being terminated.
        """
        record = self.get(cluster_id)
        await self._settled(record)
        if record.state is ClusterState.TERMINATED and cluster_id in self._records:
            self.start(cluster_id)
            await self._settled(record)
        cluster = self._running.get(cluster_id)
        if cluster is None:
            raise ClusterError(record.message)
        await self._libraries.settled(cluster_id)
        record.active_at = self._clock()
        return cluster

    def running(self, cluster_id: str) -> Cluster | None:
        """The server of a cluster, if it runs."""
        return self._running.get(cluster_id)

    @contextmanager
    def in_use(self, cluster_id: str) -> Iterator[None]:
        """A task uses a cluster, or waits for it, which is activity."""
        self._uses[cluster_id] += 1
        try:
            yield
        finally:
            self._uses[cluster_id] -= 1
            if cluster_id in self._records:
                self._records[cluster_id].active_at = self._clock()

    def install(self, cluster_id: str, libraries: Sequence[Json]) -> None:
        """Install libraries: now on a running cluster, on another one once it runs."""
        record = self.get(cluster_id)
        self._libraries.ask(record, libraries)
        cluster = self._running.get(cluster_id)
        if cluster is not None:
            self._libraries.begin(record, cluster)

    async def install_for_task(self, cluster_id: str, libraries: Sequence[Json]) -> None:
        """Install the libraries of a task on a running cluster, where they stay.

        Raises:
            LibraryInstallationError: If one of them could not be installed.
        """
        if libraries:
            self.install(cluster_id, libraries)
            await self._libraries.settled(cluster_id)
        failure = failure_of(self.get(cluster_id), libraries)
        if failure:
            raise LibraryInstallationError(failure)

    async def _settled(self, record: ClusterRecord) -> None:
        """Wait until a cluster is running or terminated, or nothing works on it any more."""
        while record.state not in (ClusterState.RUNNING, ClusterState.TERMINATED):
            work = self._work.get(record.cluster_id)
            if work is None or work.done():
                return
            await asyncio.wait({work})

    def create(self, settings: Json) -> ClusterRecord:
        """Make a cluster, which starts."""
        record = ClusterRecord(new_cluster_id(self._clock()), settings, self._user)
        self._records[record.cluster_id] = record
        record.note("CREATING", self._clock(), cluster_size=size_of(settings), user=self._user)
        self._begin(record, ClusterState.PENDING, lambda: self._bring_up(record))
        return record

    def start(self, cluster_id: str) -> None:
        """Start a terminated cluster."""
        record = self._expect(cluster_id, ClusterState.TERMINATED)
        record.note("STARTING", self._clock(), cluster_size=size_of(record.settings), user=self._user)
        self._begin(record, ClusterState.PENDING, lambda: self._bring_up(record))

    def restart(self, cluster_id: str) -> None:
        """Restart a running cluster."""
        record = self._expect(cluster_id, ClusterState.RUNNING)
        record.note("RESTARTING", self._clock(), user=self._user)
        self._begin(record, ClusterState.RESTARTING, lambda: self._bring_up(record))

    def edit(self, cluster_id: str, settings: Json) -> None:
        """Change a cluster's settings; a running one restarts with them (docs)."""
        record = self._expect(cluster_id, ClusterState.RUNNING, ClusterState.TERMINATED)
        before, after = size_of(record.settings), size_of(settings)
        record.settings = settings
        record.note(
            "EDITED", self._clock(), previous_cluster_size=before, cluster_size=after, user=self._user
        )
        if record.state is ClusterState.RUNNING:
            self._begin(record, ClusterState.RESTARTING, lambda: self._bring_up(record))
        self.keep(record)

    def resize(self, cluster_id: str, settings: Json) -> None:
        """Change a running cluster's size, for which it does not restart; here that is done at once."""
        record = self._expect(cluster_id, ClusterState.RUNNING)
        sizes = {
            "current_num_workers": workers_of(record.settings),
            "target_num_workers": workers_of(settings),
        }
        record.settings = settings
        record.note("RESIZING", self._clock(), cause="USER_REQUEST", user=self._user, **sizes)
        self.keep(record)

    def pin(self, cluster_id: str, *, pinned: bool) -> None:
        """Pin a cluster, or unpin it; nothing happens if it is so already (docs)."""
        record = self.get(cluster_id)
        if bool(record.pinned_by) is not pinned:
            record.pinned_by = self._user if pinned else ""
            record.note("PINNED" if pinned else "UNPINNED", self._clock(), user=self._user)
            self.keep(record)

    def end_idle(self) -> None:
        """Terminate the clusters that have been idle for as long as their settings allow."""
        for record in self.all():
            if not self._uses[record.cluster_id] and record.is_idle(self._clock()):
                # Docs: TerminationCode INACTIVITY, TerminationParameter inactivity_duration_min.
                parameters = {"inactivity_duration_min": str(record.idle_minutes)}
                record.reason = {"code": "INACTIVITY", "type": "SUCCESS", "parameters": parameters}
                record.note("TERMINATING", self._clock(), reason=record.reason)
                # The words are not documented.
                message = f"Inactive for {record.idle_minutes} minutes"
                self._begin(record, ClusterState.TERMINATING, partial(self._take_down, record, message))

    def terminate(self, cluster_id: str) -> None:
        """Terminate a cluster; nothing happens if it is terminated."""
        record = self.get(cluster_id)
        if record.state in (ClusterState.TERMINATING, ClusterState.TERMINATED):
            return
        record.reason = {"code": "USER_REQUEST", "type": "SUCCESS", "parameters": {"username": self._user}}
        record.note("TERMINATING", self._clock(), reason=record.reason, user=self._user)
        if cluster_id in self._running:
            self._running[cluster_id].ended_by_user = True
        # Source of the words: databricks/cli#877.
        message = f"Termination requested by {self._user}"
        self._begin(record, ClusterState.TERMINATING, lambda: self._take_down(record, message))

    def forget(self, cluster_id: str) -> None:
        """Terminate a cluster and delete it for good."""
        self.terminate(cluster_id)
        del self._records[cluster_id]
        self._documents.delete(KIND, cluster_id)

    async def close(self) -> None:
        """End all servers."""
        await self._libraries.close()
        for work in self._work.values():
            work.cancel()
        await asyncio.gather(*self._work.values(), return_exceptions=True)
        for cluster_id in list(self._running):
            await self._stop(cluster_id)

    def _expect(self, cluster_id: str, *states: ClusterState) -> ClusterRecord:
        record = self.get(cluster_id)
        if record.state not in states:
            raise unexpected_state(cluster_id, record.state)
        return record

    def _begin(self, record: ClusterRecord, state: ClusterState, work: Callable[[], Awaitable[None]]) -> None:
        """Enter a state that the work leads out of; work that was under way is given up."""
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
        if self._work.get(record.cluster_id) is work and record.cluster_id not in self._records:
            del self._work[record.cluster_id]
        if not work.cancelled() and work.exception() is not None:
            _LOG.error("cluster %s: error in the workspace", record.cluster_id, exc_info=work.exception())
            self._end(record, "INTERNAL_ERROR", "SERVICE_FAULT", repr(work.exception()))

    async def _bring_up(self, record: ClusterRecord) -> None:
        await self._libraries.stop(record)
        await self._stop(record.cluster_id)
        try:
            cluster = await self._starter.start_cluster(record.cluster_id, spec_of(record.settings))
        except (ClusterError, TimeoutError) as error:
            message = str(error) or "The cluster did not start in time."
            self._end(record, "SPARK_STARTUP_FAILURE", "SERVICE_FAULT", message)
            return
        record.drop_uninstalled_libraries()
        self._running[record.cluster_id] = cluster
        self._libraries.begin(record, cluster)
        cluster.lost.add_done_callback(lambda _: self._lost(record, cluster))
        workers = workers_of(record.settings)
        record.active_at = self._clock()
        record.note("RUNNING", record.active_at, current_num_workers=workers, target_num_workers=workers)
        self._set(record, ClusterState.RUNNING, "")

    async def _take_down(self, record: ClusterRecord, message: str) -> None:
        await self._libraries.stop(record)
        await self._stop(record.cluster_id)
        record.terminated_at = self._clock()
        self._set(record, ClusterState.TERMINATED, message)

    async def _stop(self, cluster_id: str) -> None:
        cluster = self._running.pop(cluster_id, None)
        if cluster is not None:
            await self._starter.stop_cluster(cluster)

    def _lost(self, record: ClusterRecord, cluster: Cluster) -> None:
        """A server that was not stopped by us has ended."""
        if self._running.get(record.cluster_id) is cluster:
            del self._running[record.cluster_id]
            self._begin(record, ClusterState.TERMINATING, lambda: self._bury(record, cluster))

    async def _bury(self, record: ClusterRecord, cluster: Cluster) -> None:
        await self._libraries.stop(record)
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
        self.keep(record)

    def keep(self, record: ClusterRecord) -> None:
        """Write a cluster down after a change."""
        if record.cluster_id in self._records:
            self._documents.put(KIND, record.cluster_id, record.as_document())
