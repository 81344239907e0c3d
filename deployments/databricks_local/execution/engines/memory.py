"""Lets job clusters of Apache Spark wait until there is memory for them: each is a Java process."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from databricks_local.execution.cluster import Machine
from databricks_local.execution.engines.apache_spark import heap_mib
from databricks_local.jobs.engines import SPARK
from databricks_local.jobs.specs import ClusterSpec

BESIDES_HEAP_MIB = 384
"""What Java takes besides its heap, and the workers of UDFs."""

SPARE_MIB = 448
"""What Java takes for a server that nobody has asked anything yet."""

SHARE = 0.8
"""How much of the free memory clusters may take; notebooks need some, too."""

MAX_WAIT_SECONDS = 600.0
"""Then a cluster starts anyway: what has the memory may wait for this one, as by a queue of a job."""

_CGROUP = Path("/sys/fs/cgroup")
_MIB = 1024**2

_LOG = logging.getLogger("databricks_local")


@dataclass(frozen=True)
class Claim:
    """A job cluster that has memory, or waits for it.

    Attributes:
        mib: How much.
        run_id: The run that it is for; if a task of another run started that, the other run.
        brief: Whether it ends with one task. Otherwise it ends with its run.
    """

    mib: int
    run_id: int
    brief: bool


def has_room(claim: Claim, held: Collection[Claim], waiting: Collection[Claim], budget: float) -> bool:
    """Whether a cluster may start. Pure.

    Args:
        claim: What it needs.
        held: What runs already.
        waiting: All that wait, this one included.
        budget: How much there is for all.
    """
    if claim.mib + sum(each.mib for each in held) <= budget:
        return True
    # If nothing runs, or only what belongs to runs that wait themselves, nobody would ever make room.
    stuck = {each.run_id for each in waiting}
    return not any(each.brief or each.run_id not in stuck for each in held)


def has_room_for_spare(taken: int, budget: float, free: int) -> bool:
    """Whether a spare server may start. Pure.

    Args:
        taken: What clusters of jobs, and spare servers that are there, have or may come to have.
        budget: How much there is for all.
        free: How much is free now: all-purpose clusters are in no budget.
    """
    return taken + SPARE_MIB <= budget and free * SHARE >= SPARE_MIB


def needed_mib(spec: ClusterSpec, machine: Machine) -> int:
    """The most that Java takes for a cluster; 0 for one without Java."""
    if machine.spark_remote or (spec.engine or machine.engine) != SPARK:
        return 0
    try:
        return heap_mib(spec.spark_conf) + BESIDES_HEAP_MIB
    except ValueError:
        # It will not start, and say why.
        return 0


def free_mib(cgroup: Path = _CGROUP) -> int:
    """The free memory of this machine, or of its container."""
    available = psutil.virtual_memory().available
    # Without a container there are no such files, and without a limit no number.
    with suppress(OSError, ValueError):
        limit, used = (int((cgroup / name).read_text()) for name in ("memory.max", "memory.current"))
        counts = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        available = min(available, limit - used + int(counts.get("inactive_file", 0)))
    return max(available, 0) // _MIB


class SparkMemory:
    """Who has memory, and who waits for it in the order of coming. Used from the event loop only."""

    def __init__(self, need: Callable[[ClusterSpec], int], free: Callable[[], int] = free_mib) -> None:
        """Set up.

        Args:
            need: How much a cluster takes, in MiB; 0 if it has no part in this.
            free: How much there is, in MiB. It is asked while no cluster is up.
        """
        self._need = need
        self._free = free
        self._budget = 0.0
        self._held: dict[str, Claim] = {}
        self._spares: set[str] = set()
        self._waiting: dict[str, tuple[Claim, asyncio.Future[None]]] = {}

    async def take(self, cluster_id: str, spec: ClusterSpec, run_id: int, *, brief: bool) -> None:
        """Wait until there is room for a cluster. It has it until `give`.

        Args:
            cluster_id: The cluster.
            spec: Its specification.
            run_id: The run that it is for.
            brief: Whether it ends with one task.
        """
        claim = Claim(self._need(spec), run_id, brief)
        if not claim.mib:
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[cluster_id] = claim, turn
        self._let_begin()
        if not turn.done():
            _LOG.info("cluster %s waits for memory: %s MiB", cluster_id, claim.mib)
        try:
            await asyncio.wait({turn}, timeout=MAX_WAIT_SECONDS)
        except asyncio.CancelledError:
            self.give(cluster_id)
            raise
        self._waiting.pop(cluster_id, None)
        self._held[cluster_id] = claim

    def give(self, cluster_id: str) -> None:
        """Give back what a cluster has, which has ended or is not wanted any more."""
        self._held.pop(cluster_id, None)
        self._waiting.pop(cluster_id, None)
        self._let_begin()

    def hold_spare(self, name: str) -> bool:
        """Take memory for a spare server if there is some besides all clusters. It has it until `give_spare`.

        Args:
            name: The spare server.

        Returns:
            Whether it has memory. No cluster waits for what it has: it is taken, or ended, by the next one.
        """
        self._look()
        room = not self._waiting and has_room_for_spare(self._taken(), self._budget, self._free())
        if room:
            self._spares.add(name)
        return room

    def give_spare(self, name: str) -> None:
        """Give back what a spare server has, which has ended or has become the server of a cluster."""
        self._spares.discard(name)

    def is_short(self, spec: ClusterSpec) -> bool:
        """Whether a cluster that is about to start needs what spare servers have."""
        self._look()
        return self._taken() > self._budget or self._need(spec) > self._free() * SHARE

    def _taken(self) -> int:
        return sum(claim.mib for claim in self._held.values()) + SPARE_MIB * len(self._spares)

    def _look(self) -> None:
        """Look how much there is, if no cluster has some of it already."""
        if not self._held:
            self._budget = (self._free() + SPARE_MIB * len(self._spares)) * SHARE

    @asynccontextmanager
    async def room(self, cluster_id: str, spec: ClusterSpec, run_id: int) -> AsyncIterator[None]:
        """Room for the cluster of one task."""
        await self.take(cluster_id, spec, run_id, brief=True)
        try:
            yield
        finally:
            self.give(cluster_id)

    def _let_begin(self) -> None:
        while self._waiting:
            cluster_id, (claim, turn) = next(iter(self._waiting.items()))
            self._look()
            waiting = [each for each, _ in self._waiting.values()]
            if not has_room(claim, self._held.values(), waiting, self._budget):
                return
            del self._waiting[cluster_id]
            self._held[cluster_id] = claim
            turn.set_result(None)
