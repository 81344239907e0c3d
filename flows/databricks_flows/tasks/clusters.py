"""Tasks for all-purpose clusters of a Databricks workspace: start, restart, terminate, state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from databricks_blocks.workspace.api_errors import api_errors
from databricks_blocks.workspace.block import WORKSPACE_BLOCK, named_client
from prefect import task
from prefect.cache_policies import NO_CACHE

if TYPE_CHECKING:
    from databricks.sdk.mixins.compute import ClustersExt
    from databricks.sdk.service.compute import ClusterDetails

TIMEOUT_SECONDS = 1200.0


@dataclass(frozen=True)
class ClusterState:
    """The state of a cluster.

    Attributes:
        cluster_id: Id of the cluster.
        name: Name of the cluster.
        state: State as the API spells it, such as `RUNNING`; `UNKNOWN` if the installed SDK does not know it.
        message: What the workspace says about the state.
    """

    cluster_id: str
    name: str
    state: str
    message: str


@task(cache_policy=NO_CACHE)
def start_cluster(
    cluster_id: str, workspace: str = WORKSPACE_BLOCK, timeout_seconds: float = TIMEOUT_SECONDS
) -> ClusterState:
    """Start a cluster if it is not running, and wait until it is.

    Args:
        cluster_id: Id of the cluster.
        workspace: Name of the Databricks Workspace block.
        timeout_seconds: How long to wait, in seconds.

    Returns:
        The cluster, RUNNING.

    Raises:
        DatabricksRunRefused: There is no such cluster, or it cannot be started.
        DatabricksUnreachable: The workspace did not answer, or the cluster took longer.
    """
    with _clusters(workspace, "clusters/start") as clusters:
        # Not ensure_cluster_is_running of the SDK: it tries for ever to start a cluster that cannot start.
        state = _state(clusters.get(cluster_id)).state
        if state == "TERMINATING":
            clusters.wait_get_cluster_terminated(cluster_id, timedelta(seconds=timeout_seconds))
        if state in ("TERMINATED", "TERMINATING", "ERROR"):
            clusters.start(cluster_id)
        return _state(clusters.wait_get_cluster_running(cluster_id, timedelta(seconds=timeout_seconds)))


@task(cache_policy=NO_CACHE)
def restart_cluster(
    cluster_id: str, workspace: str = WORKSPACE_BLOCK, timeout_seconds: float = TIMEOUT_SECONDS
) -> ClusterState:
    """Restart a cluster that is running, and wait until it is running again.

    Args:
        cluster_id: Id of the cluster.
        workspace: Name of the Databricks Workspace block.
        timeout_seconds: How long to wait, in seconds.

    Returns:
        The cluster, RUNNING.

    Raises:
        DatabricksRunRefused: There is no such cluster, or it is not running.
        DatabricksUnreachable: The workspace did not answer, or the cluster took longer.
    """
    with _clusters(workspace, "clusters/restart") as clusters:
        return _state(clusters.restart(cluster_id).result(timedelta(seconds=timeout_seconds)))


@task(cache_policy=NO_CACHE)
def terminate_cluster(
    cluster_id: str, workspace: str = WORKSPACE_BLOCK, timeout_seconds: float = TIMEOUT_SECONDS
) -> ClusterState:
    """Terminate a cluster, and wait until it is terminated. It can be started again.

    Args:
        cluster_id: Id of the cluster.
        workspace: Name of the Databricks Workspace block.
        timeout_seconds: How long to wait, in seconds.

    Returns:
        The cluster, TERMINATED.

    Raises:
        DatabricksRunRefused: There is no such cluster, or no permission.
        DatabricksUnreachable: The workspace did not answer, or the cluster took longer.
    """
    with _clusters(workspace, "clusters/delete") as clusters:
        return _state(clusters.delete(cluster_id).result(timedelta(seconds=timeout_seconds)))


@task(cache_policy=NO_CACHE)
def get_cluster_state(cluster_id: str, workspace: str = WORKSPACE_BLOCK) -> ClusterState:
    """Get the state of a cluster.

    Args:
        cluster_id: Id of the cluster.
        workspace: Name of the Databricks Workspace block.

    Raises:
        DatabricksRunRefused: There is no such cluster, or no permission.
    """
    with _clusters(workspace, "clusters/get") as clusters:
        return _state(clusters.get(cluster_id))


@contextmanager
def _clusters(workspace: str, endpoint: str) -> Iterator[ClustersExt]:
    client = named_client(workspace)
    with api_errors(client.config.host, endpoint):
        yield client.clusters


def _state(cluster: ClusterDetails) -> ClusterState:
    return ClusterState(
        cluster_id=cluster.cluster_id or "",
        name=cluster.cluster_name or "",
        state=cluster.state.value if cluster.state else "UNKNOWN",
        message=cluster.state_message or "",
    )
