"""Refuses tasks whose `existing_cluster_id` leads nowhere."""

from collections.abc import Sequence

from databricks_local.api import errors
from databricks_local.clusters.registry import ClusterRegistry
from databricks_local.runs.models import ForEachSpec, TaskSpec

JOB_CLUSTER_PREFIX = "local-"


def check_clusters(clusters: ClusterRegistry, tasks: Sequence[TaskSpec]) -> None:
    """Refuse the ids of job clusters, and those that there are not.

    Raises:
        ApiError: For the first such id.
    """
    for task in tasks:
        if isinstance(task.body, ForEachSpec):
            check_clusters(clusters, [task.body.task])
        cluster_id = task.existing_cluster_id
        if cluster_id.startswith(JOB_CLUSTER_PREFIX):
            raise errors.not_an_all_purpose_cluster()
        if cluster_id:
            clusters.get(cluster_id)
