"""The calls of the Jobs API that a run needs, by the official SDK; the answers are raw JSON.

The client of the SDK brings the logins and the retries of single calls. Its types are not used, since they
drop fields and enum values that they do not know; nor is its waiter, which returns normally on a failed run
(databricks-sdk-py#518).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from databricks_blocks.workspace.api_calls import call_api

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_RUNS_ON_A_PAGE = 24  # docs: less than 25
_PAGED_FIELDS = ("tasks", "job_clusters", "job_parameters", "repair_history")


def submit_run(client: WorkspaceClient, request: Mapping[str, Any]) -> int:
    """Start a one-time run, or find the one that the idempotency token already started.

    Args:
        client: SDK client of the workspace.
        request: The body, as `submit_body` builds it.

    Returns:
        The run id.

    Raises:
        DatabricksRunRefused: The workspace does not accept the request.
        DatabricksUnreachable: The workspace did not answer, after the SDK's own retries.
    """
    answer = call_jobs_api(client, "POST", "runs/submit", body=dict(request), expect="run_id")
    return int(answer["run_id"])


def get_run(client: WorkspaceClient, run_id: int) -> dict[str, Any]:
    """Read a run, all of its pages merged (2.2 gives at most 100 elements of each array at a time)."""
    query: dict[str, Any] = {"run_id": run_id, "include_history": "true"}
    run = call_jobs_api(client, "GET", "runs/get", query=query, expect="run_id")
    page = run
    while token := page.get("next_page_token"):
        query["page_token"] = token
        page = call_jobs_api(client, "GET", "runs/get", query=query, expect="run_id")
        for name in _PAGED_FIELDS:
            run.setdefault(name, []).extend(page.get(name) or ())
    run.pop("next_page_token", None)
    return run


def list_runs(
    client: WorkspaceClient,
    *,
    limit: int,
    job_id: int | None = None,
    active_only: bool = False,
    with_tasks: bool = False,
) -> list[dict[str, Any]]:
    """List runs, the latest first.

    Args:
        client: SDK client of the workspace.
        limit: How many at most.
        job_id: Id of the job; `None`: runs of all jobs.
        active_only: Whether to leave out the runs that have ended.
        with_tasks: Whether the runs have their tasks, at most a hundred each.
    """
    query: dict[str, Any] = {"limit": _RUNS_ON_A_PAGE}
    if job_id is not None:
        query["job_id"] = job_id
    if active_only:
        query["active_only"] = "true"
    if with_tasks:
        query["expand_tasks"] = "true"
    runs: list[dict[str, Any]] = []
    while len(runs) < limit:
        page = call_jobs_api(client, "GET", "runs/list", query=query)
        runs += page.get("runs") or ()
        if not page.get("next_page_token"):
            break
        query["page_token"] = page["next_page_token"]
    return runs[:limit]


def get_run_output(client: WorkspaceClient, task_run_id: int) -> dict[str, Any]:
    """Read what one attempt of a task left behind: exit value, or error and trace."""
    return call_jobs_api(client, "GET", "runs/get-output", query={"run_id": task_run_id})


def repair_run(client: WorkspaceClient, request: Mapping[str, Any]) -> int:
    """Run tasks of a run again.

    Args:
        client: SDK client of the workspace.
        request: The body, as `repair_body` builds it.

    Returns:
        The repair id.
    """
    answer = call_jobs_api(client, "POST", "runs/repair", body=dict(request), expect="repair_id")
    return int(answer["repair_id"])


def cancel_run(client: WorkspaceClient, run_id: int) -> None:
    """Ask Databricks to end a run; it answers before the run has ended."""
    call_jobs_api(client, "POST", "runs/cancel", body={"run_id": run_id})


def call_jobs_api(
    client: WorkspaceClient,
    method: str,
    endpoint: str,
    *,
    query: dict[str, Any] | None = None,
    body: dict[str, Any] | None = None,
    expect: str = "",
) -> dict[str, Any]:
    """Make a call of the Jobs API 2.2: see `call_api`.

    Args:
        client: SDK client of the workspace.
        method: HTTP method.
        endpoint: What follows `jobs/`.
        query: Parameters of the URL.
        body: The request.
        expect: A field that the answer must have.
    """
    return call_api(client, method, f"/api/2.2/jobs/{endpoint}", query=query, body=body, expect=expect)
