"""The states of runs and tasks, in the words that Databricks has for them."""

from dataclasses import dataclass
from enum import StrEnum


class LifeCycle(StrEnum):
    """`state.life_cycle_state`."""

    PENDING = "PENDING"
    BLOCKED = "BLOCKED"
    RUNNING = "RUNNING"
    TERMINATING = "TERMINATING"
    TERMINATED = "TERMINATED"
    SKIPPED = "SKIPPED"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class Result(StrEnum):
    """`state.result_state`."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    TIMEDOUT = "TIMEDOUT"
    CANCELED = "CANCELED"
    EXCLUDED = "EXCLUDED"
    SUCCESS_WITH_FAILURES = "SUCCESS_WITH_FAILURES"
    UPSTREAM_FAILED = "UPSTREAM_FAILED"
    UPSTREAM_CANCELED = "UPSTREAM_CANCELED"


TERMINAL = frozenset({LifeCycle.TERMINATED, LifeCycle.SKIPPED, LifeCycle.INTERNAL_ERROR})

SUCCEEDED = frozenset({Result.SUCCESS, Result.SUCCESS_WITH_FAILURES, Result.EXCLUDED})
FAILED = frozenset({Result.FAILED, Result.TIMEDOUT, Result.UPSTREAM_FAILED})
CANCELED = frozenset({Result.CANCELED, Result.UPSTREAM_CANCELED})

WORKLOAD_FAILED = "Workload failed, see run output for details"


@dataclass(frozen=True)
class State:
    """The state of a run or of a task.

    Attributes:
        life_cycle: Where it is in its life.
        result: How it ended; None until it has.
        message: `state_message`.
        code: The V2 termination code; empty until it ended.
        kind: The V2 termination type; empty until it ended.
    """

    life_cycle: LifeCycle
    result: Result | None = None
    message: str = ""
    code: str = ""
    kind: str = ""

    @property
    def terminal(self) -> bool:
        """Whether nothing will change any more."""
        return self.life_cycle in TERMINAL

    @property
    def stopped_from_outside(self) -> bool:
        """`user_cancelled_or_timedout`."""
        return self.result in (Result.CANCELED, Result.TIMEDOUT)


BLOCKED = State(LifeCycle.BLOCKED)
PENDING = State(LifeCycle.PENDING, message="Waiting for cluster")
RUNNING = State(LifeCycle.RUNNING, message="In run")

SUCCESS = State(LifeCycle.TERMINATED, Result.SUCCESS, "", "SUCCESS", "SUCCESS")
SUCCESS_WITH_FAILURES = State(
    LifeCycle.TERMINATED, Result.SUCCESS_WITH_FAILURES, "", "SUCCESS_WITH_FAILURES", "SUCCESS"
)
# "Run cancelled." is flytekit#1935; USER_CANCELED and CANCELED are told apart by docs: TerminationCode.
USER_CANCELED = State(LifeCycle.TERMINATED, Result.CANCELED, "Run cancelled.", "USER_CANCELED", "SUCCESS")
TIMED_OUT = State(LifeCycle.TERMINATED, Result.TIMEDOUT, "Run timed out.", "CANCELED", "CLIENT_ERROR")

# Which life cycle state goes with UPSTREAM_FAILED today is not known; clients have to accept both.
UPSTREAM_FAILED = State(
    LifeCycle.SKIPPED, Result.UPSTREAM_FAILED, "An upstream task failed.", "SKIPPED", "CLIENT_ERROR"
)
UPSTREAM_CANCELED = State(
    LifeCycle.SKIPPED, Result.UPSTREAM_CANCELED, "An upstream task was canceled.", "SKIPPED", "SUCCESS"
)
EXCLUDED = State(LifeCycle.SKIPPED, Result.EXCLUDED, "", "SKIPPED", "SUCCESS")

WORKLOAD_FAILURE = State(
    LifeCycle.TERMINATED, Result.FAILED, WORKLOAD_FAILED, "RUN_EXECUTION_ERROR", "CLIENT_ERROR"
)
DRIVER_LOST = State(
    LifeCycle.INTERNAL_ERROR,
    Result.FAILED,
    "Driver of the cluster was lost",
    "DRIVER_ERROR",
    "INTERNAL_ERROR",
)


def cluster_failure(reason: str) -> State:
    """The state of a task whose cluster could not be started or configured."""
    return State(LifeCycle.INTERNAL_ERROR, Result.FAILED, reason, "CLUSTER_ERROR", "INTERNAL_ERROR")


def workspace_failure(reason: str) -> State:
    """The state of what this workspace could not carry through itself."""
    return State(LifeCycle.INTERNAL_ERROR, Result.FAILED, reason, "INTERNAL_ERROR", "INTERNAL_ERROR")


def notebook_missing(path: str, user: str) -> State:
    """The state of a task whose notebook is not in the workspace."""
    message = (
        f'Unable to access the notebook "{path}". Either it does not exist, or the identity used to run this '
        f"job, {user}, lacks the required permissions."
    )
    return State(LifeCycle.INTERNAL_ERROR, Result.FAILED, message, "RESOURCE_NOT_FOUND", "CLIENT_ERROR")


def run_failure(message: str) -> State:
    """The state of a run in which a task failed.

    Measured on serverless, the run itself is INTERNAL_ERROR while its task is TERMINATED (databricks/cli,
    acceptance test job_runs/failed_run).
    """
    return State(LifeCycle.INTERNAL_ERROR, Result.FAILED, message, "RUN_EXECUTION_ERROR", "CLIENT_ERROR")


def terminating(message: str) -> State:
    """The state between the request to stop and the end of the process."""
    return State(LifeCycle.TERMINATING, message=message)
