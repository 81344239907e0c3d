"""Notebooks in the manner of the public tutorial: boto3, rows through Python, numbers that are strings.

They run on a cluster of either engine, of the runtime that the tutorial has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from databricks.sdk.errors import OperationFailed
from databricks.sdk.service import compute, jobs
from databricks.sdk.service.workspace import ImportFormat, Language
from pandas.testing import assert_frame_equal

from .conftest import Stack
from .notebook_results import PACKAGED, TABLES

NOTEBOOKS = Path(__file__).with_name("notebooks")
RUNTIME = "11.3.x-scala2.12"
NAMES = ("join_shares", "add_shares")
BUCKET = "tutorial"
SCOPE = "storage"
SECONDS = 120


@pytest.fixture
def bucket(stack: Stack) -> Iterator[str]:
    """The shares of Switzerland in a bucket of their own, and the keys of the storage in a scope."""
    s3, client = stack.s3, stack.databricks()
    s3.create_bucket(Bucket=BUCKET)
    for table in TABLES:
        shares = pd.read_csv(PACKAGED / f"share-electricity-{table}.csv")
        text = shares[shares["Entity"] == "Switzerland"].to_csv(index=False)
        s3.put_object(Bucket=BUCKET, Key=f"country/{table}.csv", Body=text.encode())
    client.secrets.create_scope(SCOPE)
    client.secrets.put_secret(SCOPE, "id", string_value=stack.endpoints.s3.access_key)
    client.secrets.put_secret(SCOPE, "key", string_value=stack.endpoints.s3.secret_key)
    yield BUCKET
    client.secrets.delete_scope(SCOPE)
    for content in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        s3.delete_object(Bucket=BUCKET, Key=content["Key"])
    s3.delete_bucket(Bucket=BUCKET)


def run(stack: Stack, engine: str) -> dict[str, jobs.RunOutput]:
    """Run both notebooks on one cluster, one after the other; what came of each."""
    client = stack.databricks()
    client.workspace.mkdirs("/Shared/tutorial")
    parameters = {"bucket": BUCKET, "endpoint": stack.endpoints.s3.endpoint_url}
    for name in NAMES:
        content = (NOTEBOOKS / f"{name}.py").read_bytes()
        path = f"/Shared/tutorial/{name}"
        client.workspace.upload(
            path, content, format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True
        )
    cluster = compute.ClusterSpec(
        spark_version=RUNTIME, node_type_id="i3.xlarge", num_workers=1, custom_tags={"local_engine": engine}
    )
    job = client.jobs.create(
        name=f"tutorial on {engine}",
        job_clusters=[jobs.JobCluster("tutorial-cluster", cluster)],
        tasks=[
            jobs.Task(
                name,
                job_cluster_key="tutorial-cluster",
                notebook_task=jobs.NotebookTask(f"/Shared/tutorial/{name}", parameters),
                depends_on=[jobs.TaskDependency(before) for before in NAMES[:place]],
            )
            for place, name in enumerate(NAMES)
        ],
    )
    running = client.jobs.run_now(job.job_id or 0)
    # Of a run with a failed task, which the callers see for themselves.
    with suppress(OperationFailed):
        running.result(timeout=timedelta(seconds=SECONDS))
    return {
        task.task_key: client.jobs.get_run_output(task.run_id)
        for task in client.jobs.get_run(running.run_id).tasks or []
        if task.run_id is not None
    }


def table_in(stack: Stack, key: str) -> pd.DataFrame:
    return pd.read_csv(stack.s3.get_object(Bucket=BUCKET, Key=key)["Body"])


def expected() -> pd.DataFrame:
    """The shares of Switzerland by year, and their sum, as pandas calculates them."""
    tables = [pd.read_csv(PACKAGED / f"share-electricity-{table}.csv") for table in TABLES]
    shares = [table[table["Entity"] == "Switzerland"].set_index("Year").iloc[:, -1] for table in tables]
    joined = pd.concat(shares, axis=1)
    return joined.assign(**{"SHW%": joined.sum(axis=1, skipna=False)}).reset_index()


@pytest.mark.parametrize("engine", ["sail", pytest.param("spark", marks=pytest.mark.apache_spark)])
@pytest.mark.usefixtures("bucket")
def test_they_run_with_the_right_values(stack: Stack, engine: str) -> None:
    outputs = run(stack, engine)
    assert {name: output.error for name, output in outputs.items()} == dict.fromkeys(NAMES)
    rows = table_in(stack, "transformed/Switzerland.csv")
    assert_frame_equal(rows[expected().columns], expected())
    sums = rows.set_index("Year")["SHW%"].round(3)
    assert (len(sums), sums[1985], sums[2021]) == (37, 56.892, 65.703)
