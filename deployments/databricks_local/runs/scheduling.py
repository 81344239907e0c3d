"""Decides which tasks start, which are skipped, and how a run ended. Pure."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from databricks_local.jobs.specs import RunIf, TaskSpec
from databricks_local.runs import states
from databricks_local.runs.models import TaskRun
from databricks_local.runs.states import LifeCycle, Result, State


@dataclass
class Step:
    """What to do next: tasks to start, and tasks that end without having run."""

    start: list[str] = field(default_factory=list)
    settle: dict[str, State] = field(default_factory=dict)


def gate(run_if: RunIf, upstream: Sequence[Result]) -> State | None:
    """Decide about a task whose dependencies have all ended (docs: "Run if" conditions).

    Args:
        run_if: The task's condition.
        upstream: The results of its direct dependencies.

    Returns:
        None if it starts, otherwise its final state.
    """
    if not upstream:
        return None
    if all(result is Result.EXCLUDED for result in upstream):
        return states.EXCLUDED
    good = sum(result in states.SUCCEEDED for result in upstream)
    disabled = sum(result is Result.DISABLED for result in upstream)
    bad = len(upstream) - good - disabled
    canceled = sum(result in states.CANCELED for result in upstream)
    # A canceled dependency is one that did not succeed: tasks made to handle failure still run. A disabled
    # one neither failed nor succeeded, but is done (docs: disabled tasks).
    runs = {
        RunIf.ALL_SUCCESS: bad == 0 and disabled == 0,
        RunIf.NONE_FAILED: bad == 0 and good > 0,
        RunIf.AT_LEAST_ONE_SUCCESS: good > 0,
        RunIf.ALL_DONE: True,
        RunIf.AT_LEAST_ONE_FAILED: bad > 0,
        RunIf.ALL_FAILED: bad == len(upstream),
    }[run_if]
    if runs:
        return None
    # A condition that is not met because of a disabled parent disables the task too (docs: disabled tasks).
    if disabled and (bad == 0 or (run_if is RunIf.ALL_FAILED and good == 0)):
        return states.DISABLED
    if run_if in (RunIf.AT_LEAST_ONE_FAILED, RunIf.ALL_FAILED):
        return states.EXCLUDED
    return states.UPSTREAM_FAILED if bad > canceled else states.UPSTREAM_CANCELED


@dataclass(frozen=True)
class Ending:
    """How a task ended; of a condition, with its outcome."""

    result: Result
    outcome: str = ""


class Progress:
    """The progress of the tasks of a run. When a task ends, only its dependents are looked at."""

    def __init__(self, specs: Iterable[TaskSpec], ended: Mapping[str, Ending]) -> None:
        """Set up.

        Args:
            specs: The tasks that are to run.
            ended: The tasks that a repair keeps, which do not run again.
        """
        self._specs = {spec.key: spec for spec in specs}
        self._endings = dict(ended)
        self._dependents: dict[str, list[str]] = {}
        self._missing: dict[str, int] = {}
        for spec in self._specs.values():
            # Dependencies that are not part of this run, as with `only`, are not waited for.
            waits_for = [name for name in spec.depends_on if name in self._specs]
            self._missing[spec.key] = len(waits_for)
            for name in waits_for:
                self._dependents.setdefault(name, []).append(spec.key)

    def begin(self) -> Step:
        """Decide about the tasks without dependencies."""
        step = Step()
        self._decide([key for key, missing in self._missing.items() if not missing], step)
        return step

    def ended(self, key: str, ending: Ending) -> Step:
        """Record how a task ended, and decide about its dependents."""
        step = Step()
        self._decide(self._free(key, ending), step)
        return step

    def _free(self, key: str, ending: Ending) -> list[str]:
        self._endings[key] = ending
        free: list[str] = []
        for name in self._dependents.get(key, ()):
            self._missing[name] -= 1
            if not self._missing[name]:
                free.append(name)
        return free

    def _decide(self, ready: Iterable[str], step: Step) -> None:
        waiting = deque(ready)
        while waiting:
            key = waiting.popleft()
            verdict = self._verdict(self._specs[key])
            if verdict is None:
                step.start.append(key)
            elif verdict.result is not None:
                step.settle[key] = verdict
                waiting.extend(self._free(key, Ending(verdict.result)))

    def _verdict(self, spec: TaskSpec) -> State | None:
        if spec.disabled:
            return states.DISABLED
        return gate(
            spec.run_if, [self._seen(spec, name) for name in spec.depends_on if name in self._endings]
        )

    def _seen(self, spec: TaskSpec, name: str) -> Result:
        """The result of a dependency for a task: a condition with the other outcome counts as excluded."""
        ending = self._endings[name]
        wanted = spec.outcomes.get(name, "")
        if wanted and ending.result is Result.SUCCESS and ending.outcome != wanted:
            return Result.EXCLUDED
        return ending.result


def ending_of(task: TaskRun) -> Ending | None:
    """How a task run ended; None if it has not."""
    return Ending(task.state.result, task.outcome) if task.state.result is not None else None


def leaf_keys(tasks: Iterable[TaskSpec]) -> list[str]:
    """The tasks that no other task depends on."""
    specs = list(tasks)
    needed = {name for spec in specs for name in spec.depends_on}
    return [spec.key for spec in specs if spec.key not in needed]


def run_outcome(tasks: Mapping[str, TaskRun]) -> State:
    """How a run ended, once all its tasks have. Its leaves decide (docs: job run states).

    Args:
        tasks: The latest attempt at each task, by key.

    Returns:
        The state of the run.
    """
    results = {key: task.state.result for key, task in tasks.items()}
    leaves = [results[key] for key in leaf_keys(task.spec for task in tasks.values())]
    if any(result in states.FAILED for result in leaves):
        return _failure(tasks)
    if any(result in states.CANCELED for result in leaves):
        return states.USER_CANCELED
    if all(result in states.FINE for result in results.values()):
        return states.SUCCESS
    return states.SUCCESS_WITH_FAILURES


def _failure(tasks: Mapping[str, TaskRun]) -> State:
    causes = [task for task in tasks.values() if task.state.result in (Result.FAILED, Result.TIMEDOUT)]
    failed = [task for task in causes if task.state.result is Result.FAILED]
    if not causes:
        # A repair of the failed task alone leaves the tasks skipped that were skipped because of it.
        skipped = next(task for task in tasks.values() if task.state.result is Result.UPSTREAM_FAILED)
        return states.run_failure(f"Task {skipped.spec.key} failed with message: {skipped.state.message}")
    if not failed:
        return states.TIMED_OUT
    first = min(failed, key=lambda task: task.end_time)
    # The sentence ends with a full stop here, and has none in the task's own message (dagster#19715).
    message = f"Task {first.spec.key} failed with message: {first.state.message.rstrip('.')}."
    if any(_skipped_below(task, first.spec.key) for task in tasks.values()):
        message += " This caused all downstream tasks to get skipped."
    return states.run_failure(message)


def _skipped_below(task: TaskRun, key: str) -> bool:
    return key in task.spec.depends_on and task.state.result is Result.UPSTREAM_FAILED


def is_active(state: State) -> bool:
    """Whether `active_only` lists a run in this state."""
    return state.life_cycle in (
        LifeCycle.QUEUED,
        LifeCycle.PENDING,
        LifeCycle.RUNNING,
        LifeCycle.TERMINATING,
        LifeCycle.BLOCKED,
        LifeCycle.WAITING_FOR_RETRY,
    )
