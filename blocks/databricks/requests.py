"""What is sent to the Jobs API, made from plain values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID


def notebook_task(
    task_key: str,
    notebook_path: str,
    *,
    new_cluster: Mapping[str, Any],
    depends_on: Sequence[str] = (),
    base_parameters: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Describe one notebook task for `jobs/runs/submit`.

    Args:
        task_key: Name of the task in the run: 1 to 100 letters, digits, `-` and `_`.
        notebook_path: Path of the notebook in the workspace, without extension.
        new_cluster: Specification of the job cluster. It stands in the task itself, because submit refuses
            shared job clusters ("Shared job cluster feature is not supported in runs/submit API.").
        depends_on: Keys of the tasks that must have succeeded before this one starts.
        base_parameters: Values of the notebook's widgets.
    """
    return {
        "task_key": task_key,
        "depends_on": [{"task_key": key} for key in depends_on],
        "notebook_task": {
            "notebook_path": notebook_path,
            "source": "WORKSPACE",
            "base_parameters": dict(base_parameters or {}),
        },
        "new_cluster": dict(new_cluster),
    }


def submit_request(
    run_name: str, tasks: Sequence[Mapping[str, Any]], *, idempotency_token: str, timeout_seconds: int = 0
) -> dict[str, Any]:
    """Build the body of one `jobs/runs/submit`.

    Args:
        run_name: Name of the run in Databricks.
        tasks: The tasks, as `notebook_task` describes them; further fields of the API pass through.
        idempotency_token: At most 64 characters; a token that is known returns the run it started.
        timeout_seconds: Databricks ends the run after that many seconds; 0 means never.
    """
    return {
        "run_name": run_name,
        "tasks": [dict(task) for task in tasks],
        "idempotency_token": idempotency_token,
        "timeout_seconds": timeout_seconds,
    }


def idempotency_token(root_flow_run_id: UUID, specification: Mapping[str, Any], generation: int = 0) -> str:
    """Name a launch so that launching it again returns the run that is there.

    Args:
        root_flow_run_id: Id of the outermost flow run. A retry keeps it, whereas a subflow gets a new id.
        specification: What is launched; a changed specification is another launch.
        generation: Counts the deliberate launches of the same specification.

    Returns:
        57 characters: the flow run id, then a hash of the rest.
    """
    text = json.dumps([specification, generation], sort_keys=True, separators=(",", ":"))
    return f"{root_flow_run_id.hex}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"
