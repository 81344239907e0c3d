"""A workspace that is a model of the Jobs API, behind the official SDK, in time that passes only by sleeping.

Nothing listens: the SDK's HTTP session hands its requests to the model. So everything between the code under
test and the wire is real, and no test waits.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

EPOCH = 1_700_000_000.0
HOST = "https://dbc.example"
SHARED_CLUSTER_REFUSED = "Shared job cluster feature is not supported in runs/submit API."
LATEST_MISSING = "The latest repair ID needs to be provided in order to create a new repair"


class Time:
    """Seconds that pass only while somebody sleeps; the clock of our code and of the SDK.

    It begins at 10,000, as on a machine that is up for hours: a time of 0.0 by mistake is then long ago.
    """

    def __init__(self) -> None:
        self.now = self.began = 10_000.0

    @property
    def passed(self) -> float:
        return self.now - self.began

    def __call__(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@dataclass
class Call:
    """A request that was made, and when."""

    endpoint: str
    body: dict[str, Any]
    at: float


@dataclass
class Fault:
    """What happens to the next requests of an endpoint: `happen` answers or raises in place of the model."""

    endpoint: str
    happen: Callable[[], tuple[int, dict[str, str], str]]
    after: bool = False
    count: int = 1


class Refusal(Exception):
    """What the model does not accept."""


@dataclass
class Attempt:
    """One attempt at a task, its times known from the start."""

    run_id: int
    key: str
    number: int
    start: float
    end: float
    result: str | None
    life_cycle: str = "TERMINATED"
    error: str = ""
    generation: int = 0


@dataclass
class Run:
    """A run; its rounds are the original one and its repairs."""

    run_id: int
    settings: dict[str, Any]
    start: float
    job_id: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    repairs: list[tuple[int, float]] = field(default_factory=list)
    """Ids, and when each begins to show."""
    cancelled_at: float | None = None
    state: dict[str, Any] | None = None
    """Shown in place of the state that follows from the attempts."""

    @property
    def end(self) -> float:
        end = max((attempt.end for attempt in self.attempts), default=self.start)
        return end if self.cancelled_at is None else min(end, self.cancelled_at)


class FakeWorkspace(BaseAdapter):
    """The model.

    Attributes:
        outcomes: Results of the attempts at a task, in order: a result state, or an error of a notebook.
        seconds: How long each attempt takes.
        repairs_submitted: Whether a run that was submitted can be repaired; unknown of the real one.
        repair_shown_after: Seconds for which a repair is invisible.
        refuse_repair: Says why repairs are refused, whatever the run.
    """

    def __init__(self, time: Time | None = None) -> None:
        super().__init__()
        self.time = time or Time()
        self.outcomes: dict[str, list[str]] = {}
        self.seconds: dict[str, float] = {}
        self.default_seconds = 10.0
        self.repairs_submitted = False
        self.repair_shown_after = 0.0
        self.refuse_repair = ""
        self.page_size = 100
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.runs: dict[int, Run] = {}
        self.jobs: dict[int, dict[str, Any]] = {}
        self.tokens: dict[str, int] = {}
        self._ids = iter(range(1000, 10**9))

    def client(self) -> WorkspaceClient:
        with patch.object(Config, "_resolve_host_metadata"):  # clients ask their host when they are made
            config = Config(host=HOST, token="t", clock=self.time, retry_timeout_seconds=30)
            client = WorkspaceClient(config=config)
        client.api_client._api_client._session.mount(HOST, self)
        return client

    # What a test asks.

    def called(self, pattern: str) -> list[Call]:
        return [call for call in self.calls if fnmatch(call.endpoint, pattern)]

    @property
    def active(self) -> list[int]:
        return [run.run_id for run in self.runs.values() if run.end > self.time.now]

    def fail(self, endpoint: str, *answers: Any, after: bool = False, count: int = 1) -> None:
        """Let requests fail: an exception is raised, an HTTP status answered, with its body and headers."""
        for answer in answers:
            self.faults.append(Fault(endpoint, _happening(answer), after, count))

    # The wire.

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        url = urlsplit(request.url or "")
        endpoint = url.path.removeprefix("/api/2.2/jobs/")
        sent = dict(parse_qsl(url.query)) if request.method == "GET" else json.loads(request.body or "{}")
        self.calls.append(Call(endpoint, sent, self.time.now))
        fault = next((fault for fault in self.faults if fnmatch(endpoint, fault.endpoint)), None)
        if fault is not None:
            fault.count -= 1
            if fault.count == 0:
                self.faults.remove(fault)
            if fault.after:
                self._answer(endpoint, sent)
            return _response(request, *fault.happen())
        return _response(request, *self._answer(endpoint, sent))

    def close(self) -> None:
        """Nothing is open."""

    def _answer(self, endpoint: str, sent: dict[str, Any]) -> tuple[int, dict[str, str], str]:
        handler = getattr(self, "_" + endpoint.replace("/", "_").replace("-", "_"), None)
        if handler is None:
            return 404, {}, "{}"
        try:
            return 200, {}, json.dumps(handler(sent))
        except Refusal as refusal:
            return 400, {}, json.dumps({"error_code": "INVALID_PARAMETER_VALUE", "message": str(refusal)})

    # The endpoints.

    def _runs_submit(self, sent: dict[str, Any]) -> dict[str, Any]:
        if "job_clusters" in sent:
            raise Refusal(SHARED_CLUSTER_REFUSED)
        return {"run_id": self._started(sent, sent["tasks"], 0)}

    def _run_now(self, sent: dict[str, Any]) -> dict[str, Any]:
        job_id = sent["job_id"]
        if job_id not in self.jobs:
            raise Refusal(f"Job {job_id} does not exist.")
        return {"run_id": self._started(sent, self.jobs[job_id]["settings"]["tasks"], job_id)}

    def _started(self, sent: dict[str, Any], tasks: Sequence[Mapping[str, Any]], job_id: int) -> int:
        token = sent["idempotency_token"]
        if token not in self.tokens:
            run = Run(next(self._ids), {**sent, "tasks": list(tasks)}, self.time.now, job_id)
            self.runs[run.run_id] = run
            self.tokens[token] = run.run_id
            self._work(run, [task["task_key"] for task in tasks])
        return self.tokens[token]

    def _work(self, run: Run, keys: Sequence[str]) -> None:
        """Work out how attempts at tasks will go."""
        latest = {attempt.key: attempt for attempt in run.attempts}
        for task in run.settings["tasks"]:
            key = task["task_key"]
            if key not in keys:
                continue
            upstream = [latest[dependency["task_key"]] for dependency in task.get("depends_on") or ()]
            start = max([self.time.now, *(attempt.end for attempt in upstream)])
            number = sum(attempt.key == key for attempt in run.attempts)
            if all(attempt.result == "SUCCESS" for attempt in upstream):
                said = (self.outcomes.get(key) or ["SUCCESS"]).pop(0)
                end = start + self.seconds.get(key, self.default_seconds)
                is_state = said.replace("_", "").isupper()
                made = Attempt(next(self._ids), key, number, start, end, said if is_state else "FAILED")
                made.error = "" if is_state else said
            else:
                made = Attempt(next(self._ids), key, number, start, start, "UPSTREAM_FAILED", "SKIPPED")
            run.attempts.append(made)
            latest[key] = made

    def _runs_get(self, sent: dict[str, Any]) -> dict[str, Any]:
        run = self._run_of(sent)
        offset, size = int(sent.get("page_token", 0)), self.page_size
        hidden = [repair_id for repair_id, shown in run.repairs if shown > self.time.now]
        attempts = run.attempts
        if hidden:
            attempts = [attempt for attempt in attempts if attempt.generation not in hidden]
        shown = [self._task_json(run, attempt) for attempt in attempts][::-1]
        page = {
            "run_id": run.run_id,
            "job_id": run.job_id,
            "run_name": run.settings.get("run_name", ""),
            "run_page_url": f"{HOST}/jobs/{run.job_id}/runs/{run.run_id}",
            "start_time": _millis(run.start),
            "state": run.state or self._state(run, attempts),
            "tasks": shown[offset : offset + size],
        }
        if offset + size < len(shown):
            page["next_page_token"] = str(offset + size)
        if sent.get("include_history") == "true" and not offset:
            page["repair_history"] = [
                {"type": "ORIGINAL"},
                *({"type": "REPAIR", "id": id_} for id_, _ in run.repairs if id_ not in hidden),
            ]
        return page

    def _runs_list(self, sent: dict[str, Any]) -> dict[str, Any]:
        """Only the active runs, as the launchers ask for them."""
        active = [run for run in self.runs.values() if run.end > self.time.now]
        return {
            "runs": [
                {"run_id": run.run_id, "run_name": run.settings.get("run_name", "")}
                for run in active
                if str(run.job_id) == sent.get("job_id", str(run.job_id))
            ]
        }

    def _runs_get_output(self, sent: dict[str, Any]) -> dict[str, Any]:
        for run in self.runs.values():
            for attempt in run.attempts:
                if attempt.run_id == int(sent["run_id"]):
                    if attempt.error:
                        return {"error": attempt.error, "error_trace": f"Traceback\n{attempt.error}"}
                    return {"notebook_output": {"result": f"value of {attempt.key}"}}
        raise Refusal(
            "Retrieving the output of runs with multiple tasks is not supported. Please retrieve the output "
            "of each individual task run instead."
        )

    def _runs_repair(self, sent: dict[str, Any]) -> dict[str, Any]:
        run = self._run_of(sent)
        if self.refuse_repair:
            raise Refusal(self.refuse_repair)
        if not run.job_id and not self.repairs_submitted:
            raise Refusal(f"Run {run.run_id} is not a job run and cannot be repaired.")
        if run.end > self.time.now:
            raise Refusal(f"Run {run.run_id} is active, so that it cannot be repaired.")
        if run.repairs and sent.get("latest_repair_id") != run.repairs[-1][0]:
            raise Refusal(LATEST_MISSING)
        keys = sent.get("rerun_tasks")
        if keys is not None and len(set(keys)) < len(keys):
            raise Refusal("rerun_tasks cannot contain duplicate task keys.")
        latest = {attempt.key: attempt for attempt in run.attempts}
        wanted = set(keys or [key for key, attempt in latest.items() if attempt.result != "SUCCESS"])
        if not wanted:
            raise Refusal("There are no failed tasks to repair.")
        order = [task["task_key"] for task in run.settings["tasks"]]
        if sent.get("rerun_dependent_tasks"):
            for task in run.settings["tasks"]:
                if wanted & {dependency["task_key"] for dependency in task.get("depends_on") or ()}:
                    wanted.add(task["task_key"])
        return {"repair_id": self.begin_repair(run, [key for key in order if key in wanted])}

    def begin_repair(self, run: Run, keys: Sequence[str]) -> int:
        """Repair a run, as a person may in the workspace."""
        repair_id = next(self._ids)
        run.repairs.append((repair_id, self.time.now + self.repair_shown_after))
        before = len(run.attempts)
        run.cancelled_at = None
        self._work(run, keys)
        for attempt in run.attempts[before:]:
            attempt.generation = repair_id
        return repair_id

    def _runs_cancel(self, sent: dict[str, Any]) -> dict[str, Any]:
        run = self._run_of(sent)
        if run.end > self.time.now:
            run.cancelled_at = self.time.now
        return {}

    def _create(self, sent: dict[str, Any]) -> dict[str, Any]:
        job_id = next(self._ids)
        self.jobs[job_id] = {"job_id": job_id, "created_time": _millis(self.time.now), "settings": sent}
        return {"job_id": job_id}

    def _list(self, sent: dict[str, Any]) -> dict[str, Any]:
        return {"jobs": [job for job in self.jobs.values() if job["settings"]["name"] == sent["name"]]}

    def _reset(self, sent: dict[str, Any]) -> dict[str, Any]:
        self.jobs[sent["job_id"]]["settings"] = sent["new_settings"]
        return {}

    def _delete(self, sent: dict[str, Any]) -> dict[str, Any]:
        del self.jobs[sent["job_id"]]
        return {}

    # States.

    def _run_of(self, sent: dict[str, Any]) -> Run:
        if int(sent["run_id"]) not in self.runs:
            raise Refusal(f"Run {sent['run_id']} does not exist.")
        return self.runs[int(sent["run_id"])]

    def _state(self, run: Run, attempts: Sequence[Attempt]) -> dict[str, Any]:
        if run.cancelled_at is not None and run.cancelled_at <= self.time.now:
            return {"life_cycle_state": "TERMINATED", "result_state": "CANCELED"}
        if any(attempt.end > self.time.now for attempt in attempts):
            return {"life_cycle_state": "RUNNING"}
        results = {attempt.key: attempt for attempt in attempts}.values()
        failed = [attempt for attempt in results if attempt.result != "SUCCESS"]
        if not failed:
            return {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS"}
        message = f"Task {failed[0].key} failed with message: Workload failed, see run output for details."
        return {"life_cycle_state": "INTERNAL_ERROR", "result_state": "FAILED", "state_message": message}

    def _task_json(self, run: Run, attempt: Attempt) -> dict[str, Any]:
        task = next(task for task in run.settings["tasks"] if task["task_key"] == attempt.key)
        now = self.time.now
        begun = attempt.start <= now and attempt.life_cycle != "SKIPPED"
        cancelled = run.cancelled_at is not None and run.cancelled_at < attempt.end
        if cancelled:
            state = {"life_cycle_state": "TERMINATED", "result_state": "CANCELED"}
        elif attempt.end <= now:
            state = {"life_cycle_state": attempt.life_cycle, "result_state": attempt.result}
        else:
            state = {"life_cycle_state": "RUNNING" if attempt.start <= now else "BLOCKED"}
        if attempt.end <= now and attempt.result == "FAILED":
            state["state_message"] = "Workload failed, see run output for details"
        return {
            "task_key": attempt.key,
            "run_id": attempt.run_id,
            "attempt_number": attempt.number,
            "run_page_url": f"{HOST}/jobs/{run.job_id}/runs/{attempt.run_id}",
            "depends_on": task.get("depends_on") or [],
            "state": state,
            "start_time": _millis(attempt.start) if begun else 0,
            "end_time": _millis(attempt.end) if attempt.end <= now else 0,
        }


def _millis(seconds: float) -> int:
    return int((EPOCH + seconds) * 1000)


def _happening(answer: Any) -> Callable[[], tuple[int, dict[str, str], str]]:
    if isinstance(answer, Exception):

        def happen() -> tuple[int, dict[str, str], str]:
            raise answer

        return happen
    if callable(answer):
        return answer
    status, body, *rest = answer if isinstance(answer, tuple) else (answer, "")
    return lambda: (status, rest[0] if rest else {}, body)


def _response(
    request: requests.PreparedRequest, status: int, headers: dict[str, str], body: str
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers.update({"Content-Type": "application/json", **headers})
    response.raw = HTTPResponse(io.BytesIO(body.encode()), preload_content=False)
    response.url = request.url or ""
    response.request = request
    response.encoding = "utf-8"
    return response
