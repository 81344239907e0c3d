"""What `run_databricks_job` was called with: its job, and its workspace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.job.api_fields import HASH_TAG
from databricks_blocks.job.request_bodies import create_body
from prefect.client.schemas.objects import FlowRun

from databricks_flows.job.cancelling import called_with
from databricks_flows.job.requested_job import RequestedJob
from databricks_flows.sweep.places import address_of


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


def workspace_address(subflow: FlowRun) -> str:
    """Find out in which workspace a flow run launched its job. It blocks: call it in a thread.

    Returns:
        The host and port; empty if it cannot be found out any more.
    """
    loaded = _loaded(subflow)
    return address_of(loaded.client) if loaded else ""


def _settings(subflow: FlowRun) -> dict[str, Any] | None:
    loaded = _loaded(subflow)
    if loaded is None or loaded.specification.launch != "run_now":
        return None
    return create_body(loaded.launched())


def _loaded(subflow: FlowRun) -> RequestedJob | None:
    try:
        return called_with(subflow.parameters)
    except (DatabricksJobError, ValueError):
        return None  # the job or its block is not there any more
