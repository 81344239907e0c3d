"""All-purpose clusters: a Spark Connect server each, kept until it is terminated."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from databricks_local.api.bodies import Json
from databricks_local.clusters.libraries import failure_of
from databricks_local.clusters.records import (
    ClusterRecord,
    ClusterState,
    cluster_missing,
    new_cluster_id,
    unexpected_state,
)
from databricks_local.clusters.servers import ClusterServers, ClusterStarter
from databricks_local.clusters.settings import size_of, workers_of
from databricks_local.execution.cluster import Cluster, ClusterError
from databricks_local.execution.provisioning.installing import LibraryInstallationError
from databricks_local.storage.documents import Documents

KIND = "cluster"


class ClusterRegistry:
    """The all-purpose clusters.

    For a task with `existing_cluster_id`, `get` refuses an unknown id, and `ready` returns the running
    server. It starts a terminated cluster, as a job does on Databricks.
    """

    def __init__(
        self, starter: ClusterStarter, documents: Documents, clock: Callable[[], int], user: str
    ) -> None:
        self._documents = documents
        self._clock = clock
        self._user = user
        self._uses: Counter[str] = Counter()
        self._servers = ClusterServers(starter, self.keep, lambda key: key in self._records, clock)
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
        await self._servers.settled(record)
        if record.state is ClusterState.TERMINATED and cluster_id in self._records:
            self.start(cluster_id)
            await self._servers.settled(record)
        cluster = self._servers.running(cluster_id)
        if cluster is None:
            raise ClusterError(record.message)
        await self._servers.libraries.settled(cluster_id)
        record.active_at = self._clock()
        return cluster

    def running(self, cluster_id: str) -> Cluster | None:
        """The server of a cluster, if it runs."""
        return self._servers.running(cluster_id)

    @contextmanager
    def in_use(self, cluster_id: str) -> Iterator[None]:
        """Mark a cluster as active while a task uses it or waits for it."""
        self._uses[cluster_id] += 1
        try:
            yield
        finally:
            self._uses[cluster_id] -= 1
            if cluster_id in self._records:
                self._records[cluster_id].active_at = self._clock()

    def install(self, cluster_id: str, libraries: Sequence[Json]) -> None:
        """Install libraries: at once if the cluster runs, otherwise when it starts."""
        record = self.get(cluster_id)
        self._servers.libraries.ask(record, libraries)
        cluster = self._servers.running(cluster_id)
        if cluster is not None:
            self._servers.libraries.begin(record, cluster)

    async def install_for_task(self, cluster_id: str, libraries: Sequence[Json]) -> None:
        """Install the libraries of a task on a running cluster, where they stay.

        Raises:
            LibraryInstallationError: If one of them could not be installed.
        """
        if libraries:
            self.install(cluster_id, libraries)
            await self._servers.libraries.settled(cluster_id)
        failure = failure_of(self.get(cluster_id), libraries)
        if failure:
            raise LibraryInstallationError(failure)

    def of_token(self, token: str) -> ClusterRecord | None:
        """The cluster that was created with an idempotency token, unless it is terminated.

        Termination clears the token: the next request creates a new cluster (docs: Clusters API 2.0, create).
        """
        return next(
            (
                record
                for record in self._records.values()
                if token and record.token == token and record.state is not ClusterState.TERMINATED
            ),
            None,
        )

    def create(self, settings: Json, token: str = "") -> ClusterRecord:
        """Make a cluster, which starts.

        Args:
            settings: Its settings.
            token: The idempotency token of the request; empty if there is none.
        """
        record = ClusterRecord(new_cluster_id(self._clock()), settings, self._user, token=token)
        self._records[record.cluster_id] = record
        record.note("CREATING", self._clock(), cluster_size=size_of(settings), user=self._user)
        self._servers.start(record, ClusterState.PENDING)
        return record

    def start(self, cluster_id: str) -> None:
        """Start a terminated cluster."""
        record = self._expect(cluster_id, ClusterState.TERMINATED)
        record.note("STARTING", self._clock(), cluster_size=size_of(record.settings), user=self._user)
        self._servers.start(record, ClusterState.PENDING)

    def restart(self, cluster_id: str) -> None:
        """Restart a running cluster."""
        record = self._expect(cluster_id, ClusterState.RUNNING)
        record.note("RESTARTING", self._clock(), user=self._user)
        self._servers.start(record, ClusterState.RESTARTING)

    def edit(self, cluster_id: str, settings: Json) -> None:
        """Change a cluster's settings; a running one restarts with them (docs)."""
        record = self._expect(cluster_id, ClusterState.RUNNING, ClusterState.TERMINATED)
        before, after = size_of(record.settings), size_of(settings)
        record.settings = settings
        record.note(
            "EDITED", self._clock(), previous_cluster_size=before, cluster_size=after, user=self._user
        )
        if record.state is ClusterState.RUNNING:
            self._servers.start(record, ClusterState.RESTARTING)
        self.keep(record)

    def resize(self, cluster_id: str, settings: Json) -> None:
        """Change the size of a running cluster, without a restart."""
        record = self._expect(cluster_id, ClusterState.RUNNING)
        sizes = {
            "current_num_workers": workers_of(record.settings),
            "target_num_workers": workers_of(settings),
        }
        record.settings = settings
        record.note("RESIZING", self._clock(), cause="USER_REQUEST", user=self._user, **sizes)
        self.keep(record)

    def pin(self, cluster_id: str, *, pinned: bool) -> None:
        """Pin or unpin a cluster. To do it twice is no error (docs)."""
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
                self._servers.stop(record, message)

    def terminate(self, cluster_id: str) -> None:
        """Terminate a cluster, unless it is terminated already."""
        record = self.get(cluster_id)
        if record.state in (ClusterState.TERMINATING, ClusterState.TERMINATED):
            return
        record.reason = {"code": "USER_REQUEST", "type": "SUCCESS", "parameters": {"username": self._user}}
        record.note("TERMINATING", self._clock(), reason=record.reason, user=self._user)
        cluster = self._servers.running(cluster_id)
        if cluster is not None:
            cluster.ended_by_user = True
        # Source of the words: databricks/cli#877.
        message = f"Termination requested by {self._user}"
        self._servers.stop(record, message)

    def forget(self, cluster_id: str) -> None:
        """Terminate a cluster and delete it for good."""
        self.terminate(cluster_id)
        del self._records[cluster_id]
        self._documents.delete(KIND, cluster_id)

    async def close(self) -> None:
        """End all servers."""
        await self._servers.close()

    def _expect(self, cluster_id: str, *states: ClusterState) -> ClusterRecord:
        record = self.get(cluster_id)
        if record.state not in states:
            raise unexpected_state(cluster_id, record.state)
        return record

    def keep(self, record: ClusterRecord) -> None:
        """Write a cluster down after a change."""
        if record.cluster_id in self._records:
            self._documents.put(KIND, record.cluster_id, record.as_document())
