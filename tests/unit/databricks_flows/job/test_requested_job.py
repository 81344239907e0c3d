"""What a call of `run_databricks_job` asks for, and what is told of it before the launch."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

from databricks.sdk import WorkspaceClient
from databricks_blocks.job.plan import plan
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import notebook_task
from databricks_blocks.pipes.bootstrap import Caller
from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.pipes.protocol import MESSAGES
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


def test_pipes_change_neither_the_token_nor_the_plan_but_what_is_launched() -> None:
    pipes = Pipes(volume="/Volumes/main/ops/pipes", include_stdio=True, blocking_checks=True)
    client = Mock(spec=WorkspaceClient)
    client.config.host = "https://adb-1.example"
    silent = RequestedJob(JOB, client, RunPolicy())
    speaks = RequestedJob(JOB, client, RunPolicy(), pipes=pipes)
    assert speaks.fingerprint == silent.fingerprint
    assert speaks.plan() == silent.plan()
    assert silent.piped(Caller("f"), "t") is None
    piped = speaks.piped(Caller("f"), "t")
    assert piped is not None
    assert MESSAGES in piped.specification.tasks[0].as_json()["notebook_task"]["base_parameters"]


def test_what_the_code_is_told_tells_calls_apart_as_parameters_do() -> None:
    """Otherwise a retry could hand out the run of another day."""
    client = Mock(spec=WorkspaceClient)
    client.config.host = "https://adb-1.example"
    asked: list[dict[str, Any]] = [
        {},
        {"extras": {"day": "1"}},
        {"extras": {"day": "2"}},
        {"partition_key": "1"},
    ]
    prints = {
        RequestedJob(
            JOB, client, RunPolicy(), pipes=Pipes(volume="/Volumes/main/ops/pipes", **told)
        ).fingerprint
        for told in asked
    }
    assert len(prints) == len(asked)


def test_a_launch_that_is_repeated_finds_the_saved_job_whose_code_speaks() -> None:
    """Otherwise the token would start another job, and a cancel would launch something."""
    job = JOB.model_copy(update={"launch": "run_now"})
    speaks = RequestedJob(job, CLIENT, RunPolicy(), pipes=Pipes(volume="/Volumes/main/ops/pipes"))
    launched = speaks.piped(Caller("f"), "t")
    assert launched is not None
    repeated = speaks.launch_again("t")
    assert repeated.parameters["job_parameters"] == launched.specification.job_parameters
    assert repeated.token(3) == "t"
