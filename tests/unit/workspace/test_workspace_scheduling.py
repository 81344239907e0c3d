import pytest

from deployments.local.workspace import states
from deployments.local.workspace.models import ClusterSpec, NotebookSpec, RunIf, TaskRun, TaskSpec
from deployments.local.workspace.scheduling import gate, next_step, run_outcome, topological_order
from deployments.local.workspace.states import Result, State

S, F, C, E = Result.SUCCESS, Result.FAILED, Result.CANCELED, Result.EXCLUDED
UF, UC, T = Result.UPSTREAM_FAILED, Result.UPSTREAM_CANCELED, Result.TIMEDOUT
STATE = {
    S: states.SUCCESS,
    F: states.WORKLOAD_FAILURE,
    C: states.USER_CANCELED,
    E: states.EXCLUDED,
    UF: states.UPSTREAM_FAILED,
    UC: states.UPSTREAM_CANCELED,
    T: states.TIMED_OUT,
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
        end_time=ord(key),
    )


def keyed(*tasks: TaskRun) -> dict[str, TaskRun]:
    return {item.spec.key: item for item in tasks}


def test_steps_follow_the_dependencies() -> None:
    tasks = keyed(task("a"), task("b", "a"), task("c", "a b"), task("d"))
    assert next_step(tasks, []).start == ["a", "d"]
    assert next_step(tasks, ["a", "d"]).start == []
    tasks["a"].state = states.SUCCESS
    assert next_step(tasks, ["a", "d"]).start == ["b"]


def test_what_is_settled_settles_what_comes_after() -> None:
    tasks = keyed(
        task("a", state=states.WORKLOAD_FAILURE),
        task("b", "a"),
        task("c", "b"),
        task("d", "b", run_if=RunIf.ALL_DONE),
    )
    step = next_step(tasks, ["a"])
    assert step.start == ["d"]
    assert step.settle == {"b": states.UPSTREAM_FAILED, "c": states.UPSTREAM_FAILED}


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
