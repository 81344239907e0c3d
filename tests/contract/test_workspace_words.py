"""Every answer whose words are known, word for word: as a plain client reads it, and as the SDK raises it.

The numbers are those of the sections of the facts about the Jobs API. `{names}` stand for ids of the `Facts`.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pytest
from databricks.sdk.errors import (
    BadRequest,
    DatabricksError,
    InternalError,
    InvalidParameterValue,
    InvalidState,
    NotFound,
    PermissionDenied,
    ResourceDoesNotExist,
)

from .job_lab import create, invalid, latest, refusal, run_now, step
from .workspace_lab import CLUSTER, Lab


def missing(message: str) -> tuple[int, str, str]:
    return 404, "RESOURCE_DOES_NOT_EXIST", message


INVALID = InvalidParameterValue
NOTEBOOK = {"task_key": "a", "notebook_task": {"notebook_path": "/Shared/any"}}
WITH_SHARED = {"job_clusters": [{"job_cluster_key": "c", "new_cluster": CLUSTER}]}
ONE_OF = invalid("One of job_cluster_key, new_cluster, or existing_cluster_id must be specified.")
NO_SHARING = invalid("Shared job cluster feature is not supported in runs/submit API.")
EACH_TASK = invalid(
    "Retrieving the output of runs with multiple tasks is not supported. "
    "Please retrieve the output of each individual task run instead."
)
NO_REPAIR_ID = invalid("The latest repair ID needs to be provided in order to create a new repair")
NO_CLUSTER = invalid("Cluster none does not exist")
NO_SCOPE = missing("Scope none does not exist!")
NO_NOTEBOOK = missing("Path (/none) doesn't exist.")
FAILED = "Workload failed, see run output for details"


@dataclass(frozen=True)
class Facts:
    """Ids of runs that were there when the questions are asked."""

    repaired: int
    submitted: int


@pytest.fixture(scope="module")
def facts(lab: Lab) -> Facts:
    """A run of a job that failed and was repaired once, and one that was submitted."""
    fails = lab.notebook("words_fail", "raise RuntimeError('intentional failure')\n")
    repaired = run_now(lab, create(lab, step("broken", fails), step("below", fails, ["broken"])))
    lab.ended(repaired)
    submitted = lab.submit(lab.task("broken", fails), lab.task("below", fails, ["broken"]))
    lab.sdk.jobs.repair_run(repaired, rerun_all_failed_tasks=True)
    lab.ended(repaired)
    lab.ended(submitted)
    return Facts(repaired, submitted)


GONE = invalid("Run 4711 does not exist.")
NO_JOB = "Job 4711 does not exist."
NO_SECRET_SCOPE = {"scope": "none", "key": "k", "string_value": "v"}
WITH_KEY = {**NOTEBOOK, "job_cluster_key": "c"}
WITH_CLUSTER = {**NOTEBOOK, "new_cluster": CLUSTER}
FIRST_AGAIN = {"run_id": "{repaired}", "rerun_tasks": ["broken"]}

Refusal = tuple[str, str, dict[str, Any], tuple[int, str, str], type[DatabricksError]]

REFUSALS: list[Refusal] = [
    ("3.1", "POST 2.0/jobs/runs/submit", {"tasks": [WITH_KEY], **WITH_SHARED}, NO_SHARING, INVALID),
    ("3.1", "POST 2.1/jobs/runs/submit", {"tasks": [WITH_CLUSTER], **WITH_SHARED}, NO_SHARING, INVALID),
    ("3.1", "POST 2.2/jobs/runs/submit", {"tasks": [WITH_KEY]}, ONE_OF, INVALID),
    ("6", "POST 2.2/jobs/runs/repair", FIRST_AGAIN, NO_REPAIR_ID, INVALID),
    ("6", "POST 2.1/jobs/runs/repair", {**FIRST_AGAIN, "latest_repair_id": 1}, NO_REPAIR_ID, INVALID),
    ("8", "GET 2.1/jobs/runs/get-output", {"run_id": "{repaired}"}, EACH_TASK, INVALID),
    ("8", "GET 2.2/jobs/runs/get-output", {"run_id": "{submitted}"}, EACH_TASK, INVALID),
    ("9", "GET 2.1/jobs/runs/get", {"run_id": 4711}, GONE, ResourceDoesNotExist),
    ("9", "GET 2.2/jobs/runs/get-output", {"run_id": 4711}, GONE, ResourceDoesNotExist),
    ("9", "GET 2.0/jobs/runs/export", {"run_id": 4711}, GONE, INVALID),
    ("9", "POST 2.2/jobs/runs/cancel", {"run_id": 4711}, GONE, INVALID),
    ("9", "POST 2.2/jobs/runs/delete", {"run_id": 4711}, GONE, INVALID),
    ("9", "POST 2.2/jobs/runs/repair", {"run_id": 4711}, GONE, INVALID),
    ("9", "GET 2.2/jobs/get", {"job_id": 4711}, missing(NO_JOB), ResourceDoesNotExist),
    ("9", "POST 2.2/jobs/run-now", {"job_id": 4711}, invalid(NO_JOB), INVALID),
    ("9", "GET 2.1/clusters/get", {"cluster_id": "none"}, NO_CLUSTER, ResourceDoesNotExist),
    ("14", "GET 2.0/workspace/get-status", {"path": "/none"}, NO_NOTEBOOK, ResourceDoesNotExist),
    ("15", "POST 2.0/secrets/put", NO_SECRET_SCOPE, NO_SCOPE, ResourceDoesNotExist),
]  # fmt: skip


@pytest.mark.parametrize(
    ("section", "call", "values", "refused", "raised"),
    REFUSALS,
    ids=[f"{section} {call}" for section, call, *_ in REFUSALS],
)
def test_a_refusal(
    lab: Lab,
    facts: Facts,
    section: str,
    call: str,
    values: dict[str, Any],
    refused: tuple[int, str, str],
    raised: type[DatabricksError],
) -> None:
    method, _, path = call.partition(" ")
    values = filled(values, facts)
    sent = {"params" if method == "GET" else "json": values}
    assert refusal(lab.http.request(method, f"/api/{path}", **sent)) == refused, section
    with pytest.raises(DatabricksError) as error:
        ask_by_sdk(lab, method, path, values)
    assert (type(error.value), str(error.value)) == (raised, refused[2])


def test_repeated_keys_of_a_repair(lab: Lab, facts: Facts) -> None:
    """6: the trap that attempts repeat keys; asked with the right repair id."""
    history = lab.sdk.jobs.get_run(facts.repaired, include_history=True).repair_history or []
    body = {
        "run_id": facts.repaired,
        "rerun_tasks": ["broken", "broken"],
        "latest_repair_id": history[-1].id,
    }
    expected = "rerun_tasks cannot contain duplicate task keys."
    assert refusal(lab.post("/api/2.2/jobs/runs/repair", body)) == invalid(expected)
    with pytest.raises(InvalidParameterValue) as refused:
        ask_by_sdk(lab, "POST", "2.2/jobs/runs/repair", body)
    assert str(refused.value) == expected


def test_a_failed_run(lab: Lab, facts: Facts) -> None:
    """5.1, 5.2 and 8: the run, its tasks and the output."""
    run = lab.get("/api/2.2/jobs/runs/get", run_id=facts.submitted).json()
    below, broken = (latest(run)[key] for key in ("below", "broken"))
    told = f"Task broken failed with message: {FAILED}. This caused all downstream tasks to get skipped."
    assert state(run) == ("INTERNAL_ERROR", "FAILED", told)
    assert state(broken) == ("TERMINATED", "FAILED", FAILED)
    assert state(below) == ("SKIPPED", "UPSTREAM_FAILED", "An upstream task failed.")
    assert (below["start_time"], below["execution_duration"], below["attempt_number"]) == (0, 0, 0)
    assert broken["status"] == {
        "state": "TERMINATED",
        "termination_details": {"code": "RUN_EXECUTION_ERROR", "type": "CLIENT_ERROR", "message": FAILED},
    }
    answer = lab.get("/api/2.2/jobs/runs/get-output", run_id=broken["run_id"]).json()
    assert answer["error"] == "RuntimeError: intentional failure"
    assert answer["notebook_output"] == {}


def test_a_token_of_a_failed_run(lab: Lab) -> None:
    """11: it returns the run that failed, and is an error once that is deleted."""
    task = lab.task("lost", "/Shared/nothing here")
    run_id = lab.submit(task, idempotency_token="of a failed run")
    lab.ended(run_id)
    assert lab.submit(task, idempotency_token="of a failed run") == run_id
    lab.sdk.jobs.delete_run(run_id)
    with pytest.raises(InvalidParameterValue):
        lab.submit(task, idempotency_token="of a failed run")


NO_RIGHT = "User X does not have View or Admin or Manage Run or Owner permissions on job 1"
TOO_MANY = "There were already 1000 jobs created in past 3600 seconds, exceeding rate limit"
UNAVAILABLE = "The service at /api/2.2 is temporarily unavailable. Please try again later. [TraceId: -]"
FAULTS = [
    (400, "COULD_NOT_ACQUIRE_LOCK", "Could not acquire lock.", BadRequest),
    (403, "PERMISSION_DENIED", NO_RIGHT, PermissionDenied),
    (404, "FEATURE_DISABLED", "The feature is disabled.", NotFound),
    (400, "INVALID_STATE", TOO_MANY, InvalidState),
    (500, "INTERNAL_ERROR", UNAVAILABLE, InternalError),
]


@pytest.fixture
def faults(lab: Lab) -> Iterator[Any]:
    yield lab.workspace.faults
    lab.workspace.faults.clear()


@pytest.mark.parametrize(("status", "code", "message", "raised"), FAULTS, ids=[row[1] for row in FAULTS])
def test_what_only_happens_to_a_workspace_with_others_in_it(
    lab: Lab, faults: Any, status: int, code: str, message: str, raised: type[DatabricksError]
) -> None:
    """9: those that a fault gives, since there is one user here and no limit of rates."""
    faults.add(
        path="/api/*/jobs/create", status=status, body={"error_code": code, "message": message}, count=2
    )
    assert refusal(lab.post("/api/2.2/jobs/create", {})) == (status, code, message)
    with pytest.raises(DatabricksError) as refused:
        ask_by_sdk(lab, "POST", "2.2/jobs/create", {})
    assert type(refused.value) is raised
    # The SDK adds its configuration to a 403.
    assert str(refused.value).startswith(message)


def filled(values: dict[str, Any], facts: Facts) -> dict[str, Any]:
    text = json.dumps(values)
    for name, number in asdict(facts).items():
        text = text.replace(f'"{{{name}}}"', str(number))
    return dict(json.loads(text))


def ask_by_sdk(lab: Lab, method: str, path: str, values: dict[str, Any]) -> None:
    sent = {"query" if method == "GET" else "body": values}
    lab.sdk.api_client.do(method, f"/api/{path}", **sent)


def state(shown: dict[str, Any]) -> tuple[str, str, str]:
    found = shown["state"]
    return found["life_cycle_state"], found["result_state"], found["state_message"]
