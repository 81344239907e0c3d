"""Does what was decided, each thing by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.run.watching import watch_run
from databricks_blocks.workspace.block import named_client
from databricks_blocks.workspace.runs_api import get_run
from httpx import HTTPError
from prefect import Task
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus
from prefect.exceptions import PrefectException
from prefect.states import Cancelled, Crashed

from databricks_flows.job.cancelling import cancel_databricks_runs
from databricks_flows.sweep.attempts import attempt, first_line
from databricks_flows.sweep.decide import Action, Verb
from databricks_flows.sweep.facts import What
from databricks_flows.sweep.flow_runs import FlowRuns
from databricks_flows.sweep.gather import Places, Survey
from databricks_flows.sweep.places import (
    end_run,
    remove_files,
    remove_folder,
    remove_messages,
    remove_tables,
    restore_job,
)

SECONDS_TO_END = 120.0
"""How long the sweep waits for the Databricks runs that it cancelled; what they wrote is removed after it."""

_DONE: dict[Verb, str] = {
    "cancel": "cancelled",
    "end as cancelled": "set to Cancelled",
    "end as crashed": "set to Crashed",
    "remove": "removed",
    "restore": "restored",
}


@dataclass(frozen=True)
class Swept:
    """What became of one thing.

    Attributes:
        what: Its kind: tables, staged files, output folder, messages, Databricks run, flow run, task run, job
            settings.
        name: Its name.
        flow_run: Id of the flow run that it belongs to.
        why: Why this was decided, or what went wrong.
        done: `removed`, `cancelled`, `set to Cancelled`, `set to Crashed`, `restored`, each also with `would
            be` before it; `left`, `failed`, or `not configured`.
    """

    what: str
    name: str
    flow_run: str
    why: str
    done: str


def planned(action: Action) -> Swept:
    """Say what would be done."""
    done = "left" if action.verb == "leave" else f"would be {_DONE[action.verb]}"
    return _swept(action, done)


class Doing:
    """Does the actions of one sweep, in their order."""

    def __init__(self, places: Places, survey: Survey, client: PrefectClient) -> None:
        self._places = places
        self._survey = survey
        self._client = client
        self._ended: set[int] = set()
        self._removals: dict[What, tuple[str, Task[[str, str], None]]] = {
            "tables": (places.database, remove_tables),
            "staged files": (places.bucket, remove_files),
            "messages": (places.workspace, remove_messages),
        }

    async def do_all(self, actions: list[Action]) -> list[Swept]:
        """Do the actions; an error of one of them is its row, and the others go on."""
        cancels = [action for action in actions if action.verb == "cancel"]
        rows = [await self._do(action) for action in cancels]
        cancelled = [int(row.name) for row in rows if row.done == _DONE["cancel"]]
        self._ended = await runs_that_end(self._places.workspace, cancelled)
        return rows + [await self._do(action) for action in actions if action.verb != "cancel"]

    async def _do(self, action: Action) -> Swept:
        if action.verb == "leave":
            return _swept(action, "left")
        if action.verb in ("remove", "restore"):
            if going_on := action.after - self._ended:
                runs = ", ".join(map(str, sorted(going_on)))
                return _swept(action, "left", f"Databricks run {runs} has not ended yet")
            if await self._is_used_again(action.found.owners[0]):
                return _swept(action, "left", "its flow run was started again meanwhile")
        error = await self._call(action)
        if isinstance(error, Exception):
            return _swept(action, "failed", first_line(error))
        return _swept(action, _DONE[action.verb])

    async def _call(self, action: Action) -> Exception | None:
        places, found = self._places, action.found
        match found.what:
            case "Databricks run":
                return await attempt(end_run, places.workspace, int(found.name))
            case "output folder":
                return await attempt(remove_folder, found.name)
            case "job settings":
                job, settings = self._survey.jobs[found.name]
                return await attempt(restore_job, places.workspace, job, dict(settings))
            case "tables" | "staged files" | "messages":
                block, remove = self._removals[found.what]
                return await attempt(remove, block, found.name)
            case _:
                return await self._end(action)

    async def _end(self, action: Action) -> Exception | None:
        """Set a flow run or task run to its final state."""
        kind = Cancelled if action.verb == "end as cancelled" else Crashed
        state: State[Any] = kind(message=f"Set by the sweep: {action.why}")
        answer: OrchestrationResult[Any]
        try:
            if action.found.what == "task run":
                answer = await self._client.set_task_run_state(UUID(action.found.name), state)
            else:
                flow_run_id = action.found.owners[0]
                await self._cancel_what_has_no_link(flow_run_id)
                answer = await self._client.set_flow_run_state(flow_run_id, state)
        except (PrefectException, HTTPError, OSError) as error:
            return error
        return _refusal(answer)

    async def _cancel_what_has_no_link(self, flow_run_id: UUID) -> None:
        """Do what the hook of the flow would have done: a run may have been launched just before the end."""
        [first, *callers] = self._survey.owners[flow_run_id].chain
        if callers or first.state != "CANCELLING":
            return  # the hook of the caller looks below it, too
        flow_run = await self._client.read_flow_run(flow_run_id)
        if flow_run.state is not None:
            await cancel_databricks_runs(None, flow_run, flow_run.state)

    async def _is_used_again(self, flow_run_id: UUID) -> bool:
        """Whether a flow run has left the final state that was seen: somebody pressed Retry."""
        before = self._survey.owners[flow_run_id].chain
        now = await FlowRuns(self._client).chain(flow_run_id)
        return not now or any(not stage.is_final and stage not in before for stage in now)


async def runs_that_end(workspace: str, run_ids: Collection[int]) -> set[int]:
    """Wait for runs that were cancelled.

    Args:
        workspace: Name of the workspace block.
        run_ids: The runs.

    Returns:
        Those that have ended in time.
    """
    if not run_ids:
        return set()
    client = await asyncio.to_thread(named_client, workspace)

    async def ends(run_id: int) -> bool:
        try:
            async with asyncio.timeout(SECONDS_TO_END):
                await watch_run(partial(get_run, client, run_id))
        except (TimeoutError, DatabricksJobError):
            return False
        return True

    ended = await asyncio.gather(*(ends(run_id) for run_id in run_ids))
    return {run_id for run_id, has_ended in zip(run_ids, ended, strict=True) if has_ended}


def _refusal(answer: OrchestrationResult[Any]) -> Exception | None:
    if answer.status is SetStateStatus.ACCEPT:
        return None
    reason = getattr(answer.details, "reason", "") or answer.status.value
    return PrefectException(f"Prefect does not change the state: {reason}")


def _swept(action: Action, done: str, why: str = "") -> Swept:
    found = action.found
    owners = ", ".join(map(str, found.owners))
    return Swept(found.what, found.name, owners, why or action.why, done)
