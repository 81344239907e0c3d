"""Finds the settings that a changed saved job was created with: in what its flow run was called with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.job.api_fields import HASH_TAG
from databricks_blocks.job.request_bodies import create_body
from prefect.client.schemas.objects import FlowRun

from databricks_flows.job.cancelling import stored_job
from databricks_flows.job.requested_job import load_requested_job


def original_settings(subflows: Sequence[FlowRun], settings_hash: str) -> dict[str, Any] | None:
    """Make the settings of a saved job anew. It blocks: call it in a thread.

    Args:
        subflows: The flow runs of `run_databricks_job`, one of which saved the job.
        settings_hash: Hash of the settings, as it is in the tag of the job.

    Returns:
        The settings, whose hash is the same; `None` if no flow run was called with them.
    """
    for subflow in subflows:
        settings = _settings(subflow)
        if settings and settings["tags"][HASH_TAG] == settings_hash:
            return settings
    return None


def _settings(subflow: FlowRun) -> dict[str, Any] | None:
    given = subflow.parameters
    try:
        job = stored_job(given.get("job"))
        loaded = load_requested_job(job, given.get("workspace", ""), None, given.get("job_parameters") or {})
    except (DatabricksJobError, ValueError):
        return None  # the job or its block is not there any more
    specification = loaded.specification
    return create_body(specification) if specification.launch == "run_now" else None
