"""The job of the five notebooks."""

from __future__ import annotations

import pytest
from databricks.sdk.service.compute import DataSecurityMode
from databricks_blocks.job.cluster import AccessMode, JobCluster
from databricks_flows.green_energy.notebook_job import notebook_job

WHERE = {"catalog": "main", "schema": "elt", "department": "Logistics"}


@pytest.mark.parametrize(
    ("given", "mode"), [("", "SINGLE_USER"), ("USER_ISOLATION", "USER_ISOLATION"), ("NONE", "NONE")]
)
def test_the_cluster_knows_unity_catalog_unless_another_access_mode_is_given(
    given: AccessMode, mode: str
) -> None:
    cluster = JobCluster(num_workers=3, data_security_mode=given)
    [made] = notebook_job(WHERE, "/Shared", cluster, "run_now").job_clusters.values()
    assert (made["data_security_mode"], made["num_workers"]) == (mode, 3)
    assert DataSecurityMode(made["data_security_mode"])
    # Other jobs are as they were.
    assert JobCluster().specification().keys() == {"spark_version", "num_workers", "node_type_id"}
