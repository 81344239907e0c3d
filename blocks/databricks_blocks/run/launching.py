"""Launching the runs of one life so that none is lost, in whatever moment a cancel comes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from databricks_blocks.errors import DatabricksRunRefused
from databricks_blocks.run.launchers import Launcher
from databricks_blocks.run.repair_policy import Repair
from databricks_blocks.run.repair_watch import RepairWatch
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.workspace.thread_calls import ThreadCalls


class Launching:
    """Launches runs, each in a generation of its own, and remembers the latest one.

    Attributes:
        run_id: Id of the latest run; `None` before the first launch.
    """

    def __init__(self, launcher: Launcher, calls: ThreadCalls, repair_watch: RepairWatch) -> None:
        self.run_id: int | None = None
        self._launcher = launcher
        self._calls = calls
        self._repair_watch = repair_watch
        self._generations = 0
        self._in_flight: Callable[[], int] | None = None

    async def start(self) -> int:
        """Launch the whole job, or find the run that was launched before; the run id."""
        return await self._launch(partial(self._launcher.start, self._next_generation()))

    async def start_again(self, run: RunSnapshot, repair: Repair, refused: DatabricksRunRefused) -> int:
        """Launch a run in place of a repair that was refused; the run id.

        Args:
            run: The run, joined with those before it.
            repair: What has to run again.
            refused: The refusal of the repair.

        Raises:
            DatabricksRunRefused: This job can only be repaired: the refusal that was given.
        """
        generation = self._next_generation()

        def start() -> int:
            run_id = self._launcher.start_again(generation, run, repair)
            if run_id is None:
                raise refused
            return run_id

        return await self._launch(start)

    async def find(self) -> int | None:
        """Find the latest run, even if the answer to its launch was lost; `None`: nothing was launched."""
        if self._in_flight is not None:
            # The workspace may have heard the request: the same token finds what it started.
            await self._calls.outlive(self._in_flight)
        return self.run_id

    def _next_generation(self) -> int:
        self._generations += 1
        return self._generations - 1

    async def _launch(self, start: Callable[[], int]) -> int:
        def launch() -> int:
            # All of it in the thread: a cancel that comes meanwhile then knows the run.
            run_id = self.run_id = start()
            self._repair_watch.expect(self._launcher.expected_repair)
            self._in_flight = None
            return run_id

        self._in_flight = launch
        try:
            return await self._calls.outlive(launch)
        except DatabricksRunRefused:
            self._in_flight = None
            raise
