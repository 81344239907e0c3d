"""Compute of a run."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

AccessMode = Literal[
    "",
    "DATA_SECURITY_MODE_AUTO",
    "DATA_SECURITY_MODE_DEDICATED",
    "DATA_SECURITY_MODE_STANDARD",
    "SINGLE_USER",
    "USER_ISOLATION",
    "NONE",
]
"""Access modes of the Clusters API, without those that are deprecated."""


class JobCluster(BaseModel):
    """A cluster that starts for a task of a run and ends with it.

    Examples:
        >>> from databricks_flows import JobCluster
        >>> JobCluster(num_workers=4).specification()
        {'spark_version': '16.4.x-scala2.12', 'num_workers': 4, 'node_type_id': 'm5d.large'}
    """

    # Forms in the Prefect UI show this, without the example.
    model_config = ConfigDict(
        json_schema_extra={"description": "A cluster that starts for a task of a run and ends with it."}
    )

    spark_version: str = Field(
        default="16.4.x-scala2.12",
        description="Databricks Runtime version, as `clusters/spark-versions` names it.",
    )
    node_type_id: str = Field(
        default="m5d.large",
        title="Node type",
        description="Type of the machines; left out when an instance pool is given.",
    )
    num_workers: int = Field(
        default=1, ge=0, title="Workers", description="Number of workers beside the driver."
    )
    instance_profile_arn: str = Field(
        default="",
        title="Instance profile",
        description="ARN of the AWS instance profile that gives the cluster access to the bucket.",
    )
    instance_pool_id: str = Field(
        default="",
        title="Instance pool",
        description="Id of the instance pool that the machines are taken from.",
    )
    data_security_mode: AccessMode = Field(
        default="",
        title="Access mode",
        description=(
            "Who may use the cluster, and whether it has Unity Catalog: SINGLE_USER and USER_ISOLATION have "
            "it, NONE has not. Empty: as the workspace has it by default, which may be without."
        ),
    )

    def specification(self) -> dict[str, Any]:
        """Write it as the API's `new_cluster`."""
        cluster: dict[str, Any] = {"spark_version": self.spark_version, "num_workers": self.num_workers}
        if self.instance_pool_id:
            cluster["instance_pool_id"] = self.instance_pool_id
        else:
            cluster["node_type_id"] = self.node_type_id
        if self.instance_profile_arn:
            cluster["aws_attributes"] = {"instance_profile_arn": self.instance_profile_arn}
        if self.data_security_mode:
            cluster["data_security_mode"] = self.data_security_mode
        if self.num_workers == 0:
            # Without these a cluster of no workers waits for workers (docs: single node compute).
            cluster["spark_conf"] = {
                "spark.databricks.cluster.profile": "singleNode",
                "spark.master": "local[*]",
            }
            cluster["custom_tags"] = {"ResourceClass": "SingleNode"}
        return cluster
