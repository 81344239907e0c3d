"""Launching the runs of one life so that none is lost, in whatever moment a cancel comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from databricks_blocks.errors import DatabricksRunRefused, DatabricksUnreachable
from databricks_blocks.run.launchers import Launcher
from databricks_blocks.run.repair_policy import Repair
from databricks_blocks.run.repair_watch import RepairWatch
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.workspace.thread_calls import ThreadCalls

_PAUSES_BEFORE_LOOKS = (0.0, 2.0, 3.0)
"""Seconds. A run that was launched a moment ago may not be listed yet."""


class NothingLaunched(DatabricksUnreachable):
    """Raised when a launcher has not sent its request; it can be asked again."""


class Launching:
    """Launches runs, each in a generation of its own, and remembers the latest one.

    Attributes:
        run_id: Id of the latest run; `None` before the first launch.
    """

    def __init__(
        self,
        launcher: Launcher,
        calls: ThreadCalls,
        repair_watch: RepairWatch,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.run_id: int | None = None
        self._launcher = launcher
        self._calls = calls
        self._repair_watch = repair_watch
        self._sleep = sleep
        self._known: set[int] = set()
        self._generations = 0
        self._in_flight: Callable[[], int] | None = None
        self._under_way: Callable[[], int] | None = None

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
        """Find the latest run, even if the answer to its launch was lost; `None`: nothing was launched.

        The Jobs API tells no run by its idempotency token, other than by a launch with the same token, which
        would start a run that is not there. So the launch is repeated only if an active run of the job is
        there that nobody knows.
        """
        unanswered = self._in_flight or self._under_way
        if unanswered is not None and await self._looks_launched():
            await self._calls.outlive(unanswered)
        return self.run_id

    async def _looks_launched(self) -> bool:
        for pause in _PAUSES_BEFORE_LOOKS:
            await self._sleep(pause)
            active = await self._calls.outlive(self._launcher.active_runs)
            if not self._known.issuperset(active):
                return True
        return False

    def _next_generation(self) -> int:
        self._generations += 1
        return self._generations - 1

    async def _launch(self, start: Callable[[], int]) -> int:
        def launch() -> int:
            # All of it in the thread: a cancel that comes meanwhile then knows the run.
            self._under_way = launch
            try:
                run_id = self.run_id = start()
            except DatabricksRunRefused:
                self._in_flight = None
                raise
            except NothingLaunched:
                raise
            except Exception:
                # The workspace may have heard the request.
                self._in_flight = launch
                raise
            finally:
                self._under_way = None
            self._known.add(run_id)
            self._repair_watch.expect(self._launcher.expected_repair)
            self._in_flight = None
            return run_id

        return await self._calls.outlive(launch)
