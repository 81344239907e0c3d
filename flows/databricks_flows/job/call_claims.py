"""Counts calls that are equal in all they ask for, so that each gets a number, and a retry the same one."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import TaskRunCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    TaskRunFilter,
    TaskRunFilterTags,
)
from prefect.client.schemas.objects import TaskRun
from prefect.states import Completed, to_state_create

from databricks_flows.job.call_identity import CallIdentity

CALL_TAG = "databricks-call"
"""Tag of the task runs that number calls in several processes."""
_ATTEMPT_LABEL = "databricks.attempt."
_PAGE = 200


@dataclass(frozen=True)
class Claim:
    """A number that a call holds.

    Attributes:
        number: Which of the equal calls this is, from 0.
        turn: How often the number was taken over from a call whose attempt was over.
        attempts: Attempt of each flow run and task run around the call that holds it, by id.
    """

    number: int
    turn: int
    attempts: Mapping[UUID, int]

    def is_free_for(self, attempts: Mapping[UUID, int]) -> bool:
        """Whether the call that holds it belongs to another attempt of something that is around both."""
        return any(attempts.get(run_id, attempt) != attempt for run_id, attempt in self.attempts.items())


def next_claim(held: Iterable[Claim], attempts: Mapping[UUID, int]) -> Claim:
    """Choose the lowest number that is free for a call.

    In one attempt, each of several equal calls gets a number of its own. The next attempt of the flow, or of
    the task around a call, takes over the numbers of the one before, and so its Databricks runs.

    Args:
        held: The claims of equal calls.
        attempts: Attempt of each flow run and task run around the call, by id.
    """
    latest: dict[int, Claim] = {}
    for claim in sorted(held, key=lambda claim: claim.turn):
        latest[claim.number] = claim
    for number in itertools.count():
        holder = latest.get(number)
        if holder is None:
            return Claim(number, 0, attempts)
        if holder.is_free_for(attempts):
            return Claim(number, holder.turn + 1, attempts)
    raise AssertionError("numbers do not end")


class CallCounter:
    """Counts equal calls of one process, in whatever threads they are made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[tuple[UUID, str], dict[int, Claim]] = {}

    def claim(self, root_id: UUID, call: str, attempts: Mapping[UUID, int]) -> int:
        """Number a call.

        Args:
            root_id: Id of the outermost flow run.
            call: Fingerprint of the call; equal calls have equal ones.
            attempts: Attempt of each flow run and task run around the call, by id.
        """
        with self._lock:
            held = self._held.setdefault((root_id, call), {})
            claim = next_claim(held.values(), attempts)
            held[claim.number] = claim
            return claim.number


_COUNTER = CallCounter()


async def claim_occurrence(call: CallIdentity, fingerprint: str, title: str) -> int:
    """Number a call among those that are equal.

    Args:
        call: Where the call is made.
        fingerprint: Of what it asks for, and where; equal calls have equal ones.
        title: Name of the job, for people.
    """
    if call.in_one_process:
        return _COUNTER.claim(call.root_id, fingerprint, call.attempts)
    async with get_client() as client:
        return await _claim_on_server(client, call, fingerprint, title)


async def _claim_on_server(client: PrefectClient, call: CallIdentity, fingerprint: str, title: str) -> int:
    """Number a call among those of several processes.

    Each claim is a task run of the outermost flow run. Creating it is atomic: the server returns the one that
    is there if somebody else was first.
    """
    held: dict[tuple[int, int], Claim] = {}
    while True:
        claim = next_claim(held.values(), call.attempts)
        created = TaskRunCreate(
            id=uuid4(),
            name=f"{CALL_TAG} {title} #{claim.number + 1}",
            flow_run_id=_root_flow_run_id(call),
            task_key=_task_key(call, fingerprint),
            dynamic_key=f"{claim.number}-{claim.turn}",
            tags=[CALL_TAG],
            labels={f"{_ATTEMPT_LABEL}{run_id}": attempt for run_id, attempt in call.attempts.items()},
            state=to_state_create(Completed(message="Counts equal calls of jobs and SQL.")),
        )
        answer = await client.request("POST", "/task_runs/", json=created.model_dump(mode="json"))
        answer.raise_for_status()
        found = TaskRun.model_validate(answer.json())
        if found.id == created.id:
            return claim.number
        if not held:
            # Most calls have no equal one, so the others are read only now.
            held = await _claims_on_server(client, call, fingerprint)
        held[claim.number, claim.turn] = _claim_of(found)


async def _claims_on_server(
    client: PrefectClient, call: CallIdentity, fingerprint: str
) -> dict[tuple[int, int], Claim]:
    claims: dict[tuple[int, int], Claim] = {}
    root_id = _root_flow_run_id(call)
    of_the_root = FlowRunFilter(id=FlowRunFilterId(any_=[root_id])) if root_id else None
    for offset in itertools.count(step=_PAGE):
        page = await client.read_task_runs(
            flow_run_filter=of_the_root,
            task_run_filter=TaskRunFilter(tags=TaskRunFilterTags(all_=[CALL_TAG])),
            limit=_PAGE,
            offset=offset,
        )
        for task_run in page:
            if task_run.task_key == _task_key(call, fingerprint):
                claim = _claim_of(task_run)
                claims[claim.number, claim.turn] = claim
        if len(page) < _PAGE:
            break
    return claims


def _root_flow_run_id(call: CallIdentity) -> UUID | None:
    """Id of the outermost flow run; `None` where a task is outermost, whose claims belong to no flow run."""
    return call.root_id if call.root_id == call.flow_run_ids[-1] else None


def _task_key(call: CallIdentity, fingerprint: str) -> str:
    return f"{CALL_TAG}-{call.root_id.hex}-{fingerprint[:32]}"


def _claim_of(task_run: TaskRun) -> Claim:
    number, _, turn = task_run.dynamic_key.partition("-")
    attempts = {
        UUID(label.removeprefix(_ATTEMPT_LABEL)): int(attempt)
        for label, attempt in task_run.labels.items()
        if label.startswith(_ATTEMPT_LABEL)
    }
    return Claim(int(number), int(turn), attempts)
