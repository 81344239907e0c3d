"""The life of one run: launched once, watched, repaired, and never left behind."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from databricks_blocks.errors import DatabricksJobError, DatabricksRunRefused, InvalidJob
from databricks_blocks.run.failure import run_error
from databricks_blocks.run.launchers import Launcher
from databricks_blocks.run.launching import Launching
from databricks_blocks.run.observer import Ask, Observer
from databricks_blocks.run.outputs import TaskOutputs
from databricks_blocks.run.policy import LifeOptions
from databricks_blocks.run.repair_policy import GiveUp, Repair, decide
from databricks_blocks.run.repair_watch import RepairWatch
from databricks_blocks.run.repairing import Repairing
from databricks_blocks.run.snapshot import RunHistory, RunSnapshot
from databricks_blocks.run.watching import watch_run
from databricks_blocks.workspace.runs_api import cancel_run, get_run
from databricks_blocks.workspace.thread_calls import ThreadCalls

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_LOGGER = logging.getLogger(__name__)

SECONDS_TO_SETTLE = 8.0
"""A request that is under way is waited for this long. Prefect kills a cancelled process after 30 s."""
SECONDS_TO_CANCEL = 20.0
"""After a cancel, Databricks ends the tasks in the background; their end is waited for this long."""


@dataclass(frozen=True)
class _Ended:
    """A run as it ended.

    Attributes:
        run: The run.
        at_first_look: Whether it had ended when it was looked at first.
    """

    run: RunSnapshot
    at_first_look: bool


class RunLife:
    """Takes a job from its launch to its end."""

    def __init__(
        self,
        client: WorkspaceClient,
        launcher: Launcher,
        options: LifeOptions,
        observer: Observer,
        outputs: TaskOutputs,
        *,
        ask: Ask | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Set up; nothing is launched yet.

        Args:
            client: SDK client of the workspace.
            launcher: How the job is launched.
            options: What the user wants, and how often the flow was started.
            observer: Is told what happens.
            outputs: Reads the outputs of tasks.
            ask: Asks a person before the run is given up; `None`: nobody is asked.
            clock: Seconds that only grow.
            sleep: Waits for a number of seconds.
            chance: Gives a random number from 0 to 1.
        """
        polling = options.policy.polling
        self._client = client
        self._options = options
        self._observer = observer
        self._outputs = outputs
        self._ask = ask
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._calls = ThreadCalls(polling, clock, sleep)
        self._repair_watch = RepairWatch(polling, clock)
        self._launching = Launching(launcher, self._calls, self._repair_watch, sleep)
        self._repairing = Repairing(client, launcher, self._calls, self._repair_watch, polling, sleep)
        self._history = RunHistory()

    async def to_the_end(self) -> RunSnapshot:
        """Launch the job, or find its run, and stay with it until it has succeeded.

        Raises:
            DatabricksJobError: It ended in another way and no repair is left, or it cannot be reached.
        """
        try:
            run = await self._live()
        except BaseException:
            # The cause of the end matters more than settings that stay changed: one try only.
            try:
                with anyio.CancelScope(shield=True):
                    await self._calls.once(self._repairing.restore_settings)
            except DatabricksJobError as error:
                _LOGGER.warning("The saved job keeps the changed settings of its clusters: %s", error)
            raise
        await self._calls.outlive(self._repairing.restore_settings)
        return run

    async def cancel(self) -> RunSnapshot | None:
        """End what was launched, and wait a while for its end, so that nothing is written after a clean-up.

        Returns:
            The run as it ended; `None` if nothing was launched.

        Raises:
            DatabricksJobError: The workspace refuses, or cannot be reached.
            TimeoutError: The run takes longer to end than is waited for.
        """
        # Let a launch or repair that is under way come to its end, so that what it starts is cancelled too.
        await self._calls.settle(SECONDS_TO_SETTLE)
        known = self._launching.run_id
        try:
            async with asyncio.timeout(SECONDS_TO_CANCEL):
                run_id = await self._launching.find()
                return None if run_id is None else await self._end(run_id)
        except TimeoutError:
            # The time may have been over in the middle of a request that finds the run.
            await self._calls.settle()
            found = self._launching.run_id
            if found is not None and found != known:
                await self._calls.once(partial(cancel_run, self._client, found))
            raise

    async def _end(self, run_id: int) -> RunSnapshot:
        cancel = partial(cancel_run, self._client, run_id)

        async def cancel_again(run: RunSnapshot) -> None:
            # A repair that was not visible at first is active now.
            if not self._repair_watch.is_over(run):
                await self._calls.outlive(cancel)

        await self._calls.outlive(cancel)
        return self._history.joined(await self._look(run_id, cancel_again))

    async def _live(self) -> RunSnapshot:
        history, starts_over = RunHistory(), 0
        parameters: dict[str, str] = {}
        run_id, is_new = await self._launched(self._launching.start), True
        found: int | None = None
        while True:
            ended = await self._watch(run_id, history)
            run = history.joined(ended.run)
            stale = self._options.is_stale(run)
            if self._options.policy.succeeded(run):
                # An earlier start of the flow started over at most once. So the last one that is left is of
                # this start and has read the new inputs, even if the clocks differ.
                if not stale or starts_over == self._options.flow_run_count - 1:
                    return run
                history, starts_over = history.started_over(), starts_over + 1
                run_id, is_new = await self._launched(self._launching.start), True
                continue
            found_ended = is_new and ended.at_first_look and self._options.flow_run_count > 1
            repairs_before, asked_for = history.repairs_with(ended.run), found_ended or stale
            if asked_for or found is None:
                found = repairs_before + asked_for
            outputs = {task.task_key: await self._outputs.of(task) for task in run.failed}
            decision = await self._decide(run, outputs, repairs_before, found, asked_for=asked_for)
            if isinstance(decision, GiveUp):
                raise run_error(run, outputs)
            # What a person changed for one repair holds for those after it.
            parameters |= decision.job_parameters
            decision = replace(decision, job_parameters=dict(parameters))
            # A cancel may come when all tasks have succeeded: there is none that failed, and no success.
            if stale or not (run.failed or decision.task_keys):
                decision = replace(decision, task_keys=tuple(task.task_key for task in run.tasks))
            try:
                new_run_id = await self._repair(run, ended.run, decision)
            except (DatabricksRunRefused, InvalidJob) as refused:
                raise run_error(run, outputs) from refused
            is_new = new_run_id is not None
            if new_run_id is not None:
                run_id, history = new_run_id, history.replaced(ended.run)

    async def _launched(self, launch: Callable[[], Awaitable[int]]) -> int:
        run_id = await launch()
        await self._observer.launched(run_id)
        return run_id

    async def _watch(self, run_id: int, history: RunHistory) -> _Ended:
        looks = 0
        self._history = history

        async def on_change(run: RunSnapshot) -> None:
            nonlocal looks
            # An answer without the repair is older than what is known already.
            if self._repair_watch.is_visible(run):
                looks += 1
                await self._observer.changed(history.joined(run))

        run = await self._look(run_id, on_change)
        return _Ended(run, at_first_look=looks == 1)

    async def _look(self, run_id: int, on_change: Callable[[RunSnapshot], Awaitable[None]]) -> RunSnapshot:
        return await watch_run(
            partial(get_run, self._client, run_id),
            policy=self._options.policy.polling,
            on_change=on_change,
            is_over=self._repair_watch.is_over,
            clock=self._clock,
            sleep=self._sleep,
        )

    async def _decide(
        self,
        run: RunSnapshot,
        outputs: Mapping[str, Mapping[str, Any]],
        repairs_before: int,
        found: int,
        *,
        asked_for: bool,
    ) -> Repair | GiveUp:
        errors = {key: output.get("error") or "" for key, output in outputs.items()}
        allowed = self._options.allowed_repairs(found)
        decision = decide(
            run,
            errors,
            self._options.policy.repair,
            allowed=allowed,
            repairs_before=repairs_before,
            asked_for=asked_for,
        )
        if isinstance(decision, Repair):
            # The wait grows with the repairs of this start. A job that starts over has fewer than were found.
            of_this_start = max(repairs_before - found, 0)
            wait = 0.0 if asked_for else self._options.policy.repair.wait(of_this_start, self._chance())
            decision = replace(
                decision,
                number=repairs_before + 1,
                allowed=allowed,
                wait_seconds=wait,
            )
        if isinstance(decision, GiveUp) and self._ask is not None:
            decision = await self._ask(run, errors, decision)
        await self._observer.failed(run, errors, decision)
        if isinstance(decision, Repair) and decision.wait_seconds:
            await self._sleep(decision.wait_seconds)
        return decision

    async def _repair(self, run: RunSnapshot, ended: RunSnapshot, repair: Repair) -> int | None:
        """Have tasks run again: by a repair, or where that is refused by a run of their own.

        Args:
            run: The run, joined with those before it.
            ended: The run alone.
            repair: What is to run again.

        Returns:
            Id of the run in place of the repair; `None` if the run is repaired.
        """
        try:
            repair_id = await self._repairing.request(ended, repair)
        except DatabricksRunRefused as refused:
            return await self._launched(partial(self._launching.start_again, run, repair, refused))
        if repair_id is not None:
            await self._observer.repaired(run.run_id, repair_id)
        return None
