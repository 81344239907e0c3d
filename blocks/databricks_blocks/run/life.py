"""The life of one run: launched once, watched, repaired, and never left behind."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from databricks_blocks.errors import (
    DatabricksJobError,
    DatabricksRunRefused,
    DatabricksUnreachable,
    InvalidJob,
)
from databricks_blocks.run.failure import run_error
from databricks_blocks.run.life_options import Ask, Launcher, LifeOptions, Observer
from databricks_blocks.run.outputs import TaskOutputs
from databricks_blocks.run.repair_policy import GiveUp, Repair, decide, repair_body
from databricks_blocks.run.snapshot import RunSnapshot, joined
from databricks_blocks.run.watching import watch_run
from databricks_blocks.workspace.runs_api import cancel_run, get_run, repair_run
from databricks_blocks.workspace.thread_calls import ThreadCalls, unless_done

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_LOGGER = logging.getLogger(__name__)

SECONDS_TO_CANCEL = 20.0
"""After a cancel, Databricks ends the tasks in the background; for so long their end is waited for."""

_SECONDS_UNTIL_A_REPAIR_IS_SEEN = 120.0
"""For so long a repair that another process asked for may be invisible (airflow#68358: up to minutes)."""

_REFUSED_BECAUSE_OF_ANOTHER = ("active", "in progress", "running", "latest repair")
"""Words of a refusal that mean a repair which is not ours, or whose answer was lost."""


class RunLife:
    """Takes a job from its launch to its end."""

    def __init__(
        self,
        client: WorkspaceClient,
        launch: Launcher,
        options: LifeOptions,
        observer: Observer,
        outputs: TaskOutputs,
        *,
        ask: Ask | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._launch = launch
        self._options = options
        self._observer = observer
        self._outputs = outputs
        self._ask = ask
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._generation = 0
        self._run_id: int | None = None
        self._launching: Callable[[], None] | None = None
        self._repair_id: int | None = None
        self._repaired_at = 0.0
        self._last: RunSnapshot
        self._earlier: list[RunSnapshot] = []
        self._repairs_of_earlier = self._starts_over = 0
        self._just_begun = self._found_ended = False
        self._settings_changed = False
        self._job_parameters: dict[str, str] = {}
        self._calls = ThreadCalls(options.policy.polling, clock, sleep)

    async def to_the_end(self) -> RunSnapshot:
        """Launch the job, or find its run, and stay with it until it has succeeded.

        Raises:
            DatabricksJobError: It ended in another way and no repair is left, or it cannot be reached.
        """
        try:
            run = await self._live()
        except BaseException:
            # What ended it matters more than settings that stay changed: it waits for one try.
            try:
                with anyio.CancelScope(shield=True):
                    await self._calls.once(self._restore_settings)
            except DatabricksJobError as error:
                _LOGGER.warning("The saved job keeps the changed settings of its clusters: %s", error)
            raise
        await self._calls.outlive(self._restore_settings)
        return run

    async def cancel(self) -> None:
        """End what was launched, and wait a while for its end, so that nothing is written after a clean-up.

        Raises:
            DatabricksJobError: The workspace refuses, or cannot be reached.
            TimeoutError: The run takes longer to end than is waited for.
        """
        # A launch or repair that is under way is not lost: what it starts is cancelled, too.
        await self._calls.settle()
        async with asyncio.timeout(SECONDS_TO_CANCEL):
            if self._launching is not None:
                # Whether it was heard is not known; its token finds what it started.
                await self._calls.outlive(self._launching)
            if self._run_id is not None:
                await self._end(self._run_id)

    async def _end(self, run_id: int) -> None:
        cancel = partial(cancel_run, self._client, run_id)

        async def cancel_again(run: RunSnapshot) -> None:
            # A repair that was not seen at first is active now.
            if not self._is_over(run):
                await self._calls.outlive(cancel)

        await self._calls.outlive(cancel)
        await self._look(cancel_again)

    async def _live(self) -> RunSnapshot:
        await self._begin(partial(self._launch.start, self._generation))
        while True:
            run = await self._watch()
            stale = self._options.is_stale(run)
            if self._options.policy.succeeded(run):
                if not stale or self._starts_over == self._options.flow_run_count - 1:
                    return run
                await self._start_over()
                continue
            outputs = {task.task_key: await self._outputs.of(task) for task in run.failed}
            decision = await self._decide(run, outputs, asked_for=self._found_ended or stale)
            if isinstance(decision, GiveUp):
                raise run_error(run, outputs)
            if stale:
                decision = replace(decision, task_keys=tuple(task.task_key for task in run.tasks))
            try:
                await self._repair(run, decision)
            except (DatabricksRunRefused, InvalidJob) as refused:
                raise run_error(run, outputs) from refused

    async def _start_over(self) -> None:
        """Run the whole job in a new generation.

        An earlier start of the flow made at most one of them. So the next one is of this start and has read
        what it should, even if it seems to have begun too early, by a clock that is not ours.
        """
        self._starts_over += 1
        self._earlier.clear()
        self._generation += 1
        await self._begin(partial(self._launch.start, self._generation))

    async def _begin(self, start: Callable[[], int]) -> None:
        def remember() -> None:
            # In the thread, so that a cancel that comes meanwhile knows the run.
            self._run_id = start()
            self._repair_id = self._launching = None

        self._launching = remember
        await self._calls.outlive(remember)
        self._just_begun = True
        if self._run_id is not None:
            await self._observer.launched(self._run_id)

    async def _watch(self) -> RunSnapshot:
        """Watch the run until its end, and see it as one with those before it."""
        looks = 0

        async def on_change(run: RunSnapshot) -> None:
            nonlocal looks
            looks += 1
            await self._observer.changed(joined([*self._earlier, run]))

        self._last = await self._look(on_change)
        self._found_ended = self._just_begun and looks == 1 and self._options.flow_run_count > 1
        self._just_begun = False
        return joined([*self._earlier, self._last])

    async def _look(self, on_change: Callable[[RunSnapshot], Awaitable[None]]) -> RunSnapshot:
        return await watch_run(
            self._read,
            policy=self._options.policy.polling,
            on_change=on_change,
            is_over=self._is_over,
            clock=self._clock,
            sleep=self._sleep,
        )

    def _read(self) -> dict[str, Any]:
        if self._run_id is None:
            raise RuntimeError("No run was launched.")
        return get_run(self._client, self._run_id)

    def _is_over(self, run: RunSnapshot) -> bool:
        """Whether a run has ended, and not only looks so because its repair is not seen yet.

        Raises:
            DatabricksUnreachable: The repair is not seen for longer than the policy allows.
        """
        seen = self._repair_id is None or self._repair_id in run.repair_ids
        if not seen and self._options.policy.polling.gives_up(self._clock() - self._repaired_at):
            raise DatabricksUnreachable(
                f"Run {run.run_id} does not show its repair {self._repair_id} ({run.run_page_url})",
                run_id=run.run_id,
                run_page_url=run.run_page_url,
            )
        return run.state.is_terminal and seen

    async def _decide(
        self, run: RunSnapshot, outputs: Mapping[str, Mapping[str, Any]], *, asked_for: bool
    ) -> Repair | GiveUp:
        errors = {key: output.get("error") or "" for key, output in outputs.items()}
        before = self._repairs_of_earlier + len(self._last.repair_ids)
        decision = decide(
            run,
            errors,
            self._options.policy.repair,
            allowed=self._options.allowed_repairs,
            repairs_before=before,
            asked_for=asked_for,
        )
        by_itself = isinstance(decision, Repair) and not asked_for
        if isinstance(decision, GiveUp) and self._ask is not None:
            decision = await self._ask(run, errors, decision)
        await self._observer.failed(run, errors, decision)
        if by_itself:
            await self._sleep(self._options.policy.repair.wait(before, self._chance()))
        return decision

    async def _repair(self, run: RunSnapshot, repair: Repair) -> None:
        """Have tasks run again: by a repair, or where that is refused by a run of their own."""
        # What a person changed for one repair holds for those after it.
        self._job_parameters.update(repair.job_parameters)
        repair = replace(repair, job_parameters=dict(self._job_parameters))
        body = repair_body(self._last, repair, self._launch.parameters)
        try:
            if repair.new_settings:
                self._settings_changed = True
                await self._calls.outlive(partial(self._launch.change_settings, repair.new_settings))
            await self._calls.outlive(unless_done(lambda: self._request_repair(body), self._found_repair))
        except DatabricksRunRefused as refused:
            if not await self._is_repaired_by_another(refused):
                await self._launch_in_place_of_repair(run, repair, refused)
            return
        if self._repair_id is not None:
            await self._observer.repaired(run.run_id, self._repair_id)

    def _restore_settings(self) -> None:
        if self._settings_changed:
            self._launch.restore_settings()

    def _request_repair(self, body: Mapping[str, Any]) -> None:
        self._repair_id = repair_run(self._client, body)
        self._repaired_at = self._clock()

    def _found_repair(self) -> bool:
        """Whether the run shows a repair that was not there when it ended."""
        now = RunSnapshot.from_json(self._read())
        if now.repair_ids != self._last.repair_ids:
            self._repair_id = now.repair_ids[-1]
        return now.repair_ids != self._last.repair_ids or not now.state.is_terminal

    async def _is_repaired_by_another(self, refused: DatabricksRunRefused) -> bool:
        """Whether the refusal is due to a repair by a person, or by this flow before it was killed."""
        since = self._clock()
        while not await self._calls.outlive(self._found_repair):
            waited = self._clock() - since
            another = any(word in refused.message for word in _REFUSED_BECAUSE_OF_ANOTHER)
            if not another or waited > _SECONDS_UNTIL_A_REPAIR_IS_SEEN:
                return False
            await self._sleep(self._options.policy.polling.pause(waited))
        return True

    async def _launch_in_place_of_repair(
        self, run: RunSnapshot, repair: Repair, refused: DatabricksRunRefused
    ) -> None:
        """Run the tasks in a run of their own, which counts as a repair."""

        def start() -> int:
            run_id = self._launch.start_again(self._generation, run, repair)
            if run_id is None:
                raise refused
            return run_id

        self._generation += 1
        self._repairs_of_earlier += len(self._last.repair_ids) + 1
        self._earlier.append(self._last)
        await self._begin(start)
