"""Which iterations of a for-each task are kept."""

from itertools import count

import pytest
from databricks_local.jobs.specs import ConditionSpec, ForEachSpec, RunSpec, TaskSpec
from databricks_local.runs import states
from databricks_local.runs.models import Round, Run, TaskRun
from databricks_local.runs.store import RunStore
from databricks_local.tasks.iterations import iterations_before, kept_iterations

NESTED = TaskSpec("each", ConditionSpec("EQUAL_TO", "1", "1"))
BEFORE = TaskSpec("before", ConditionSpec("EQUAL_TO", "1", "1"))
LOOP = TaskSpec("loop", ForEachSpec("[1, 2, 3]", NESTED), depends_on=("before",))


def failed_loop() -> tuple[RunStore, Run, TaskRun]:
    """A run whose loop succeeded at its first input, and at its second at the second attempt."""
    ids = count(1)
    store = RunStore(lambda: 5_000, lambda: next(ids))
    run, _ = store.create(RunSpec("name", (BEFORE, LOOP)), "me")
    loop = run.tasks[1]
    loop.resolved = {"for_each_task": {"inputs": "[1, 2, 3]"}}
    loop.state = states.WORKLOAD_FAILURE
    previous = None
    for index, state in ((0, states.SUCCESS), (1, states.WORKLOAD_FAILURE), (1, states.SUCCESS)):
        repeated = previous if previous is not None and previous.input_index == index else None
        previous = store.add_task(run, NESTED, before=repeated, parent=loop, input_index=index)
        previous.state = state
    return store, run, loop


def next_attempt(store: RunStore, run: Run, loop: TaskRun, inputs: str = "[1, 2, 3]") -> TaskRun:
    run.rounds.append(Round(7, 6_000))
    task = store.add_task(run, LOOP, before=loop)
    task.resolved = {"for_each_task": {"inputs": inputs}}
    return task


def kept_indexes(run: Run, task: TaskRun) -> list[int]:
    kept = kept_iterations(run, task)
    return sorted(each.input_index for each in run.tasks[1].iterations if each.run_id in kept)


def test_the_first_attempt_keeps_nothing() -> None:
    _, run, loop = failed_loop()
    assert (iterations_before(run, loop), kept_iterations(run, loop)) == ({}, [])


def test_what_succeeded_at_last_is_kept() -> None:
    store, run, loop = failed_loop()
    task = next_attempt(store, run, loop)
    assert kept_indexes(run, task) == [0, 1]
    task.kept = kept_iterations(run, task)
    assert [each.attempt_number for each in run.iterations_of(task)] == [0, 1]
    # A third attempt keeps what the second one kept.
    task.state = states.WORKLOAD_FAILURE
    assert kept_indexes(run, next_attempt(store, run, task)) == [0, 1]


@pytest.mark.parametrize("state", [states.SUCCESS, states.EXCLUDED])
def test_after_a_success_everything_runs_again(state: states.State) -> None:
    store, run, loop = failed_loop()
    loop.state = state
    task = next_attempt(store, run, loop)
    assert kept_iterations(run, task) == []
    assert sorted(iterations_before(run, task)) == [0, 1]


def test_other_inputs_have_no_attempts_before() -> None:
    store, run, loop = failed_loop()
    task = next_attempt(store, run, loop, "[1, 2]")
    assert (iterations_before(run, task), kept_iterations(run, task)) == ({}, [])


def test_a_task_before_it_that_ran_anew_makes_everything_run_again() -> None:
    store, run, loop = failed_loop()
    task = next_attempt(store, run, loop)
    store.add_task(run, BEFORE, before=run.tasks[0])
    assert kept_iterations(run, task) == []
