"""Which runs are kept, and where their output is."""

import asyncio
from itertools import count
from pathlib import Path

import pytest
from databricks_local.jobs.specs import ClusterSpec, NotebookSpec, PythonFileSpec, RunSpec, TaskSpec
from databricks_local.runs import states
from databricks_local.runs.models import Run
from databricks_local.runs.store import KEPT_MILLIS, RunStore
from databricks_local.runtime.outputs import CellResult, Output
from databricks_local.storage.database import Database, NotWrittenError

SPEC = RunSpec("name", (TaskSpec("a", NotebookSpec("/x"), ClusterSpec()),))


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1_000

    def __call__(self) -> int:
        return self.now


def ended(store: RunStore, at: int) -> Run:
    run, _ = store.create(SPEC, "me")
    run.state = run.rounds[-1].state = states.SUCCESS
    run.end_time = at
    store.changed(run)
    return run


def test_runs_are_forgotten_when_they_are_too_old_not_just_at_the_start() -> None:
    clock = Clock()
    ids = count(1)
    store = RunStore(clock, lambda: next(ids))
    old, active = ended(store, 2_000), store.create(SPEC, "me")[0]
    clock.now = 2_000 + KEPT_MILLIS
    recent = ended(store, clock.now)
    store.forget_old()
    assert list(store.newest_first()) == [recent, active, old]
    clock.now += 1
    store.forget_old()
    assert list(store.newest_first()) == [recent, active]
    assert store.run(old.run_id) is store.task(old.tasks[0].run_id) is None


def test_one_unreadable_record_keeps_nothing_else_from_being_read(tmp_path: Path) -> None:
    async def play() -> None:
        database = Database(tmp_path / "db")
        store = RunStore(Clock(), journal=database)
        runs = [ended(store, 2_000) for _ in range(3)]
        await database.flush()
        broken, changed = runs[0], runs[1]
        execute = database._connection.execute
        execute("UPDATE records SET data = '{' WHERE kind = 'run' AND id = ?", (str(broken.run_id),))
        task_id = str(changed.tasks[0].run_id)
        execute(
            "UPDATE records SET data = json_remove(data, '$.state') WHERE kind = 'task' AND id = ?",
            (task_id,),
        )
        again = RunStore(Clock(), journal=database)
        again.load(database)
        found = {run.run_id: run for run in again.newest_first()}
        assert list(found) == [run.run_id for run in reversed(runs)]
        assert found[broken.run_id].state.message.startswith("Its record cannot be read")
        assert found[changed.run_id].state == states.SUCCESS
        assert found[changed.run_id].tasks[0].state.message.startswith("Its record cannot be read")
        assert found[runs[2].run_id].tasks[0].spec == SPEC.tasks[0]
        # What cannot be read stays as it is: a later version may read it.
        await database.flush()
        assert database.load("run")[0] == (str(broken.run_id), {})
        await database.close()

    asyncio.run(play())


def full(database: Database, *, is_full: bool) -> None:
    pages = database._connection.execute("PRAGMA page_count").fetchone()[0] if is_full else 1_000_000
    database._connection.execute(f"PRAGMA max_page_count={pages}")


def test_output_leaves_the_memory_once_it_is_on_disk_and_not_before(tmp_path: Path) -> None:
    async def play() -> None:
        database = Database(tmp_path / "db")
        store = RunStore(Clock(), journal=database)
        run, _ = store.create(RunSpec("name", (TaskSpec("a", PythonFileSpec("/x.py")),)), "me")
        (task,) = run.tasks
        await database.flush()
        full(database, is_full=True)
        task.cells = [CellResult(0, "python", "print()", outputs=[Output("stdout", "x" * 100_000)])]
        task.exit_value, task.error_trace, task.logs = "exit", "trace", "y" * 100_000
        store.put_out(task)
        with pytest.raises(NotWrittenError):
            await database.flush()
        assert (await store.with_output(task)).logs == "y" * 100_000
        full(database, is_full=False)
        await database.flush()
        assert (task.cells, task.exit_value, task.error_trace, task.logs) == ([], None, "", "")
        shown = await store.with_output(task)
        assert (shown.exit_value, shown.error_trace, shown.logs) == ("exit", "trace", "y" * 100_000)
        assert shown.cells[0].outputs[0].text == "x" * 100_000
        await database.close()

    asyncio.run(play())
