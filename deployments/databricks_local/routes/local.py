"""Routes that only a local workspace has: faults, the log of requests, the clock, notifications."""

from dataclasses import asdict
from itertools import islice

from fastapi import APIRouter, Request

from databricks_local.access.request_log import MAX_REQUESTS, RequestLog
from databricks_local.api.bodies import Json, read_integer, read_string
from databricks_local.api.errors import invalid_parameter, run_not_found
from databricks_local.faults.book import FaultBook
from databricks_local.routes.context import Workspace
from databricks_local.routes.incoming import read_body
from databricks_local.runs.notifications import notifications_of

FAULTS_PATH = "/local/faults"
REQUESTS_PATH = "/local/requests"
CLOCK_PATH = "/local/clock"
NOTIFICATIONS_PATH = "/local/notifications"

MAX_NOTIFICATIONS = 10_000
"""How many are shown at once: the last ones."""


def local_router(faults: FaultBook, requests: RequestLog) -> APIRouter:
    """The routes under `/local`."""
    router = APIRouter()

    @router.post(FAULTS_PATH)
    async def add_fault(request: Request) -> Json:
        return {"fault_id": faults.add(await read_body(request))}

    @router.get(FAULTS_PATH)
    async def show_faults() -> Json:
        return {"faults": faults.show()}

    @router.delete(FAULTS_PATH)
    async def remove_faults(request: Request) -> Json:
        query = dict(request.query_params)
        if "fault_id" in query:
            faults.remove(read_integer(query, "fault_id"))
        else:
            faults.clear()
        return {}

    @router.get(REQUESTS_PATH)
    async def show_requests(request: Request) -> Json:
        query = dict(request.query_params)
        limit = read_integer(query, "limit", MAX_REQUESTS)
        if not 1 <= limit <= MAX_REQUESTS:
            raise invalid_parameter(f"limit must be between 1 and {MAX_REQUESTS}, but is {limit}.")
        prefix, since_id = read_string(query, "path_prefix"), read_integer(query, "since_id")
        found, has_more = requests.show(prefix, since_id, limit)
        return {"requests": found, "has_more": has_more, "last_id": requests.last_id}

    @router.delete(REQUESTS_PATH)
    async def clear_requests() -> Json:
        requests.clear()
        return {}

    return router


def time_router(workspace: Workspace) -> APIRouter:
    """The routes of the clock and of what came of time: the notifications."""
    router = APIRouter()
    timetable = workspace.timetable

    @router.get(CLOCK_PATH)
    async def show_clock() -> Json:
        return {"time": workspace.clock(), "ahead_millis": timetable.clock.ahead}

    @router.post(CLOCK_PATH)
    async def turn_clock(request: Request) -> Json:
        runs = await timetable.turn(await read_body(request))
        await workspace.database.flush()
        started = [
            {
                "run_id": run.run_id,
                "job_id": run.job_id,
                "trigger": run.spec.trigger,
                "trigger_time": run.spec.trigger_time,
            }
            for run in runs
        ]
        return {"time": workspace.clock(), "runs": started}

    @router.get(NOTIFICATIONS_PATH)
    async def show_notifications(request: Request) -> Json:
        run_id = read_integer(dict(request.query_params), "run_id")
        only = workspace.store.run(run_id)
        if run_id and only is None:
            raise run_not_found(run_id)
        runs = [only] if only else workspace.store.newest_first()
        now = workspace.clock()
        found = (each for run in runs for each in reversed(notifications_of(run, now)))
        oldest_first = list(islice(found, MAX_NOTIFICATIONS))[::-1]
        oldest_first.sort(key=lambda each: each.time)
        return {"notifications": [asdict(each) for each in oldest_first]}

    return router
