"""Where the logs of a cluster and its init scripts may be."""

import io
from pathlib import Path

from .workspace_lab import Lab


def test_logs_that_cannot_be_delivered_fail_no_task(lab: Lab) -> None:
    lab.sdk.dbfs.upload("/taken_by_a_file", io.BytesIO(b"no folder"), overwrite=True)
    cluster = {"cluster_log_conf": {"dbfs": {"destination": "dbfs:/taken_by_a_file"}}}
    source = "import os\ndbutils.notebook.exit(os.readlink('/proc/self/fd/1'))"
    task, output = lab.run_source("unlogged", source, cluster=cluster)
    assert task["state"].get("result_state") == "SUCCESS", task["state"]
    tasks = lab.workspace.root / "tasks"
    log = Path(output["notebook_output"]["result"])
    assert log.is_relative_to(tasks)
    assert not log.parent.exists()
    run_id = lab.sdk.jobs.get_run(task["run_id"]).job_run_id
    assert list(tasks.glob(f"local-{run_id}*")) == []
