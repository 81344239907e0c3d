"""The states of runs and tasks, in the words that Databricks has for them."""

from dataclasses import dataclass
from enum import StrEnum


class LifeCycle(StrEnum):
    """`state.life_cycle_state`."""

    QUEUED = "QUEUED"
    PENDING = "PENDING"
    BLOCKED = "BLOCKED"
    WAITING_FOR_RETRY = "WAITING_FOR_RETRY"
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
    MAXIMUM_CONCURRENT_RUNS_REACHED = "MAXIMUM_CONCURRENT_RUNS_REACHED"
    DISABLED = "DISABLED"


TERMINAL = frozenset({LifeCycle.TERMINATED, LifeCycle.SKIPPED, LifeCycle.INTERNAL_ERROR})

SUCCEEDED = frozenset({Result.SUCCESS, Result.SUCCESS_WITH_FAILURES, Result.EXCLUDED})
# A disabled task neither failed nor succeeded. For the result of the run it counts as skipped.
FINE = SUCCEEDED | {Result.DISABLED}
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
        queue_reason: Why it is queued; empty if it is not.
    """

    life_cycle: LifeCycle
    result: Result | None = None
    message: str = ""
    code: str = ""
    kind: str = ""
    queue_reason: str = ""

    @property
    def terminal(self) -> bool:
        """Whether it has ended."""
        return self.life_cycle in TERMINAL

    @property
    def stopped_from_outside(self) -> bool:
        """`user_cancelled_or_timedout`."""
        return self.result in (Result.CANCELED, Result.TIMEDOUT)


BLOCKED = State(LifeCycle.BLOCKED)
PENDING = State(LifeCycle.PENDING, message="Waiting for cluster")
WAITING_FOR_RETRY = State(LifeCycle.WAITING_FOR_RETRY, message="Waiting for the next attempt")
RUNNING = State(LifeCycle.RUNNING, message="In run")

SUCCESS = State(LifeCycle.TERMINATED, Result.SUCCESS, "", "SUCCESS", "SUCCESS")
SUCCESS_WITH_FAILURES = State(
    LifeCycle.TERMINATED, Result.SUCCESS_WITH_FAILURES, "", "SUCCESS_WITH_FAILURES", "SUCCESS"
)
# "Run cancelled." is flytekit#1935; USER_CANCELED and CANCELED are told apart by docs: TerminationCode.
USER_CANCELED = State(LifeCycle.TERMINATED, Result.CANCELED, "Run cancelled.", "USER_CANCELED", "SUCCESS")
TIMED_OUT = State(LifeCycle.TERMINATED, Result.TIMEDOUT, "Run timed out.", "CANCELED", "CLIENT_ERROR")

# Which life cycle state Databricks has with UPSTREAM_FAILED is not known; clients have to accept both.
UPSTREAM_FAILED = State(
    LifeCycle.SKIPPED, Result.UPSTREAM_FAILED, "An upstream task failed.", "SKIPPED", "CLIENT_ERROR"
)
UPSTREAM_CANCELED = State(
    LifeCycle.SKIPPED, Result.UPSTREAM_CANCELED, "An upstream task was canceled.", "SKIPPED", "SUCCESS"
)
EXCLUDED = State(LifeCycle.SKIPPED, Result.EXCLUDED, "", "SKIPPED", "SUCCESS")
# "Disabled tasks complete with a Disabled termination code" (docs: disabled tasks).
DISABLED = State(LifeCycle.SKIPPED, Result.DISABLED, "", "DISABLED", "SUCCESS")

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


def describe(state: State) -> str:
    """A state in a few words, for people."""
    return f"{state.life_cycle} {state.result}" if state.result else str(state.life_cycle)


def queued(limit: int) -> State:
    """The state of a run that waits for other runs of its job to end; the words are not documented."""
    reason = f"Queued due to reaching maximum concurrent runs of {limit}."
    return State(LifeCycle.QUEUED, queue_reason=reason)


def concurrency_skipped(limit: int) -> State:
    """The state of a run that was not started since too many are active. Source: databricks/cli#257."""
    message = f"Skipping this run because the limit of {limit} maximum concurrent runs has been reached."
    return State(
        LifeCycle.SKIPPED,
        Result.MAXIMUM_CONCURRENT_RUNS_REACHED,
        message,
        "MAX_CONCURRENT_RUNS_EXCEEDED",
        "CLIENT_ERROR",
    )


def invalid_configuration(reason: str) -> State:
    """The state of a task whose configuration cannot be resolved, as a reference that leads nowhere."""
    return State(LifeCycle.INTERNAL_ERROR, Result.FAILED, reason, "INVALID_RUN_CONFIGURATION", "CLIENT_ERROR")


def workload_failure(reason: str) -> State:
    """The state of a task that failed for a reason that is not in its output."""
    return State(LifeCycle.TERMINATED, Result.FAILED, reason, "RUN_EXECUTION_ERROR", "CLIENT_ERROR")


def cluster_failure(reason: str) -> State:
    """The state of a task whose cluster could not be started or configured."""
    return State(LifeCycle.INTERNAL_ERROR, Result.FAILED, reason, "CLUSTER_ERROR", "INTERNAL_ERROR")


def library_failure(reason: str) -> State:
    """The state of a task of which a library could not be installed. Source: astronomer-providers#460."""
    return State(
        LifeCycle.INTERNAL_ERROR, Result.FAILED, reason, "LIBRARY_INSTALLATION_ERROR", "CLIENT_ERROR"
    )


def cluster_terminated(cluster_id: str, user: str) -> State:
    """The state of a task whose cluster a user has terminated (docs: TerminationCode; the words are ours)."""
    message = (
        f"Cluster {cluster_id} was terminated. Reason: USER_REQUEST (SUCCESS). Parameters: username:{user}."
    )
    return State(
        LifeCycle.INTERNAL_ERROR, Result.FAILED, message, "CLUSTER_TERMINATED_BY_USER", "CLIENT_ERROR"
    )


def python_file_missing(path: str) -> State:
    """The state of a task whose Python file is not there. Source: cicd-templates#69."""
    message = f"Cannot read the python file {path}. Please check driver logs for more details."
    return State(LifeCycle.INTERNAL_ERROR, Result.FAILED, message, "RUN_EXECUTION_ERROR", "CLIENT_ERROR")


def workspace_failure(reason: str) -> State:
    """The state after an error of the workspace itself."""
    return State(LifeCycle.INTERNAL_ERROR, Result.FAILED, reason, "INTERNAL_ERROR", "INTERNAL_ERROR")


def unreadable(reason: str) -> State:
    """The state of a run or task whose record cannot be read any more."""
    return workspace_failure(f"Its record cannot be read: {reason[:1000]}")


def notebook_missing(path: str, user: str) -> State:
    """The state of a task whose notebook is not in the workspace."""
    message = (
        f'Unable to access the notebook "{path}". Either it does not exist, or the identity used to run this '
        f"job, {user}, lacks the required permissions."
    )
    return State(LifeCycle.INTERNAL_ERROR, Result.FAILED, message, "RESOURCE_NOT_FOUND", "CLIENT_ERROR")


def checkout_failed(reason: str) -> State:
    """The state of a task whose repository, or file in it, could not be checked out.

    The message begins with the words of Databricks; the reason is ours.
    """
    message = f"Failed to checkout Git repository: {reason}"
    return State(
        LifeCycle.INTERNAL_ERROR, Result.FAILED, message, "REPOSITORY_CHECKOUT_FAILED", "CLIENT_ERROR"
    )


def run_failure(message: str) -> State:
    """The state of a run in which a task failed.

    Measured on serverless, the run itself is INTERNAL_ERROR while its task is TERMINATED (databricks/cli,
    acceptance test job_runs/failed_run).
    """
    return State(LifeCycle.INTERNAL_ERROR, Result.FAILED, message, "RUN_EXECUTION_ERROR", "CLIENT_ERROR")


def terminating(message: str) -> State:
    """The state between the request to stop and the end of the process."""
    return State(LifeCycle.TERMINATING, message=message)
