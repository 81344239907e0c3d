"""Any sequence of what users do to jobs and runs: after a restart, the history is the same."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import MagicMock

from databricks_local.api.errors import ApiError
from databricks_local.api.links import Links
from databricks_local.api.paging import Page
from databricks_local.jobs.store import JobStore
from databricks_local.routes.jobs.job_json import job_json
from databricks_local.routes.jobs.run_json import run_json
from databricks_local.runs import states
from databricks_local.runs.drive import Drive
from databricks_local.runs.launcher import Launcher, Options
from databricks_local.runs.models import TaskRun
from databricks_local.runs.runner import Runner
from databricks_local.runs.states import State
from databricks_local.runs.store import RunStore
from databricks_local.storage.database import Database
from hypothesis import given, settings
from hypothesis import strategies as st

LINKS = Links("http://x", 7)
KEYS = ("a", "b", "c")
CLUSTER = {"spark_version": "15.4.x-scala2.12"}


async def work(_: Drive, attempt: TaskRun, __: tuple[Any, ...]) -> State:
    """Every second attempt fails."""
    await asyncio.sleep(0)
    return states.SUCCESS if attempt.attempt_number % 2 else states.WORKLOAD_FAILURE


class Workspace:
    """A workspace without a server: its jobs and runs, with made-up work, in a database."""

    def __init__(self, path: Path) -> None:
        ids = count(1)
        self.database = Database(path)
        self.runs = RunStore(lambda: 5_000, lambda: next(ids), self.database)
        self.jobs = JobStore(lambda: 5_000, self.runs.unused_id, self.database, lambda _: None)
        self.jobs.load(self.database)
        self.runs.load(self.database)
        runner = Runner(
            MagicMock(), str, str, MagicMock(), MagicMock(), self.runs, lambda: 5_000, LINKS, work
        )
        options = Options(repair_one_time_runs=True)
        self.launcher = Launcher(self.runs, self.jobs, runner, "me", options)

    async def ended(self) -> None:
        while any(run.active for run in self.runs.newest_first()):  # noqa: ASYNC110 - the work takes ticks
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    def history(self) -> list[Any]:
        runs = [run_json(run, LINKS, Page(), history=True, resolved=True) for run in self.runs.newest_first()]
        iterations = [
            [each.state for task in run.tasks for each in task.iterations] for run in self.runs.newest_first()
        ]
        return [runs, iterations, [job_json(job, Page()) for job in self.jobs.newest_first()]]


def job(keys: tuple[str, ...], shared: bool, wide: bool) -> dict[str, Any]:
    """A job with a task for each key, on clusters of these keys or on serverless compute."""
    tasks = [
        {
            "task_key": key if wide else "a",
            "notebook_task": {"notebook_path": f"/{key}"},
            **({"job_cluster_key": key} if shared else {}),
        }
        for key in (keys if wide else keys[:1])
    ]
    clusters = [{"job_cluster_key": key, "new_cluster": CLUSTER} for key in keys]
    return {"name": "-".join(keys), "tasks": tasks, "job_clusters": clusters if shared else []}


keys = st.lists(st.sampled_from(KEYS), min_size=1, unique=True).map(tuple)
settings_of_jobs = st.builds(job, keys, st.booleans(), st.booleans())
steps = st.one_of(
    st.tuples(st.just("create"), settings_of_jobs),
    st.tuples(st.just("reset"), settings_of_jobs),
    st.tuples(st.just("run"), st.just({})),
    st.tuples(st.just("repair"), st.sampled_from([{"rerun_all_failed_tasks": True}, {"rerun_tasks": ["a"]}])),
    st.tuples(st.just("delete job"), st.just({})),
    st.tuples(st.just("delete run"), st.just({})),
)


def act(workspace: Workspace, step: str, given_: dict[str, Any]) -> None:
    """Do one step with the newest job or run, where there is one; a refusal is fine."""
    newest_job = next(workspace.jobs.newest_first(), None)
    newest_run = next(workspace.runs.newest_first(), None)
    actions: dict[str, Callable[[], object]] = {"create": lambda: workspace.jobs.create(given_, "me")}
    if newest_job is not None:
        actions |= {
            "reset": lambda: workspace.jobs.change(newest_job, given_),
            "run": lambda: workspace.launcher.run_now({"job_id": newest_job.job_id}),
            "delete job": lambda: workspace.launcher.delete_job(newest_job.job_id),
        }
    if newest_run is not None:
        repair = {"run_id": newest_run.run_id, "latest_repair_id": newest_run.latest_repair_id, **given_}
        actions |= {
            "repair": lambda: workspace.launcher.repair(repair),
            "delete run": lambda: workspace.runs.delete(newest_run),
        }
    if step in actions:
        actions[step]()


async def play(path: Path, script: list[tuple[str, dict[str, Any]]]) -> None:
    workspace = Workspace(path)
    for step, given_ in script:
        with suppress(ApiError):
            act(workspace, step, given_)
        await workspace.ended()
    before = workspace.history()
    await workspace.database.close()
    again = Workspace(path)
    assert again.history() == before
    await again.database.close()


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(st.lists(steps, max_size=12))
def test_history_is_the_same_after_a_restart(script: list[tuple[str, dict[str, Any]]]) -> None:
    with TemporaryDirectory() as directory:
        asyncio.run(play(Path(directory) / "db", [("create", job(("a", "b"), True, True)), *script]))
