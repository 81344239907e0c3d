"""Any body and any query at all, for saved jobs and their runs: never an error of the server."""

import json
from typing import Any

import httpx
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .workspace_lab import Lab, until

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["a", "b", "c"])
REFERENCES = st.sampled_from(
    ["{{job.id}}", "{{job.nothing}}", "{{tasks.a.values.v}}", "{{input}}", "{{input.x}}", "[1, 2]", "{", "5"]
)
WORDS = REFERENCES | JSON
PARAMETERS = st.lists(st.fixed_dictionaries({"name": KEYS, "default": WORDS}), max_size=2)
CLUSTER = st.fixed_dictionaries({"job_cluster_key": KEYS, "new_cluster": st.just({})})
CONDITION = st.fixed_dictionaries(
    {"op": st.sampled_from(["EQUAL_TO", "LESS_THAN", "?"]), "left": WORDS, "right": WORDS}
)
BODY = st.one_of(
    st.fixed_dictionaries({"condition_task": CONDITION}),
    st.fixed_dictionaries(
        {"run_job_task": st.fixed_dictionaries({"job_id": JSON}, optional={"job_parameters": JSON})}
    ),
    st.fixed_dictionaries(
        {
            "for_each_task": st.fixed_dictionaries(
                {
                    "inputs": WORDS,
                    "task": st.fixed_dictionaries({"task_key": st.just("each"), "condition_task": CONDITION})
                    | JSON,
                },
                optional={"concurrency": JSON},
            )
        }
    ),
    st.fixed_dictionaries({"notebook_task": st.just({"notebook_path": "/no"}), "job_cluster_key": KEYS}),
    st.dictionaries(st.sampled_from(["condition_task", "for_each_task", "run_job_task"]), JSON, max_size=2),
)
TASK = st.builds(
    lambda key, body, others: {"task_key": key, **body, **others},
    KEYS,
    BODY,
    st.fixed_dictionaries(
        {},
        optional={
            "depends_on": st.lists(
                st.fixed_dictionaries(
                    {"task_key": KEYS}, optional={"outcome": st.sampled_from(["true", "no"])}
                ),
                max_size=2,
            )
            | JSON,
            "run_if": st.sampled_from(["ALL_DONE", "ALL_FAILED"]) | JSON,
            "max_retries": st.sampled_from([0, 1, -2]) | JSON,
            "min_retry_interval_millis": st.sampled_from([0, 1]) | JSON,
            "disabled": st.booleans() | JSON,
            "timeout_seconds": JSON,
        },
    ),
)
CLUSTERS = st.lists(CLUSTER, max_size=2) | JSON
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "name": JSON,
        "tasks": st.lists(TASK, max_size=3) | JSON,
        "job_clusters": CLUSTERS,
        "parameters": PARAMETERS | JSON,
        "max_concurrent_runs": st.sampled_from([0, 1, 5]) | JSON,
        "queue": JSON,
        "timeout_seconds": st.sampled_from([0, 5]) | JSON,
        "git_source": JSON,
        "environments": JSON,
    },
)
VALID_CONDITION = st.fixed_dictionaries(
    {"op": st.sampled_from(["EQUAL_TO", "LESS_THAN"]), "left": REFERENCES, "right": REFERENCES}
)
VALID_LOOP = st.fixed_dictionaries(
    {
        "inputs": REFERENCES,
        "task": st.fixed_dictionaries({"task_key": st.just("each"), "condition_task": VALID_CONDITION}),
    },
    optional={"concurrency": st.integers(1, 3)},
)
VALID_TASKS = st.lists(
    st.fixed_dictionaries(
        {"task_key": KEYS}, optional={"disabled": st.booleans(), "max_retries": st.just(1)}
    ).flatmap(
        lambda task: st.one_of(
            VALID_CONDITION.map(lambda body: {**task, "condition_task": body}),
            VALID_LOOP.map(lambda body: {**task, "for_each_task": body}),
        )
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda task: str(task["task_key"]),
)
FIELDS = ["job_id", "run_id", "job_parameters", "notebook_params", "python_params", "only", "queue",
          "rerun_tasks", "rerun_all_failed_tasks", "rerun_dependent_tasks", "latest_repair_id",
          "idempotency_token",
          "new_settings", "fields_to_remove", "all_queued_runs"]  # fmt: skip
BODIES = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4) | JSON
POSTS = ["2.0/jobs/create", "2.2/jobs/reset", "2.2/jobs/update", "2.1/jobs/delete", "2.2/jobs/run-now",
         "2.2/jobs/runs/repair", "2.1/jobs/runs/delete", "2.2/jobs/runs/cancel-all"]  # fmt: skip
GETS = ["2.2/jobs/get", "2.1/jobs/get", "2.2/jobs/list", "2.0/jobs/runs/export", "2.2/jobs/runs/list",
        "2.2/jobs/runs/get", "2.2/jobs/runs/get-output"]  # fmt: skip
QUERY_FIELDS = ["job_id", "run_id", "limit", "offset", "page_token", "expand_tasks", "name",
                "views_to_export", "active_only", "completed_only",
                "run_type", "start_time_from", "start_time_to",
                "include_history", "include_resolved_values"]  # fmt: skip
QUERIES = st.dictionaries(
    st.sampled_from(QUERY_FIELDS), st.text(max_size=12) | st.integers().map(str) | st.just("true"), max_size=4
)
WANTED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def check(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code in (200, 400, 404), answer.text
    body = answer.json()
    assert isinstance(body, dict)
    if answer.status_code != 200:
        assert set(body) == {"error_code", "message"}
    return body


@WANTED
@given(path=st.sampled_from(POSTS), body=BODIES)
@example(path=POSTS[0], body={"tasks": [{"task_key": "a", "for_each_task": {"inputs": "[]", "task": {}}}]})
def test_no_body_is_an_error_of_the_server(lab: Lab, path: str, body: Any) -> None:
    check(lab.http.post(f"/api/{path}", content=json.dumps(body)))


@WANTED
@given(path=st.sampled_from(GETS), query=QUERIES)
def test_no_query_is_an_error_of_the_server(lab: Lab, path: str, query: dict[str, str]) -> None:
    check(lab.http.get(f"/api/{path}", params=query))


@settings(WANTED, max_examples=100)
@example(job={"environments": [None]}, changes={}, request={})
@given(
    job=SETTINGS | st.fixed_dictionaries({"tasks": VALID_TASKS}),
    changes=SETTINGS,
    request=st.dictionaries(st.sampled_from(FIELDS[2:7]), JSON, max_size=2),
)
def test_whatever_job_is_accepted_can_be_read_run_changed_and_repaired(
    lab: Lab, job: dict[str, Any], changes: dict[str, Any], request: dict[str, Any]
) -> None:
    created = check(lab.post("/api/2.2/jobs/create", job))
    if "job_id" not in created:
        return
    job_id = created["job_id"]
    check(lab.get("/api/2.2/jobs/get", job_id=job_id))
    check(lab.get("/api/2.2/jobs/list", expand_tasks="true", limit=1))
    run_id = check(lab.post("/api/2.2/jobs/run-now", {**request, "job_id": job_id})).get("run_id")
    check(lab.post("/api/2.2/jobs/update", {"job_id": job_id, "new_settings": changes}))
    if run_id is not None:
        run = until(lambda: ended(lab, run_id))
        for task in run["tasks"]:
            check(lab.get("/api/2.2/jobs/runs/get", run_id=task["run_id"], include_resolved_values="true"))
            check(lab.get("/api/2.2/jobs/runs/get-output", run_id=task["run_id"]))
        check(lab.post("/api/2.2/jobs/runs/repair", {"run_id": run_id, "rerun_all_failed_tasks": True}))
        until(lambda: ended(lab, run_id))
        check(lab.post("/api/2.2/jobs/runs/delete", {"run_id": run_id}))
    assert check(lab.post("/api/2.2/jobs/delete", {"job_id": job_id})) == {}


def ended(lab: Lab, run_id: int) -> dict[str, Any] | None:
    run = check(lab.get("/api/2.2/jobs/runs/get", run_id=run_id, include_history="true"))
    done = run["state"]["life_cycle_state"] in ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
    assert "error in the workspace" not in run["state"]["state_message"]
    return run if done else None
