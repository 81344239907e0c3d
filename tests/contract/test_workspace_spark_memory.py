"""The memory of clusters on Apache Spark."""

from collections.abc import Iterator

import pytest
from databricks_local.jobs.engines import SPARK

from .job_lab import own_workspace
from .workspace_lab import Lab

pytestmark = pytest.mark.apache_spark


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with own_workspace(tmp_path_factory.mktemp("memory") / "root", engine=SPARK) as started:
        yield started


def test_the_size_of_the_heap(lab: Lab) -> None:
    notebook = lab.notebook("heap", "dbutils.notebook.exit(str(spark.range(3).count()))")
    sizes = {"spark": "512mb", "mib": "700", "none": "much"}
    tasks = [
        lab.task(key, notebook, cluster={"spark_conf": {"spark.driver.memory": size}})
        for key, size in sizes.items()
    ]
    run = lab.ended(lab.submit(*tasks), 120)
    found = {task["task_key"]: task["state"] for task in run["tasks"]}
    assert [found[key]["result_state"] for key in sizes] == ["SUCCESS", "SUCCESS", "FAILED"]
    assert "spark.driver.memory has to be a size of at least 1 MiB" in found["none"]["state_message"]
