"""The job block is as Prefect expects a block to be and hides what is secret; its runs wait to the end."""

from __future__ import annotations

import json

import pytest
from databricks_blocks.databricks_job import DatabricksJob, DatabricksJobRun
from databricks_blocks.errors import DatabricksRunFailed, DatabricksUnreachable
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import notebook_task
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import NewSettings, RepairPolicy
from databricks_blocks.workspace.block import DatabricksWorkspace
from databricks_blocks.workspace.polling import PollingPolicy
from prefect.blocks.core import Block
from prefect.testing.standard_test_suites import BlockStandardTestSuite
from prefect_databricks import DatabricksCredentials

from .run.fake_workspace import FakeWorkspace
from .run.life_lab import ENDED_BADLY, chain, live, policy, run_async

SECRET = "dapi-very-secret"
WORKSPACE = DatabricksWorkspace(databricks_instance="dbc.example", token=SECRET)


def job(**fields: object) -> DatabricksJob:
    tasks = [
        notebook_task("join", "/Shared/join"),
        notebook_task("plot", "/Shared/plot", depends_on=["join"]),
    ]
    return DatabricksJob(**{"name": "nightly", "workspace": WORKSPACE, "tasks": tasks, **fields})


class TestDatabricksJob(BlockStandardTestSuite):
    # The suite downloads the logo; here it is enough that there is one.
    test_has_a_valid_image = None

    @pytest.fixture
    def block(self) -> type[Block]:
        return DatabricksJob

    def test_has_a_logo(self, block: type[Block]) -> None:
        assert str(block._logo_url) == DatabricksCredentials._logo_url

    def test_has_a_name_for_the_form(self, block: type[Block]) -> None:
        assert block.get_block_type_name() == "Databricks Job"
        assert block.get_block_type_slug() == "databricks-job"


@pytest.mark.parametrize(
    "shown", [repr, str, lambda block: str(block.model_dump()), lambda block: block.model_dump_json()]
)
def test_the_token_is_not_shown(shown: object) -> None:
    assert callable(shown)
    assert SECRET not in shown(job())


def test_the_specification_is_the_job_without_credentials() -> None:
    specification = job(notebook_params={"day": "1"}).specification
    assert type(specification) is JobSpecification
    assert SECRET not in specification.model_dump_json()
    assert specification.notebook_params == {"day": "1"}
    assert [task.upstream for task in specification.tasks] == [[], ["join"]]


def test_the_fields_are_plain_json() -> None:
    policy = RunPolicy(repair=RepairPolicy(new_settings=(NewSettings(cluster={"num_workers": 2}),)))
    written = json.loads(job(policy=policy).model_dump_json(exclude={"workspace"}))
    again = DatabricksJob(**{**written, "workspace": WORKSPACE})
    assert again.specification == job().specification
    assert again.policy == policy


def test_the_stock_credentials_block_is_accepted() -> None:
    stock = DatabricksCredentials(databricks_instance="dbc.example", token=SECRET)
    assert type(job(workspace=stock).workspace) is DatabricksCredentials


# Its run, in simulated time.


def ended_run(shown_after: float, wishes: RunPolicy | None = None) -> tuple[FakeWorkspace, DatabricksJobRun]:
    """A run that has failed, whose repairs show only after some seconds."""
    workspace = FakeWorkspace()
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    with pytest.raises(DatabricksRunFailed):
        live(workspace, chain("run_now"), wishes=policy(max_repairs=0))
    workspace.repair_shown_after = shown_after
    (run_id,) = workspace.runs
    time = workspace.time
    run = DatabricksJobRun(workspace.client(), run_id, wishes or RunPolicy(), clock=time, sleep=time.asleep)
    return workspace, run


@pytest.mark.parametrize("seconds", [0.0, 30.0, 800.0])
def test_a_repair_that_is_not_visible_yet_is_waited_for(seconds: float) -> None:
    _, run = ended_run(seconds)
    run.repair()
    run.wait_for_completion()
    assert {task.state for task in run.fetch_result().tasks.values()} == {"SUCCESS"}


def test_a_repair_that_never_becomes_visible_is_waited_for_up_to_the_limit_of_the_policy() -> None:
    workspace, run = ended_run(1e9, RunPolicy(polling=PollingPolicy(max_unreachable=300)))
    began = workspace.time.now
    repair_id = run.repair()
    with pytest.raises(DatabricksUnreachable, match=f"does not show its repair {repair_id} after 3"):
        run_async(run.await_for_completion())
    assert 300 < workspace.time.now - began < 400


def test_a_workspace_that_is_away_for_good_is_waited_for_up_to_the_limit_of_the_policy() -> None:
    workspace, run = ended_run(0, RunPolicy(polling=PollingPolicy(max_unreachable=300)))
    workspace.fail("runs/get", 500, count=-1)
    began = workspace.time.now
    with pytest.raises(DatabricksUnreachable):
        run_async(run.await_for_completion())
    assert 300 < workspace.time.now - began < 500
