"""Where the logs of a cluster and its init scripts may be."""

import io

from .workspace_lab import Lab


def test_logs_that_cannot_be_delivered_fail_no_task(lab: Lab) -> None:
    lab.sdk.dbfs.upload("/taken_by_a_file", io.BytesIO(b"no folder"), overwrite=True)
    cluster = {"cluster_log_conf": {"dbfs": {"destination": "dbfs:/taken_by_a_file"}}}
    task, output = lab.run_source("unlogged", "dbutils.notebook.exit('done')", cluster=cluster)
    assert task["state"].get("result_state") == "SUCCESS", task["state"]
    assert output["notebook_output"]["result"] == "done"
    run_id = lab.sdk.jobs.get_run(task["run_id"]).job_run_id
    tasks = lab.workspace.root / "tasks"
    assert [
        place.name for place in tasks.iterdir() if place.name.startswith(("task-", f"local-{run_id}"))
    ] == []
