"""Tasks for the libraries of a cluster of a Databricks workspace: install, uninstall, status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from databricks_blocks.workspace.api_errors import api_errors
from databricks_blocks.workspace.block import WORKSPACE_BLOCK, named_client
from prefect import task
from prefect.cache_policies import NO_CACHE


@dataclass(frozen=True)
class LibraryStatus:
    """A library of a cluster.

    Attributes:
        library: The library as the API writes it, such as `{"pypi": {"package": "simplejson"}}`.
        status: Status as the API spells it, such as `INSTALLED`, `PENDING` or `UNINSTALL_ON_RESTART`.
        messages: What the workspace says, such as why it could not be installed.
    """

    library: dict[str, Any]
    status: str
    messages: list[str]


@task(cache_policy=NO_CACHE)
def install_libraries(
    cluster_id: str, libraries: list[dict[str, Any]], workspace: str = WORKSPACE_BLOCK
) -> None:
    """Ask a cluster to install libraries. It installs them in the background, or when it starts.

    Args:
        cluster_id: Id of the cluster.
        libraries: What to install, such as `{"pypi": {"package": "simplejson==3.19"}}`.
        workspace: Name of the Databricks Workspace block.

    Raises:
        DatabricksRunRefused: There is no such cluster, or a library is not valid.
    """
    _post(workspace, "install", {"cluster_id": cluster_id, "libraries": libraries})


@task(cache_policy=NO_CACHE)
def uninstall_libraries(
    cluster_id: str, libraries: list[dict[str, Any]], workspace: str = WORKSPACE_BLOCK
) -> None:
    """Mark libraries of a cluster for removal. They are gone after the next restart of the cluster.

    Args:
        cluster_id: Id of the cluster.
        libraries: What to uninstall, written as for the installation.
        workspace: Name of the Databricks Workspace block.

    Raises:
        DatabricksRunRefused: There is no such cluster, or a library is not valid.
    """
    _post(workspace, "uninstall", {"cluster_id": cluster_id, "libraries": libraries})


@task(cache_policy=NO_CACHE)
def get_library_statuses(cluster_id: str, workspace: str = WORKSPACE_BLOCK) -> list[LibraryStatus]:
    """Get the status of each library of a cluster.

    Args:
        cluster_id: Id of the cluster.
        workspace: Name of the Databricks Workspace block.

    Raises:
        DatabricksRunRefused: There is no such cluster, or no permission.
    """
    client = named_client(workspace)
    with api_errors(client.config.host, "libraries/cluster-status"):
        return [
            LibraryStatus(
                library=status.library.as_dict() if status.library else {},
                status=status.status.value if status.status else "UNKNOWN",
                messages=list(status.messages or ()),
            )
            for status in client.libraries.cluster_status(cluster_id)
        ]


def _post(workspace: str, endpoint: str, body: dict[str, Any]) -> None:
    """Send the libraries as they are: the type of the SDK drops fields that it does not know."""
    client = named_client(workspace)
    with api_errors(client.config.host, f"libraries/{endpoint}"):
        client.api_client.do("POST", f"/api/2.0/libraries/{endpoint}", body=body)
