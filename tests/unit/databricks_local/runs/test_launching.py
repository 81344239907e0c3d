"""Runs and repairs with tasks whose work is made up."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any
from unittest.mock import MagicMock

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.api.links import Links
from databricks_local.jobs.specs import ForEachSpec
from databricks_local.jobs.store import JobStore
from databricks_local.runs import states
from databricks_local.runs.drive import Drive
from databricks_local.runs.launcher import Launcher, Options
from databricks_local.runs.models import Run, TaskRun
from databricks_local.runs.notifications import notifications_of
from databricks_local.runs.runner import Runner
from databricks_local.runs.states import State
from databricks_local.runs.store import Clock, RunStore
from databricks_local.storage.database import NoJournal

Work = Callable[[Drive, TaskRun, tuple[Any, ...]], Awaitable[State]]
CLUSTER = {"spark_version": "15.4.x-scala2.12"}


class Lab:
    """A launcher whose tasks do made-up work."""

    def __init__(
        self,
        work: Work,
        options: Options = Options(),  # noqa: B008 - frozen
        clock: Clock = lambda: 5_000,
    ) -> None:
        ids = count(1)
        self.store = RunStore(clock, lambda: next(ids))
        self.jobs = JobStore(clock, self.store.unused_id, NoJournal(), lambda _: None)
        self.runner = Runner(
            MagicMock(),
            str,
            str,
            MagicMock(),
            MagicMock(),
            self.store,
            clock,
            Links("http://x", 7),
            work,
        )
        self.launcher = Launcher(self.store, self.jobs, self.runner, "me", options)

    def run_job(self, job_id: int) -> Run:
        return self.launcher.run_now({"job_id": job_id})


def task(key: str, **fields: Any) -> dict[str, Any]:
    return {"task_key": key, "notebook_task": {"notebook_path": "/x"}, **fields}


def job(*clusters: str, git: str = "main") -> dict[str, Any]:
    return {
        "name": "a job",
        "job_clusters": [{"job_cluster_key": key, "new_cluster": CLUSTER} for key in clusters],
        "git_source": {"git_url": "file:///repo", "git_provider": "gitHub", "git_branch": git},
        "tasks": [
            task(key, job_cluster_key=key) | {"notebook_task": {"notebook_path": "x"}} for key in clusters
        ],
    }


def play(scenario: Awaitable[None]) -> None:
    async def within_time() -> None:
        await asyncio.wait_for(scenario, 10)

    asyncio.run(within_time())


async def until(condition: Callable[[], bool]) -> None:
    """Wait in steps of the event loop: each tick is looked at."""
    while not condition():  # noqa: ASYNC110 - an event would come a tick later
        await asyncio.sleep(0)


async def end_of(run: Run) -> None:
    await until(lambda: not run.active)


async def failing(*_: Any) -> State:
    return states.WORKLOAD_FAILURE


@pytest.mark.parametrize(
    "refused",
    [
        {"rerun_tasks": ["b"]},
        {"rerun_tasks": ["a"], "job_parameters": {"p": "q"}, "notebook_params": {"x": "y"}},
        {"rerun_tasks": ["a"], "python_params": "x"},
        {"rerun_tasks": ["a"], "latest_repair_id": 7},
    ],
)
def test_a_refused_repair_changes_nothing(refused: dict[str, Any]) -> None:
    async def scenario() -> None:
        lab = Lab(failing)
        saved = lab.jobs.create(job("a"), "me")
        run = lab.run_job(saved.job_id)
        await end_of(run)
        run.used_commit = "abc"
        lab.jobs.change(saved, job("a", "b", git="other"))
        before = run.spec, run.used_commit, run.parameters, len(run.rounds), list(run.tasks)
        with pytest.raises(ApiError):
            lab.launcher.repair({"run_id": run.run_id, **refused})
        assert (run.spec, run.used_commit, run.parameters, len(run.rounds), run.tasks) == before
        lab.launcher.repair({"run_id": run.run_id, "rerun_tasks": ["a"]})
        assert (len(run.spec.job_clusters), run.used_commit, len(run.rounds)) == (2, "", 2)
        await end_of(run)

    play(scenario())


def test_a_repair_in_the_tick_of_the_end_is_followed_to_its_own_end() -> None:
    async def scenario() -> None:
        lab = Lab(failing)
        ended: list[Run] = []
        lab.runner.on_end = ended.append
        run = lab.run_job(lab.jobs.create(job("a"), "me").job_id)
        await end_of(run)
        # Nobody was told of the end yet.
        assert ended == []
        lab.launcher.repair({"run_id": run.run_id, "rerun_tasks": ["a"]})
        await end_of(run)
        await until(lambda: len(ended) == 2)
        assert [len(run.rounds), run.state.result] == [2, states.Result.FAILED]
        assert not lab.runner._drives

    play(scenario())


def test_an_error_of_the_workspace_in_one_task_is_that_tasks_alone() -> None:
    async def work(_: Drive, attempt: TaskRun, __: tuple[Any, ...]) -> State:
        await asyncio.sleep(0)
        if attempt.spec.key == "broken":
            raise KeyError("what nobody thought of")
        return states.SUCCESS

    async def scenario() -> None:
        lab = Lab(work)
        after = task("after", depends_on=[{"task_key": "broken"}])
        run = lab.launcher.submit({"tasks": [task("broken"), task("fine"), after]})
        await end_of(run)
        found = {key: attempt.state for key, attempt in run.latest().items()}
        assert found["fine"] == states.SUCCESS
        assert found["broken"].message == "KeyError('what nobody thought of')"
        assert found["after"] == states.UPSTREAM_FAILED
        assert run.state.message.startswith("Task broken failed with message: KeyError")

    play(scenario())


def test_the_time_of_a_loop_holds_for_what_is_tried_again_after_its_own_time() -> None:
    attempts = 0

    async def work(drive: Drive, attempt: TaskRun, _: tuple[Any, ...]) -> State:
        nonlocal attempts
        if not isinstance(attempt.spec.body, ForEachSpec):
            attempts += 1
            await asyncio.Event().wait()
        nested = attempt.spec.body.task
        first = drive.tools.store.add_task(drive.run, nested, parent=attempt, input_index=0)
        iterating = asyncio.create_task(drive.attempts(first, (1,), attempt))
        try:
            await asyncio.shield(iterating)
        finally:
            await iterating
        return states.WORKLOAD_FAILURE

    async def scenario() -> None:
        lab = Lab(work)
        nested = task("each", max_retries=-1, retry_on_timeout=True)
        loop = {"task_key": "loop", "for_each_task": {"inputs": "[1]", "task": nested}, "timeout_seconds": 1}
        run = lab.launcher.submit({"tasks": [loop]})
        await end_of(run)
        assert run.tasks[0].state == states.TIMED_OUT
        assert [each.state for each in run.tasks[0].iterations] == [states.TIMED_OUT]
        assert attempts == 1

    play(scenario())


def test_the_wait_before_a_retry_keeps_to_the_real_time_when_the_clock_is_turned() -> None:
    now, begun = 5_000, []

    async def work(*_: Any) -> State:
        nonlocal now
        begun.append(asyncio.get_running_loop().time())
        now += 3_600_000
        return states.WORKLOAD_FAILURE

    async def scenario() -> None:
        lab = Lab(work, clock=lambda: now)
        again = task("a", max_retries=1, min_retry_interval_millis=250)
        await end_of(lab.launcher.submit({"tasks": [again]}))
        first, second = begun
        assert second - first >= 0.249

    play(scenario())


@pytest.mark.parametrize("limited", [True, False])
def test_whether_a_repair_keeps_to_the_limit_of_its_job_is_a_switch(limited: bool) -> None:
    let = asyncio.Event()

    async def work(*_: Any) -> State:
        await let.wait()
        return states.WORKLOAD_FAILURE

    async def scenario() -> None:
        lab = Lab(work, Options(limit_repairs=limited))
        saved = lab.jobs.create({**job("a"), "max_concurrent_runs": 1}, "me")
        let.set()
        first = lab.run_job(saved.job_id)
        await end_of(first)
        await asyncio.sleep(0)
        let.clear()
        second = lab.run_job(saved.job_id)
        body = {"run_id": first.run_id, "rerun_tasks": ["a"]}
        if limited:
            with pytest.raises(ApiError, match="has reached its limit of 1 maximum concurrent runs"):
                lab.launcher.repair(body)
            assert len(first.rounds) == 1
        else:
            lab.launcher.repair(body)
            assert first.active
        let.set()
        await end_of(second)
        await end_of(first)
        await asyncio.sleep(0)
        if limited:
            lab.launcher.repair(body)
            await end_of(first)
        assert len(first.rounds) == 2

    play(scenario())


def test_who_was_told_of_a_run_stays_so_when_its_job_tells_others() -> None:
    def told(address: str) -> dict[str, Any]:
        return {**job("a"), "email_notifications": {"on_failure": [address]}}

    async def scenario() -> None:
        lab = Lab(failing)
        saved = lab.jobs.create(told("old@example.org"), "me")
        run = lab.run_job(saved.job_id)
        await end_of(run)
        lab.jobs.change(saved, told("new@example.org"))
        lab.launcher.repair({"run_id": run.run_id, "rerun_tasks": ["a"]})
        await end_of(run)
        addresses = [each.destination for each in notifications_of(run, 5_000)]
        assert addresses == ["old@example.org", "new@example.org"]

    play(scenario())


def test_when_somebody_was_told_of_a_task_that_never_started_stays_so() -> None:
    now, let = 5_000, asyncio.Event()

    async def work(_: Drive, attempt: TaskRun, __: tuple[Any, ...]) -> State:
        if attempt.spec.key == "long":
            await let.wait()
        return states.WORKLOAD_FAILURE

    async def scenario() -> None:
        nonlocal now
        lab = Lab(work, clock=lambda: now)
        mails = {"email_notifications": {"on_failure": ["me@example.org"]}}
        after = task("after", depends_on=[{"task_key": "short"}], **mails)
        run = lab.launcher.submit({"tasks": [task("short"), task("long"), after]})
        await until(lambda: run.latest()["after"].state.terminal)
        for now in (6_000, 7_000):
            assert [each.time for each in notifications_of(run, now)] == [5_000]
        let.set()
        await end_of(run)
        assert [each.time for each in notifications_of(run, now)] == [5_000]

    play(scenario())


def test_a_job_that_cannot_be_read_is_shown_and_can_be_reset() -> None:
    async def scenario() -> None:
        lab = Lab(failing)
        database = MagicMock()
        damaged = {"creator": "me", "created_time": 3, "settings": {"name": "old", "tasks": [{"x": 1}]}}
        database.load.return_value = [
            ("7", damaged),
            ("8", {}),
            ("9", {"settings": job("a"), "creator": "me"}),
        ]
        lab.jobs.load(database)
        assert [found.spec.name for found in lab.jobs.newest_first()] == ["a job", "(unreadable)", "old"]
        assert lab.jobs.get(7).settings == damaged["settings"]
        for job_id in (7, 8):
            with pytest.raises(
                ApiError, match=f"The settings of job {job_id} cannot be read: its record is damaged"
            ):
                lab.run_job(job_id)
        lab.jobs.change(lab.jobs.get(7), job("a"))
        await end_of(lab.run_job(7))
        await end_of(lab.run_job(9))

    play(scenario())
