"""What tests of saved jobs share: settings, runs, and their tasks by key."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from databricks.sdk.service.workspace import ImportFormat
from databricks_local import LocalWorkspace

from .workspace_lab import CLUSTER, Lab, lab_of

SHARED = [{"job_cluster_key": "shared", "new_cluster": CLUSTER}]
GET = "/api/2.2/jobs/runs/get"


def step(key: str, path: str, after: Sequence[str] = (), **fields: Any) -> dict[str, Any]:
    """A notebook task on the shared cluster; `parameters` are its base parameters."""
    notebook = {"notebook_path": path, "base_parameters": fields.pop("parameters", {})}
    depends_on = [{"task_key": name} for name in after]
    return {
        "task_key": key,
        "notebook_task": notebook,
        "job_cluster_key": "shared",
        "depends_on": depends_on,
        **fields,
    }


def file_task(path: str, *parameters: str, key: str = "only", **fields: Any) -> dict[str, Any]:
    """A task that runs a Python file on a cluster of its own."""
    body = {"python_file": path, "parameters": list(parameters)}
    return {"task_key": key, "spark_python_task": body, "new_cluster": CLUSTER, **fields}


def put_file(lab: Lab, path: str, content: str, form: ImportFormat = ImportFormat.RAW) -> str:
    """Put a file into the workspace, with the folder that it is in; returns its path."""
    lab.sdk.workspace.mkdirs(path.rpartition("/")[0])
    lab.sdk.workspace.upload(path, content.encode(), format=form, overwrite=True)
    return path


def result(lab: Lab, name: str, source: str, **fields: Any) -> Any:
    """Run one notebook, and return the JSON that it gives to `exit`."""
    task, output = lab.run_source(name, textwrap.dedent(source), **fields)
    assert task["state"].get("result_state") == "SUCCESS", (task["state"], output)
    return json.loads(output["notebook_output"]["result"])


def create(lab: Lab, *tasks: dict[str, Any], version: str = "2.2", **settings: Any) -> int:
    body = {"name": "a job", "tasks": list(tasks), "job_clusters": SHARED, **settings}
    answer = lab.post(f"/api/{version}/jobs/create", body)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["job_id"])


def run_now(lab: Lab, job_id: int, **fields: Any) -> int:
    answer = lab.post("/api/2.2/jobs/run-now", {"job_id": job_id, **fields})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["run_id"])


def run_job(lab: Lab, *tasks: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """Create a job, run it, and wait for its end."""
    return lab.ended(run_now(lab, create(lab, *tasks, **settings)))


def latest(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The last attempt at each task."""
    ordered = sorted(run["tasks"], key=lambda task: task["attempt_number"])
    return {task["task_key"]: task for task in ordered}


def results(run: dict[str, Any]) -> dict[str, str]:
    return {key: task["state"]["result_state"] for key, task in latest(run).items()}


def outcome(run: dict[str, Any]) -> tuple[str, str]:
    return run["state"]["life_cycle_state"], run["state"].get("result_state", "")


def output(lab: Lab, task: dict[str, Any]) -> dict[str, Any]:
    answer = lab.get("/api/2.2/jobs/runs/get-output", run_id=task["run_id"])
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def value(lab: Lab, run: dict[str, Any], key: str) -> str:
    """What a task's notebook gave to `dbutils.notebook.exit`."""
    found = output(lab, latest(run)[key])
    assert "error" not in found, found["error"]
    return str(found["notebook_output"]["result"])


def refusal(answer: Any) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["error_code"], body["message"]


def invalid(message: str) -> tuple[int, str, str]:
    return 400, "INVALID_PARAMETER_VALUE", message


@contextmanager
def own_workspace(root: Path, **options: Any) -> Iterator[Lab]:
    with LocalWorkspace(root, **options) as running:
        yield from lab_of(running)


def history_of(lab: Lab, run_id: int) -> list[dict[str, Any]]:
    found = lab.get(GET, run_id=run_id, include_history="true").json()["repair_history"]
    assert isinstance(found, list)
    return found
