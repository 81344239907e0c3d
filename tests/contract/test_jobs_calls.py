"""The calls of the Jobs API, against a workspace on a real port."""

from __future__ import annotations

from pathlib import Path

import pytest
from databricks_blocks.errors import DatabricksRunRefused
from databricks_blocks.workspace.block import DatabricksWorkspace
from databricks_blocks.workspace.runs_api import get_run, submit_run
from databricks_local import LocalWorkspace


@pytest.mark.parametrize(("times", "refused"), [(1, False), (2, True)])
def test_a_login_that_ran_out_is_made_once_more(tmp_path: Path, times: int, refused: bool) -> None:
    with LocalWorkspace(tmp_path, client_id="robot", client_secret="s3cret") as workspace:
        client = DatabricksWorkspace(
            databricks_instance=workspace.url, client_id="robot", client_secret="s3cret"
        ).workspace_client()
        condition = {"op": "EQUAL_TO", "left": "1", "right": "1"}
        run_id = submit_run(client, {"tasks": [{"task_key": "only", "condition_task": condition}]})
        workspace.faults.add(path="/api/*/jobs/runs/get", status=401, count=times)
        workspace.clear_requests()
        if refused:
            with pytest.raises(DatabricksRunRefused):
                get_run(client, run_id)
        else:
            assert get_run(client, run_id)["run_id"] == run_id
        assert len(workspace.requests("/oidc/v1/token")) == 1
