"""What is decided about a Databricks run, without a workspace."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any
from uuid import UUID

import pytest
from databricks_blocks.errors import (
    DatabricksJobError,
    DatabricksRunCancelled,
    DatabricksRunFailed,
    DatabricksRunSkipped,
    DatabricksRunTimedOut,
    DatabricksUnreachable,
)
from databricks_blocks.job.cluster import JobCluster
from databricks_blocks.run.failure import run_error
from databricks_blocks.run.launchers import fingerprint, idempotency_token
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.run.watching import watch_run
from databricks_blocks.workspace.polling import PollingPolicy

URL = "https://dbc.example/jobs/1/runs/9"
FLOW_RUN = UUID("12345678-1234-5678-1234-567812345678")


def state(life_cycle: str, result: str | None = None, message: str = "") -> dict[str, Any]:
    return {"life_cycle_state": life_cycle, "result_state": result, "state_message": message}


def attempt(key: str, run_id: int, number: int, **fields: Any) -> dict[str, Any]:
    defaults = {"state": state("TERMINATED", "SUCCESS"), "run_page_url": f"{URL}/{run_id}"}
    return {"task_key": key, "run_id": run_id, "attempt_number": number, **defaults, **fields}


def run(state_: dict[str, Any], *tasks: dict[str, Any]) -> RunSnapshot:
    return RunSnapshot.from_json(
        {"run_id": 9, "run_name": "nightly", "run_page_url": URL, "state": state_, "tasks": list(tasks)}
    )


FAILED_STATE = state("INTERNAL_ERROR", "FAILED", "Task join failed with message: Workload failed.")


@pytest.mark.parametrize(
    ("life_cycle", "result", "terminal", "success"),
    [
        ("PENDING", None, False, False),
        ("QUEUED", None, False, False),
        ("BLOCKED", None, False, False),
        ("WAITING_FOR_RETRY", None, False, False),
        ("RUNNING", None, False, False),
        ("TERMINATING", "SUCCESS", False, False),
        ("TERMINATED", "SUCCESS", True, True),
        ("TERMINATED", "FAILED", True, False),
        ("TERMINATED", "TIMEDOUT", True, False),
        ("TERMINATED", "CANCELED", True, False),
        ("TERMINATED", "UPSTREAM_FAILED", True, False),
        ("TERMINATED", "EXCLUDED", True, False),
        ("TERMINATED", "A_STATE_OF_NEXT_YEAR", True, False),
        ("TERMINATED", None, True, False),
        ("INTERNAL_ERROR", "FAILED", True, False),
        ("INTERNAL_ERROR", None, True, False),
        ("SKIPPED", None, True, False),
        ("A_STATE_OF_NEXT_YEAR", None, False, False),
        ("", None, False, False),
    ],
)
def test_only_a_run_that_ended_well_is_a_success(
    life_cycle: str, result: str | None, terminal: bool, success: bool
) -> None:
    snapshot = run(state(life_cycle, result)).state
    assert (snapshot.is_terminal, snapshot.is_success) == (terminal, success)


def test_the_latest_attempt_of_a_task_counts_in_whatever_order_attempts_come() -> None:
    attempts = [
        attempt("join", 12, 1),
        attempt("plot", 13, 0, depends_on=[{"task_key": "join"}]),
        attempt("join", 11, 0, state=state("TERMINATED", "FAILED")),
    ]
    snapshot = run(state("TERMINATED", "SUCCESS"), *attempts)
    assert [(task.task_key, task.run_id, task.upstream) for task in snapshot.tasks] == [
        ("join", 12, ()),
        ("plot", 13, ("join",)),
    ]


def test_nulls_and_missing_fields_do_not_crash() -> None:
    snapshot = RunSnapshot.from_json({"run_id": 1, "tasks": None, "state": None})
    assert not snapshot.state.is_terminal
    assert str(snapshot.state) == "UNKNOWN"


def test_the_first_line_of_a_failure_names_task_error_attempt_and_link() -> None:
    error = run_error(
        run(
            FAILED_STATE,
            attempt("join", 11, 0, state=state("TERMINATED", "FAILED", "Workload failed, see run output")),
            attempt("plot", 12, 0, state=state("SKIPPED", "UPSTREAM_FAILED", "An upstream task failed.")),
        ),
        {
            "join": {
                "error": "\x1b[31mValueError: no\n column\x1b[0m",
                "error_trace": "\x1b[31mTraceback …\x1b[0m",
            }
        },
    )
    assert type(error) is DatabricksRunFailed
    assert str(error).splitlines() == [
        f"Task `join` failed: ValueError: no column (attempt 1, {URL}/11)",
        "--- join ---",
        "Traceback …",
    ]


@pytest.mark.parametrize(
    ("run_state", "kind"),
    [
        (state("TERMINATED", "CANCELED", "Cancelled by ada"), DatabricksRunCancelled),
        (state("TERMINATED", "TIMEDOUT", "Timed out"), DatabricksRunTimedOut),
        (state("SKIPPED", None, "Skipped"), DatabricksRunSkipped),
        (state("TERMINATED", "MAXIMUM_CONCURRENT_RUNS_REACHED", "Too many"), DatabricksRunSkipped),
        (state("INTERNAL_ERROR", None, "The cluster is gone"), DatabricksRunFailed),
        (state("TERMINATED", "A_STATE_OF_NEXT_YEAR", "?"), DatabricksRunFailed),
    ],
)
def test_every_end_without_success_has_a_type_and_a_link(
    run_state: dict[str, Any], kind: type[DatabricksJobError]
) -> None:
    error = run_error(run(run_state), {})
    assert type(error) is kind
    assert run_state["state_message"] in str(error)
    assert URL in str(error).splitlines()[0]


def test_a_cluster_that_is_lost_is_the_failure_of_its_task() -> None:
    lost = attempt("join", 11, 2, state=state("INTERNAL_ERROR", None, "Driver of the cluster is gone"))
    first = str(run_error(run(state("INTERNAL_ERROR", "FAILED"), lost), {})).splitlines()[0]
    assert first == f"Task `join` failed: Driver of the cluster is gone (attempt 3, {URL}/11)"


def test_errors_keep_their_facts_when_prefect_pickles_them() -> None:
    error = DatabricksRunFailed("Task `join` failed", run_id=9, run_page_url=URL)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is DatabricksRunFailed
    assert (str(copy), copy.run_id, copy.run_page_url) == (str(error), 9, URL)


def test_the_same_launch_has_the_same_token_and_another_one_has_not() -> None:
    call = fingerprint({"tasks": [{"task_key": "a"}], "run_name": "x"})
    assert call == fingerprint({"run_name": "x", "tasks": [{"task_key": "a"}]})
    token = idempotency_token(FLOW_RUN, call)
    assert token == idempotency_token(FLOW_RUN, call)
    assert len(token) <= 64
    others = {
        idempotency_token(FLOW_RUN, fingerprint({"tasks": [{"task_key": "a"}], "run_name": "y"})),
        idempotency_token(FLOW_RUN, call, occurrence=1),
        idempotency_token(FLOW_RUN, call, generation=1),
        idempotency_token(UUID(int=1), call),
    }
    assert len(others | {token}) == 5


def test_a_pool_takes_the_place_of_the_node_type_and_no_workers_mean_single_node() -> None:
    cluster = JobCluster(instance_pool_id="pool-1", num_workers=0).specification()
    assert cluster["instance_pool_id"] == "pool-1"
    assert "node_type_id" not in cluster
    assert cluster["spark_conf"]["spark.master"] == "local[*]"


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = self.began = 10_000.0
        self.pauses: list[float] = []

    @property
    def passed(self) -> float:
        return self.now - self.began

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def watch(answers: Any, clock: Clock, **policy: float) -> RunSnapshot:
    return asyncio.run(
        watch_run(lambda: next(answers), policy=PollingPolicy(**policy), clock=clock, sleep=clock.sleep)
    )


RUNNING = {"run_id": 9, "state": state("RUNNING")}
DONE = {"run_id": 9, "state": state("TERMINATED", "SUCCESS")}


def test_the_end_is_noticed_soon_and_an_hour_costs_few_calls() -> None:
    clock = Clock()
    watch(iter(lambda: DONE if clock.passed >= 3600 else RUNNING, None), clock)
    assert len(clock.pauses) <= 250
    assert clock.passed - 3600 <= 30
    assert clock.pauses[0] <= 0.2


def test_a_blip_does_not_end_the_watch() -> None:
    def answers() -> Any:
        yield RUNNING
        yield DONE

    replies = answers()
    blips = iter([True, True, False, True, False])

    def read() -> Any:
        if next(blips):
            raise DatabricksUnreachable("503")
        return next(replies)

    clock = Clock()
    ended = asyncio.run(watch_run(read, policy=PollingPolicy(), clock=clock, sleep=clock.sleep))
    assert ended.state.is_success


def test_a_workspace_that_stays_away_ends_the_watch_in_time() -> None:
    def read() -> Any:
        raise DatabricksUnreachable("no answer")

    clock = Clock()
    with pytest.raises(DatabricksUnreachable, match="no answer"):
        asyncio.run(watch_run(read, policy=PollingPolicy(max_unreachable=60), clock=clock, sleep=clock.sleep))
    assert 60 < clock.passed <= 60 + 30


def test_each_change_is_told_once() -> None:
    told: list[str] = []
    clock = Clock()
    answers = iter([RUNNING, RUNNING, RUNNING, DONE])

    async def tell(snapshot: RunSnapshot) -> None:
        told.append(str(snapshot.state))

    asyncio.run(
        watch_run(
            lambda: next(answers),
            policy=PollingPolicy(),
            on_change=tell,
            clock=clock,
            sleep=clock.sleep,
        )
    )
    assert told == ["RUNNING", "SUCCESS"]
