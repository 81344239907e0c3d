"""The settings of a saved job are made anew from what its flow run was called with."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
from databricks.sdk.config import Config
from databricks_blocks.job.api_fields import HASH_TAG
from databricks_blocks.job.request_bodies import create_body
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import notebook_task
from databricks_blocks.pipes.bootstrap import Caller, bootstrap
from databricks_blocks.pipes.pipes import Pipes
from databricks_flows.sweep.called_with import original_settings

JOB = JobSpecification(
    name="nightly",
    launch="run_now",
    tasks=[notebook_task("load", "/Shared/load", existing_cluster_id="1-2-x")],
)
PIPES = Pipes(volume="/Volumes/main/ops/pipes", on_message=print)


@pytest.mark.parametrize("pipes", [None, PIPES], ids=["silent", "speaks"])
def test_a_job_is_found_by_its_hash_whether_its_code_speaks_or_not(
    monkeypatch: pytest.MonkeyPatch, pipes: Pipes | None
) -> None:
    monkeypatch.setattr(Config, "_resolve_host_metadata", lambda self: None)
    monkeypatch.setenv("DATABRICKS_HOST", "https://dbc.example")
    monkeypatch.setenv("DATABRICKS_TOKEN", "mine")
    launched = bootstrap(JOB, pipes, Caller("run"), token="t").specification if pipes else JOB
    saved = create_body(launched)
    parameters: dict[str, Any] = {
        "job": JOB.model_dump(mode="json"),
        "workspace": "",
        "pipes": pipes.model_dump(mode="json") if pipes else None,
    }
    found = original_settings([Mock(parameters=parameters)], saved["tags"][HASH_TAG])
    assert found is not None
    assert found["tasks"] == saved["tasks"]
