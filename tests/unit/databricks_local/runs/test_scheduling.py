import time
from dataclasses import replace

import pytest
from databricks_local.jobs.graph import topological_order
from databricks_local.jobs.specs import ClusterSpec, NotebookSpec, RunIf, TaskSpec
from databricks_local.runs import states
from databricks_local.runs.models import TaskRun
from databricks_local.runs.scheduling import Ending, Progress, gate, run_outcome
from databricks_local.runs.states import Result, State

S, F, C, E = Result.SUCCESS, Result.FAILED, Result.CANCELED, Result.EXCLUDED
UF, UC, T = Result.UPSTREAM_FAILED, Result.UPSTREAM_CANCELED, Result.TIMEDOUT
D = Result.DISABLED
STATE = {
    S: states.SUCCESS,
    F: states.WORKLOAD_FAILURE,
    C: states.USER_CANCELED,
    E: states.EXCLUDED,
    UF: states.UPSTREAM_FAILED,
    UC: states.UPSTREAM_CANCELED,
    T: states.TIMED_OUT,
    D: states.DISABLED,
}


@pytest.mark.parametrize(
    ("run_if", "upstream", "expected"),
    [
        (RunIf.ALL_SUCCESS, [], None),
        (RunIf.ALL_SUCCESS, [S, S], None),
        (RunIf.ALL_SUCCESS, [S, E], None),
        (RunIf.ALL_SUCCESS, [S, F], UF),
        (RunIf.ALL_SUCCESS, [S, T], UF),
        (RunIf.ALL_SUCCESS, [S, UF], UF),
        (RunIf.ALL_SUCCESS, [S, C], UC),
        (RunIf.ALL_SUCCESS, [F, C], UF),
        (RunIf.ALL_SUCCESS, [E, E], E),
        (RunIf.ALL_DONE, [F, C], None),
        (RunIf.ALL_DONE, [E], E),
        (RunIf.NONE_FAILED, [S, E], None),
        (RunIf.NONE_FAILED, [S, F], UF),
        (RunIf.AT_LEAST_ONE_SUCCESS, [S, F], None),
        (RunIf.AT_LEAST_ONE_SUCCESS, [F, F], UF),
        (RunIf.AT_LEAST_ONE_SUCCESS, [C], UC),
        (RunIf.AT_LEAST_ONE_FAILED, [S, F], None),
        (RunIf.AT_LEAST_ONE_FAILED, [S, C], None),
        (RunIf.AT_LEAST_ONE_FAILED, [S, S], E),
        (RunIf.ALL_FAILED, [F, T], None),
        (RunIf.ALL_FAILED, [F, S], E),
        (RunIf.ALL_FAILED, [F, E], E),
        # Docs: disabled tasks, downstream task behavior.
        (RunIf.ALL_SUCCESS, [D], D),
        (RunIf.ALL_SUCCESS, [D, S], D),
        (RunIf.ALL_SUCCESS, [D, F], UF),
        (RunIf.AT_LEAST_ONE_SUCCESS, [D, S], None),
        (RunIf.AT_LEAST_ONE_SUCCESS, [D, D], D),
        (RunIf.NONE_FAILED, [D, S], None),
        (RunIf.NONE_FAILED, [D, E], None),
        (RunIf.NONE_FAILED, [D], D),
        (RunIf.ALL_DONE, [D], None),
        (RunIf.AT_LEAST_ONE_FAILED, [D, F], None),
        (RunIf.AT_LEAST_ONE_FAILED, [D, S], D),
        (RunIf.ALL_FAILED, [D], D),
        (RunIf.ALL_FAILED, [D, F], D),
    ],
)
def test_gate(run_if: RunIf, upstream: list[Result], expected: Result | None) -> None:
    verdict = gate(run_if, upstream)
    assert (verdict and verdict.result) == expected


def task(
    key: str, after: str = "", state: State = states.BLOCKED, run_if: RunIf = RunIf.ALL_SUCCESS
) -> TaskRun:
    return TaskRun(
        1,
        TaskSpec(key, NotebookSpec("/x"), ClusterSpec(), tuple(after.split()), run_if),
        state,
        end_time=ord(key[0]),
    )


def keyed(*tasks: TaskRun) -> dict[str, TaskRun]:
    return {item.spec.key: item for item in tasks}


def progress(*tasks: TaskRun, ended: dict[str, Ending] | None = None) -> Progress:
    return Progress([item.spec for item in tasks], ended or {})


def test_steps_follow_the_dependencies() -> None:
    run = progress(task("a"), task("b", "a"), task("c", "a b"), task("d"))
    assert run.begin().start == ["a", "d"]
    assert run.ended("a", Ending(S)).start == ["b"]
    assert run.ended("d", Ending(S)).start == []
    assert run.ended("b", Ending(S)).start == ["c"]


def test_what_is_settled_settles_what_comes_after() -> None:
    run = progress(task("a"), task("b", "a"), task("c", "b"), task("d", "b", run_if=RunIf.ALL_DONE))
    run.begin()
    step = run.ended("a", Ending(F))
    assert step.start == ["d"]
    assert step.settle == {"b": states.UPSTREAM_FAILED, "c": states.UPSTREAM_FAILED}


def test_tasks_that_are_not_run_again_count_as_they_ended() -> None:
    tasks = [task("b", "a"), task("c", "a")]
    assert progress(*tasks, ended={"a": Ending(S)}).begin().start == ["b", "c"]
    assert progress(*tasks, ended={"a": Ending(F)}).begin().settle == {
        "b": states.UPSTREAM_FAILED,
        "c": states.UPSTREAM_FAILED,
    }
    # What the run does not hold at all, as with `only`, nothing waits for.
    assert progress(*tasks).begin().start == ["b", "c"]


def test_a_disabled_task_is_settled_and_so_is_what_needs_it() -> None:
    first = task("a")
    first.spec = replace(first.spec, disabled=True)
    step = progress(first, task("b", "a"), task("c", "a", run_if=RunIf.ALL_DONE)).begin()
    assert step.settle == {"a": states.DISABLED, "b": states.DISABLED}
    assert step.start == ["c"]


@pytest.mark.parametrize(
    ("outcome", "start", "excluded"), [("true", ["yes", "both"], ["no"]), ("false", ["no", "both"], ["yes"])]
)
def test_the_outcome_of_a_condition_excludes_one_branch(
    outcome: str, start: list[str], excluded: list[str]
) -> None:
    condition = task("if")
    branches = [task("yes", "if"), task("no", "if")]
    for branch, wanted in zip(branches, ("true", "false"), strict=True):
        branch.spec = replace(branch.spec, outcomes={"if": wanted})
    run = progress(condition, *branches, task("both", "if"), task("below", excluded[0]))
    run.begin()
    step = run.ended("if", Ending(S, outcome))
    assert step.start == start
    assert step.settle == dict.fromkeys([*excluded, "below"], states.EXCLUDED)


def test_a_thousand_tasks_cost_a_moment() -> None:
    chain = [task(f"t{n}", f"t{n - 1}" if n else "") for n in range(1_000)]
    wide = [task("end", " ".join(item.spec.key for item in chain))]
    started = time.process_time()
    run = progress(*chain, *wide)
    step = run.begin()
    for item in chain:
        assert item.spec.key in step.start
        step = run.ended(item.spec.key, Ending(S))
    assert step.start == ["end"]
    assert topological_order([item.spec for item in (*wide, *chain)]) is not None
    assert time.process_time() - started < 0.5


FAILED = "Task a failed with message: Workload failed, see run output for details."
SKIPPED = " This caused all downstream tasks to get skipped."


@pytest.mark.parametrize(
    ("tasks", "result", "message"),
    [
        ([("a", "", S), ("b", "a", S)], S, ""),
        ([("a", "", F)], F, FAILED),
        ([("a", "", F), ("b", "a", UF)], F, FAILED + SKIPPED),
        ([("a", "", F), ("b", "", F)], F, FAILED),
        ([("a", "", F), ("b", "a", S)], Result.SUCCESS_WITH_FAILURES, ""),
        ([("a", "", F), ("b", "a", E)], Result.SUCCESS_WITH_FAILURES, ""),
        ([("a", "", S), ("b", "a", E)], S, ""),
        ([("a", "", T), ("b", "a", UF)], T, "Run timed out."),
        ([("a", "", F), ("b", "", T)], F, FAILED),
        ([("a", "", C), ("b", "a", UC)], C, "Run cancelled."),
        ([("a", "", F), ("b", "", C)], F, FAILED),
        ([("a", "", S), ("b", "a", UF)], F, "Task b failed with message: An upstream task failed."),
        ([("a", "", D), ("b", "a", D)], S, ""),
        ([("a", "", F), ("b", "a", D)], Result.SUCCESS_WITH_FAILURES, ""),
    ],
)
def test_the_leaves_decide(tasks: list[tuple[str, str, Result]], result: Result, message: str) -> None:
    outcome = run_outcome(keyed(*(task(key, after, STATE[state]) for key, after, state in tasks)))
    assert (outcome.result, outcome.message) == (result, message)
    assert outcome.terminal
    assert (outcome.life_cycle == states.LifeCycle.INTERNAL_ERROR) == (result == F)


@pytest.mark.parametrize(
    ("tasks", "order"),
    [
        ([("c", "b"), ("b", "a"), ("a", "")], ["a", "b", "c"]),
        ([("a", "b"), ("b", "a")], None),
        ([("a", "a")], None),
        ([], []),
    ],
)
def test_order(tasks: list[tuple[str, str]], order: list[str] | None) -> None:
    ordered = topological_order([task(key, after).spec for key, after in tasks])
    assert (ordered and [spec.key for spec in ordered]) == order
