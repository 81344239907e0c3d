"""What the workspace refuses, and in which words."""

from typing import Any

import httpx
import pytest
from databricks.sdk import WorkspaceClient

from .workspace_lab import CLUSTER, Lab

NOTEBOOK = {"notebook_path": "/Shared/any"}
COMPUTE = "One of job_cluster_key, new_cluster, or existing_cluster_id must be specified."
SHARED = "Shared job cluster feature is not supported in runs/submit API."


def task(key: str = "a", **fields: Any) -> dict[str, Any]:
    return {"task_key": key, "notebook_task": NOTEBOOK, "new_cluster": CLUSTER, **fields}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"tasks": [task()], "job_clusters": [{"job_cluster_key": "c", "new_cluster": CLUSTER}]}, SHARED),
        ({"tasks": [{**task(new_cluster=None), "job_cluster_key": "c"}]}, COMPUTE),
        ({"tasks": [task(new_cluster=None, existing_cluster_id="1")]}, "Cluster 1 does not exist"),
        ({"tasks": []}, "At least one task must be specified."),
        (
            {"tasks": [task(f"t{n}") for n in range(101)]},
            "The number of tasks must be at most 100, but is 101.",
        ),
        ({"tasks": [task(), task()]}, "Task keys must be unique, but these are repeated: a."),
        (
            {"tasks": [task("a b")]},
            "Task key 'a b' is invalid: 1 to 100 letters, digits, hyphens and underscores.",
        ),
        ({"tasks": [task(depends_on=[{"task_key": "z"}])]}, "Task 'a' depends on the unknown task 'z'."),
        ({"tasks": [task(depends_on=[{"task_key": "a"}])]}, "The dependencies of the tasks form a cycle."),
        (
            {"tasks": [task()], "idempotency_token": "x" * 65},
            "idempotency_token must be at most 64 characters long.",
        ),
        (
            {"tasks": [task(notebook_task=None, spark_jar_task={"main_class_name": "x"})]},
            "Task type spark_jar_task is not served by the local workspace yet.",
        ),
        (
            {"tasks": [task(notebook_task={"notebook_path": "relative"})]},
            "Only absolute paths are currently supported. Paths must begin with '/'.",
        ),
        ({"tasks": [task(timeout_seconds=-1)]}, "timeout_seconds must be 0 or a positive number."),
    ],
)
def test_submit_refuses(lab: Lab, body: dict[str, Any], message: str) -> None:
    answer = lab.post("/api/2.1/jobs/runs/submit", body)
    assert answer.status_code == 400
    assert answer.json() == {"error_code": "INVALID_PARAMETER_VALUE", "message": message}


def test_explicit_nulls_are_no_values(lab: Lab) -> None:
    """prefect-databricks sends every field that it does not set as null."""
    lab.notebook("any", "x = 1\n")
    full = task(job_cluster_key=None, spark_jar_task=None, libraries=None, timeout_seconds=None, run_if=None)
    answer = lab.post(
        "/api/2.1/jobs/runs/submit", {"tasks": [full], "job_clusters": None, "git_source": None}
    )
    assert answer.status_code == 200
    assert lab.ended(answer.json()["run_id"])["state"]["result_state"] == "SUCCESS"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "Invalid JSON given in the body of the request - failed to parse given JSON"),
        (b"\xff\xfe", "Invalid JSON given in the body of the request - failed to parse given JSON"),
        (b'{"run_name": NaN}', "Invalid JSON given in the body of the request - failed to parse given JSON"),
        (
            b'{"run_name": "\\ud800"}',
            "Invalid JSON given in the body of the request - failed to parse given JSON",
        ),
        (
            b'{"tasks": ' + b"[" * 100_000,
            "Invalid JSON given in the body of the request - failed to parse given JSON",
        ),
        (
            b'{"a":' * 150 + b"1" + b"}" * 150,
            "Invalid JSON given in the body of the request - failed to parse given JSON",
        ),
        (b"[]", "Could not parse request object: Expected 'START_OBJECT'"),
        (
            b'{"run_name": {}}',
            "Could not parse request object: Expected Scalar value for String field 'run_name'",
        ),
        (b'{"tasks": 5}', "Could not parse request object: Expected a list of objects for field 'tasks'"),
    ],
)
def test_malformed_bodies(lab: Lab, content: bytes, message: str) -> None:
    answer = lab.http.post("/api/2.1/jobs/runs/submit", content=content)
    assert (answer.status_code, answer.json()) == (
        400,
        {"error_code": "MALFORMED_REQUEST", "message": message},
    )


@pytest.mark.parametrize("value", ["9" * 30, "-1.5", "abc", "1e400", "٣"])
def test_run_ids_that_are_no_numbers(lab: Lab, value: str) -> None:
    answer = lab.get("/api/2.1/jobs/runs/get", run_id=value)
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "MALFORMED_REQUEST"


def test_a_missing_run_id(lab: Lab) -> None:
    answer = lab.get("/api/2.1/jobs/runs/get")
    assert (answer.status_code, answer.json()["message"]) == (400, "Missing required field: run_id")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/2.1/jobs/runs/submit"),
        ("POST", "/api/2.2/jobs/create"),
        ("POST", "/api/2.0/workspace/mkdirs"),
        ("POST", "/api/2.0/dbfs/put"),
        ("POST", "/api/2.0/secrets/put"),
        ("POST", "/api/2.1/clusters/create"),
        ("POST", "/api/2.0/libraries/install"),
        ("POST", "/api/2.1/unity-catalog/volumes"),
        ("POST", "/api/2.0/repos"),
        ("POST", "/local/faults"),
    ],
)
def test_a_body_over_10_mb(lab: Lab, method: str, path: str) -> None:
    limit = 10 * 1024 * 1024
    answer = lab.http.request(method, path, content=b" " * (limit + 1))
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "error_code": "MAX_REQUEST_SIZE_EXCEEDED",
            "message": f"The request body is larger than {limit} bytes.",
        },
    )


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "UNAUTHORIZED"),
        ({"Authorization": "Basic dTpw"}, 401, "UNAUTHORIZED"),
        ({"Authorization": "Bearer wrong"}, 403, "PERMISSION_DENIED"),
        ({"Authorization": "Bearer \xff".encode("latin-1")}, 403, "PERMISSION_DENIED"),
    ],
)
@pytest.mark.parametrize(
    "path", ["/api/2.0/preview/scim/v2/Me", "/api/2.1/jobs/runs/list", "/api/2.0/nothing"]
)
def test_every_path_of_the_api_needs_the_token(
    lab: Lab, path: str, headers: dict[str, Any], status: int, code: str
) -> None:
    answer = httpx.get(lab.workspace.url + path, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert set(answer.json()) == {"error_code", "message"}


def test_the_cookie_of_a_browser_does_not_open_the_api(lab: Lab) -> None:
    with httpx.Client(base_url=lab.workspace.url, trust_env=False) as browser:
        browser.post("/login", data={"token": lab.workspace.token})
        assert browser.get("/").status_code == 200
        assert browser.get("/api/2.1/jobs/runs/list").status_code == 401


def test_the_sdk_gets_what_it_asks_for_first_and_warns_of_nothing(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    """It asks every host for its metadata, without the token, before it looks at the login."""
    client = WorkspaceClient(host=lab.workspace.url, token=lab.workspace.token)
    assert client.current_user.me().user_name == "local@dbflow.example"
    assert client.config.auth_type == "pat"
    assert client.config.discovery_url == f"{lab.workspace.url}/oidc/.well-known/oauth-authorization-server"
    assert caplog.records == []


@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("GET", "/api/2.0/pipelines", "GET /2.0/pipelines"),
        ("GET", "/api/2.1/jobs/runs/submit", "GET /2.1/jobs/runs/submit"),
        ("DELETE", "/api/2.0/workspace/list", "DELETE /2.0/workspace/list"),
        ("GET", "/api/9.9/jobs/runs/list", "GET /9.9/jobs/runs/list"),
        ("GET", "/api/2.1/jobs/runs/list/", "GET /2.1/jobs/runs/list/"),
        ("GET", "/api", "GET "),
    ],
)
def test_unknown_endpoints(lab: Lab, method: str, path: str, named: str) -> None:
    answer = lab.http.request(method, path)
    assert (answer.status_code, answer.json()) == (
        404,
        {"error_code": "ENDPOINT_NOT_FOUND", "message": f"No API found for '{named}'"},
    )
