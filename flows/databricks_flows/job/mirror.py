"""Shows Databricks tasks as Prefect task runs, with the same edges, attempts and states."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast
from uuid import UUID

from databricks_blocks.run.failure import task_line
from databricks_blocks.run.observer import Observer
from databricks_blocks.run.outputs import TaskOutputs
from databricks_blocks.run.repair_policy import GiveUp, Repair
from databricks_blocks.run.results import task_result
from databricks_blocks.run.snapshot import RunSnapshot, TaskAttempt
from prefect import State, Task, get_client, get_run_logger
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
    TaskRunFilterTags,
)
from prefect.client.schemas.objects import TERMINAL_STATES, StateDetails, StateType, TaskRun
from prefect.context import TaskRunContext
from prefect.states import Cancelled, Completed, Crashed

from databricks_flows.job.attempt_log import log_output, show_attempt
from databricks_flows.job.mirrored_attempts import attempts_to_show, name_of_left_out
from databricks_flows.shared.telling import NOT_TOLD, AnyLogger

MIRROR_TAG = "databricks"
"""Tag of the task runs that show Databricks tasks."""
GOING_ON = [state for state in StateType if state not in TERMINAL_STATES]


async def end_abandoned(flow_run_id: UUID) -> None:
    """End the task runs that an earlier attempt of a flow run left open, because its process was killed.

    Call it before the first task run of this attempt is there.

    Args:
        flow_run_id: The flow run that shows a Databricks run.
    """
    message = "The process of this attempt was killed. The next attempt of the flow run shows the task anew."
    criteria: dict[str, Any] = {
        "flow_run_filter": FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id])),
        "task_run_filter": TaskRunFilter(
            tags=TaskRunFilterTags(all_=[MIRROR_TAG]),
            state=TaskRunFilterState(type=TaskRunFilterStateType(any_=GOING_ON)),
        ),
    }
    try:
        async with get_client() as client:
            ended: set[UUID] = set()
            while found := [run for run in await client.read_task_runs(**criteria) if run.id not in ended]:
                for task_run in found:
                    await client.set_task_run_state(task_run.id, Crashed(message=message), force=True)
                    ended.add(task_run.id)
    except NOT_TOLD as error:
        get_run_logger().warning("Tasks of a killed attempt may still look as if they ran: %s", error)


async def _is_silent(key: str, run_id: int) -> bool:
    """No task tells its output while it runs."""
    return False


class TaskAttemptFailed(Exception):
    """Raised in a mirrored task when an attempt failed.

    Attributes:
        another: Whether another attempt follows.
        is_told: The log of the task run has it already, and what follows.
    """

    is_told = True

    def __init__(self, message: str, another: bool) -> None:
        super().__init__(message)
        self.another = another


def _another_follows(_: Task[..., Any], __: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.data, TaskAttemptFailed) and state.data.another


class Mirror(Observer):
    """Shows the tasks of a run.

    A task run starts when Databricks starts the task. Each further attempt, by Databricks itself or by a
    repair, is a retry of the task run. It gets its final state when no further attempt can follow.
    """

    def __init__(
        self,
        outputs: TaskOutputs,
        retries: int,
        is_output_told: Callable[[str, int], Awaitable[bool]] = _is_silent,
    ) -> None:
        """Set up.

        Args:
            outputs: Reads the output of attempts.
            retries: How many attempts may follow the first one at a task.
            is_output_told: Whether the output of a task was told while it ran; asked when it has ended.
        """
        self._is_output_told = is_output_told
        self._outputs = outputs
        self._retries = retries
        self._attempts: dict[str, list[TaskAttempt]] = {}
        self._upstream: dict[str, tuple[str, ...]] = {}
        self._awaited: dict[str, int] = {}
        self._next: dict[str, str] = {}
        self._shown: dict[str, int] = {}
        self._mirrors: dict[str, asyncio.Task[State[Any]]] = {}
        self._task_run_ids: dict[str, asyncio.Future[UUID | None]] = {}
        self._loggers: dict[str, AnyLogger] = {}
        self._over = False
        self._changed: dict[str, asyncio.Event] = {}

    async def changed(self, run: RunSnapshot) -> None:
        """Start task runs for the tasks that Databricks has started, and update those that are there."""
        self._take(run, attempts_to_show(run, over=False))

    async def failed(self, run: RunSnapshot, errors: Mapping[str, str], decision: Repair | GiveUp) -> None:
        """If the run is repaired, let the task runs of its failed tasks be retried at once."""
        if isinstance(decision, Repair):
            for task in run.failed:
                self._next[task.task_key] = f"The next attempt comes with {decision}"
                self._awaited[task.task_key] = len(self._attempts[task.task_key])
                self._wake(task.task_key)

    async def finish(self, run: RunSnapshot | None, seconds: float | None = None) -> None:
        """End all task runs, each in a final state; tasks that were left out get a task run of their own.

        Args:
            run: The run as it was last seen.
            seconds: How long this may take. Task runs that have not ended by then end as crashed.
        """
        self._over = True
        if run is not None:
            self._take(run, attempts_to_show(run, over=run.state.is_terminal))
        for key in self._mirrors:
            self._wake(key)
        if not self._mirrors:
            return
        _, late = await asyncio.wait(self._mirrors.values(), timeout=seconds)
        for mirror in late:
            mirror.cancel()
        await asyncio.gather(*self._mirrors.values(), return_exceptions=True)

    async def logger_of(self, key: str) -> AnyLogger | None:
        """Find the logger of the task run of a task, once it is there; `None`: there is none."""
        if (task_run_id := self._task_run_ids.get(key)) is not None:
            await asyncio.shield(task_run_id)
        return self._loggers.get(key)

    def _take(self, run: RunSnapshot, shown: Mapping[str, list[TaskAttempt]]) -> None:
        self._upstream.update({attempt.task_key: attempt.upstream for attempt in run.attempts})
        for key, of_task in shown.items():
            if of_task != self._attempts.get(key):
                self._attempts[key] = of_task
                self._wake(key)
        for key, of_task in shown.items():
            mirror = self._mirrors.get(key)
            if (mirror is None or mirror.done()) and len(of_task) > self._shown.get(key, 0):
                self._begin(key)

    def _begin(self, key: str) -> None:
        task_run_id = asyncio.get_running_loop().create_future()
        self._task_run_ids[key] = task_run_id
        self._mirrors[key] = asyncio.create_task(self._mirror(key, self._shown.get(key, 0)))
        # Whoever waits for the id, to draw the edge, must not wait for ever.
        self._mirrors[key].add_done_callback(lambda _: _announce(task_run_id, None))

    async def _mirror(self, key: str, first: int) -> State[Any]:
        async def follow() -> Any:
            context = TaskRunContext.get()
            if context is None:
                raise RuntimeError("A mirrored task runs as a Prefect task.")
            self._loggers[key] = get_run_logger()
            _announce(self._task_run_ids[key], context.task_run.id)
            return await self._follow(key, first + context.task_run.run_count - 1, context.task_run)

        upstream: list[State[Any]] = [
            # Not the state of the task before: a failed one would leave this one NotReady for ever.
            Completed(data=True, state_details=StateDetails(task_run_id=task_run_id))
            for name in self._upstream[key]
            if name in self._task_run_ids and (task_run_id := await self._task_run_ids[name])
        ]
        task = _task(follow, key, retries=self._retries, retry_condition_fn=_another_follows)
        return await _state_of(task, upstream)

    async def _follow(self, key: str, index: int, task_run: TaskRun) -> Any:
        """Follow one attempt to its end, and end as a Prefect task does: by a value, a state or an error."""
        attempt = await self._last_seen_attempt(key, index, task_run)
        if not attempt.state.is_terminal:
            return Crashed(message=f"Last seen {attempt.state}, its end is not known: {attempt.run_page_url}")
        if attempt.state.is_left_out:
            kind = Completed if attempt.state.is_fine else Cancelled
            return kind(name=name_of_left_out(attempt.state), message=attempt.state.state_message)
        output = await self._outputs.of(attempt)
        is_told = await self._is_output_told(key, attempt.run_id)
        log_output(attempt, output, index + 1, is_output_told=is_told)
        if attempt.state.is_success:
            return task_result(attempt, output, index + 1)
        another = await self._another_attempt(key, index)
        line = task_line(attempt, output)
        if attempt.state.result_state == "CANCELED" and not another:
            return Cancelled(message=line)
        if another:
            get_run_logger().warning("%s", self._next.pop(key, "Databricks makes another attempt by itself"))
        raise TaskAttemptFailed(line, another)

    async def _last_seen_attempt(self, key: str, index: int, task_run: TaskRun) -> TaskAttempt:
        """Wait for the end of an attempt, and give it as it was last seen."""
        shown = ""
        self._shown[key] = max(self._shown.get(key, 0), index + 1)
        while True:
            attempts = self._attempts[key]
            if index < len(attempts):
                attempt = attempts[index]
                if attempt.state.is_terminal or self._over:
                    return attempt
                shown = show_attempt(attempt, shown, task_run)
            elif self._over:
                return attempts[-1]
            await self._change(key)

    async def _another_attempt(self, key: str, index: int) -> bool:
        """Whether another attempt follows. This waits until it is known."""
        while True:
            if len(self._attempts[key]) > index + 1 or self._awaited.get(key) == index + 1:
                return not self._over or len(self._attempts[key]) > index + 1
            if self._over:
                return False
            await self._change(key)

    async def _change(self, key: str) -> None:
        await self._changed.setdefault(key, asyncio.Event()).wait()

    def _wake(self, key: str) -> None:
        self._changed.pop(key, asyncio.Event()).set()


def _announce(task_run_id: asyncio.Future[UUID | None], found: UUID | None) -> None:
    if not task_run_id.done():
        task_run_id.set_result(found)


def _task(work: Callable[[], Awaitable[Any]], key: str, **options: Any) -> Task[[], Any]:
    return Task(
        work,
        name=key,
        task_run_name=key,
        tags=[MIRROR_TAG],
        cache_policy=NO_CACHE,
        persist_result=False,
        **options,
    )


async def _state_of(task: Task[[], Any], upstream: list[State[Any]]) -> State[Any]:
    running: Any = task(wait_for=upstream, return_state=True)
    return cast(State[Any], await running)
