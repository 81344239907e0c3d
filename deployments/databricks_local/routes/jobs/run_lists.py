"""The Jobs API: the list of runs."""

from collections.abc import Callable

from databricks_local.api.bodies import Json, read_boolean, read_choice, read_integer, read_string
from databricks_local.api.errors import invalid_parameter
from databricks_local.api.paging import PAGE_SIZE, listing_json, newest_first
from databricks_local.routes.context import Workspace
from databricks_local.routes.jobs.run_json import base_run_json, task_json
from databricks_local.runs.models import Run
from databricks_local.runs.scheduling import is_active

RUN_TYPES = ("", "JOB_RUN", "WORKFLOW_RUN", "SUBMIT_RUN")
DEFAULT_LIMIT = 20
MAX_LIMIT = 25


def list_runs(workspace: Workspace, query: dict[str, str]) -> Json:
    """The answer of `runs/list`."""
    limit = _limit(query)
    token, offset = read_string(query, "page_token"), max(read_integer(query, "offset"), 0)
    wanted = _filter(query)
    runs = (run for run in workspace.store.newest_first() if wanted(run))
    expand = read_boolean(query, "expand_tasks")
    page = newest_first(runs, lambda run: (run.start_time, run.number), limit, token, offset)
    shown = [_listed(workspace, run, expand=expand) for run in page.items]
    return listing_json("runs", shown, page)


def _listed(workspace: Workspace, run: Run, *, expand: bool) -> Json:
    shown = base_run_json(run, workspace.links)
    if expand:
        shown["tasks"] = [task_json(run, task, workspace.links) for task in run.tasks[:PAGE_SIZE]]
        if run.spec.job_clusters:
            shown["job_clusters"] = list(run.spec.job_clusters[:PAGE_SIZE])
        if len(run.tasks) > PAGE_SIZE:
            # Docs: has_more of a run says that `runs/get` has more of its arrays.
            shown["has_more"] = True
    return shown


def _limit(query: dict[str, str]) -> int:
    """Docs: above 0 and below 25, with 20 as the default; 0 is the maximum."""
    limit = read_integer(query, "limit", DEFAULT_LIMIT)
    if not 0 <= limit <= MAX_LIMIT:
        raise invalid_parameter(f"Invalid value for limit: {limit}. It must be between 0 and {MAX_LIMIT}.")
    return limit or MAX_LIMIT


def _filter(query: dict[str, str]) -> Callable[[Run], bool]:
    active, completed = read_boolean(query, "active_only"), read_boolean(query, "completed_only")
    if active and completed:
        raise invalid_parameter("Only one of active_only and completed_only can be true.")
    run_type = read_choice(query, "run_type", RUN_TYPES, "")
    job_id = read_integer(query, "job_id", -1)
    earliest = read_integer(query, "start_time_from")
    latest = read_integer(query, "start_time_to", 2**63 - 1)

    def wanted(run: Run) -> bool:
        if (active or completed) and is_active(run.state) != active:
            return False
        in_time = earliest <= run.start_time <= latest
        return in_time and run_type in ("", run.spec.run_type) and job_id in (-1, run.job_id)

    return wanted
