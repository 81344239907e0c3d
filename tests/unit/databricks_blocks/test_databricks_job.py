"""The job block keeps to what Prefect expects of a block, and hides what is secret."""

from __future__ import annotations

import json

import pytest
from databricks_blocks.databricks_job import DatabricksJob
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import notebook_task
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import NewSettings, RepairPolicy
from databricks_blocks.workspace.block import DatabricksWorkspace
from prefect.blocks.core import Block
from prefect.testing.standard_test_suites import BlockStandardTestSuite
from prefect_databricks import DatabricksCredentials

SECRET = "dapi-very-secret"
WORKSPACE = DatabricksWorkspace(databricks_instance="dbc.example", token=SECRET)


def job(**fields: object) -> DatabricksJob:
    tasks = [
        notebook_task("join", "/Shared/join"),
        notebook_task("plot", "/Shared/plot", depends_on=["join"]),
    ]
    return DatabricksJob(**{"name": "nightly", "workspace": WORKSPACE, "tasks": tasks, **fields})


class TestDatabricksJob(BlockStandardTestSuite):
    # The suite downloads the logo. What is wanted of it here is that it is named.
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
