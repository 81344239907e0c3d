"""What tells a call apart stays the same in a retry, and how often the call was started is known."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest
from databricks_flows.job.call_identity import Step, stable_name, starts, until_recorded
from prefect import task
from prefect.client.schemas.objects import TaskRun
from prefect.exceptions import ObjectNotFound

ID = UUID(int=1)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("load-0a1b2c3d", "load"),
        ("load_all-unknown", "load_all"),
        ("load-daily-0a1b2c3d", "load-daily"),
        ("a_module.Callable", "a_module.Callable"),
        (
            "prefect.deployments.flow_runs.run_deployment.sales-0a1b2c3d",
            "prefect.deployments.flow_runs.run_deployment.sales-0a1b2c3d",
        ),
    ],
)
def test_the_name_of_a_task_does_not_depend_on_its_code(key: str, name: str) -> None:
    assert stable_name(key) == name


def test_prefect_makes_keys_of_that_form() -> None:
    @task
    def load() -> None:
        """Load."""

    assert load.task_key != stable_name(load.task_key) == "load"


@pytest.mark.parametrize(
    ("steps", "count"),
    [
        ([Step(ID, 1)], 1),
        ([Step(ID, 3), Step(ID, 1)], 3),
        ([Step(ID, 2), Step(ID, 2)], 2),
        ([Step(ID, 1), Step(ID, 2, retries=1), Step(ID, 1)], 2),
        ([Step(ID, 2), Step(ID, 1, retries=1), Step(ID, 1)], 3),
        ([Step(ID, 2), Step(ID, 1, retries=0), Step(ID, 1)], 2),
        ([Step(ID, 1), Step(ID, 2, retries=1), Step(ID, 1), Step(ID, 3, retries=2)], 6),
    ],
    ids=[
        "once",
        "the flow is retried",
        "subflow and flow are started again together",
        "the task is retried",
        "the flow is retried after the task",
        "the flow is retried, the task has no retries",
        "a task in a task",
    ],
)
def test_starts_of_a_call(steps: list[Step], count: int) -> None:
    assert starts(steps) == count


def test_a_task_run_that_is_recorded_late_is_waited_for() -> None:
    seconds = 10_000.0
    recorded = TaskRun(id=uuid4(), task_key="load", dynamic_key="0", flow_run_id=None)

    async def read() -> TaskRun:
        if seconds < 10_013:
            raise ObjectNotFound(Exception("not yet"))
        return recorded

    async def sleep(pause: float) -> None:
        nonlocal seconds
        seconds += pause

    async def never() -> TaskRun:
        raise ObjectNotFound(Exception("gone"))

    assert asyncio.run(until_recorded(read, clock=lambda: seconds, sleep=sleep)) is recorded
    with pytest.raises(ObjectNotFound):
        asyncio.run(until_recorded(never, clock=lambda: seconds, sleep=sleep))
