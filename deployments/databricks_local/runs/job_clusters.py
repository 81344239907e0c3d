"""The shared clusters of one run: each is started once, when the first of its tasks needs it."""

import asyncio

from databricks_local.execution.cluster import Cluster, ClusterError
from databricks_local.execution.task_executor import TaskExecutor
from databricks_local.jobs.specs import ClusterSpec


class JobClusters:
    """The job clusters of a run, or of one repair of it, which starts them anew."""

    def __init__(
        self, executor: TaskExecutor, name: str, slots: asyncio.Semaphore | None, run_id: int = 0
    ) -> None:
        """Set up.

        Args:
            executor: What starts clusters.
            name: The beginning of the ids of the clusters.
            slots: Limits how many runs hold clusters; None for a nested run, whose parent has a slot.
            run_id: The run that they are for; of a nested run, the outermost one.
        """
        self._run_id = run_id
        self._executor = executor
        self._name = name
        self._slots = slots
        self._entering = asyncio.Lock()
        self._entered = False
        self._starts: dict[str, asyncio.Task[Cluster]] = {}

    def cluster_id(self, key: str) -> str:
        """The id of a cluster."""
        return f"{self._name}-{key}"

    async def get(self, key: str, spec: ClusterSpec) -> Cluster:
        """The running cluster of a key. It is started again if it was lost or could not be started.

        Raises:
            ClusterError: If it does not come up.
            TimeoutError: If it does not come up in time.
        """
        await self._enter()
        start = self._starts.get(key)
        if start is not None and _is_useless(start):
            del self._starts[key]
            await self._stop(start)
            start = None
        if key not in self._starts:
            self._starts[key] = asyncio.create_task(self._start(self.cluster_id(key), spec))
        # The task that came first may be cancelled while others wait for the same cluster.
        return await asyncio.shield(self._starts[key])

    def running(self, key: str) -> Cluster | None:
        """The cluster of a key, if it is there."""
        start = self._starts.get(key)
        return None if start is None or not start.done() or _is_useless(start) else start.result()

    async def stop(self) -> None:
        """End all of them."""
        starts = list(self._starts.values())
        self._starts.clear()
        for start in starts:
            start.cancel()
        await asyncio.gather(*(self._stop(start) for start in starts))
        if self._entered and self._slots is not None:
            self._slots.release()
            self._entered = False

    async def _enter(self) -> None:
        async with self._entering:
            if not self._entered and self._slots is not None:
                await self._slots.acquire()
            self._entered = True

    async def _start(self, cluster_id: str, spec: ClusterSpec) -> Cluster:
        memory = self._executor.memory
        await memory.take(cluster_id, spec, self._run_id, brief=False)
        try:
            return await self._executor.start_cluster(cluster_id, spec)
        except BaseException:
            memory.give(cluster_id)
            raise

    async def _stop(self, start: "asyncio.Task[Cluster]") -> None:
        try:
            cluster = await start
        except (ClusterError, TimeoutError, OSError, asyncio.CancelledError):
            # It never started; the tasks that asked for it got the error.
            return
        try:
            await self._executor.stop_cluster(cluster)
        finally:
            self._executor.memory.give(cluster.cluster_id)


def _is_useless(start: "asyncio.Task[Cluster]") -> bool:
    if not start.done():
        return False
    return start.cancelled() or start.exception() is not None or start.result().lost.done()
