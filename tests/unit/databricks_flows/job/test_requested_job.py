"""What a call of `run_databricks_job` asks for, and what is told of it before the launch."""

from __future__ import annotations

from unittest.mock import Mock

from databricks.sdk import WorkspaceClient
from databricks_blocks.job.plan import plan
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import notebook_task
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import Repair
from databricks_flows.job.requested_job import RequestedJob
from databricks_flows.on_demand.repair import RepairRequest

CLIENT = Mock(spec=WorkspaceClient)
JOB = JobSpecification(
    name="nightly", tasks=[notebook_task("load", "/Shared/load", existing_cluster_id="1-2-x")]
)


def test_the_plan_of_a_job_is_that_of_its_specification() -> None:
    assert RequestedJob(JOB, CLIENT, RunPolicy()).plan() == plan(JOB)


def test_a_repair_launches_nothing_and_has_no_plan() -> None:
    request = RepairRequest(JobSpecification(name="run 7"), CLIENT, RunPolicy(), {"run_id": 7}, Repair())
    assert request.plan() is None
