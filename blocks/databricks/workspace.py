"""The Databricks workspace as a Prefect block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from httpx import AsyncClient
from prefect_databricks.credentials import DatabricksCredentials
from pydantic import Field, HttpUrl, model_validator

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


class DatabricksWorkspace(DatabricksCredentials):
    """A Databricks workspace and how to log in to it.

    Takes a personal access token, or a service principal with OAuth (Databricks or Microsoft Entra ID), as
    the credentials block of prefect-databricks does, and is accepted by all of its tasks. Beyond that block
    it takes a pasted URL as instance, can speak plain http to a local workspace, and makes official SDK
    clients.

    Attributes:
        scheme: `https`, or `http` for a local workspace.

    Examples:
        ```python
        from blocks.databricks.workspace import DatabricksWorkspace

        workspace = DatabricksWorkspace.load("BLOCK_NAME")
        print(workspace.workspace_client().current_user.me().user_name)
        ```
    """

    _block_type_name = "Databricks Workspace"
    _block_type_slug = "databricks-workspace"
    _documentation_url = HttpUrl("https://docs.databricks.com/api/workspace/introduction")

    scheme: Literal["https", "http"] = Field(
        default="https", description="Scheme of the instance's URL; http only for a local workspace."
    )

    @model_validator(mode="before")
    @classmethod
    def _split_pasted_url(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Accept `https://host/` where the stock block builds `https://https://host/` from it."""
        instance = values.get("databricks_instance")
        if isinstance(instance, str) and "://" in instance:
            scheme, _, rest = instance.strip().partition("://")
            values = {**values, "scheme": scheme.lower(), "databricks_instance": rest.partition("/")[0]}
        return values

    @property
    def host(self) -> str:
        """URL of the workspace, without a trailing slash."""
        return f"{self.scheme}://{self.databricks_instance}"

    def get_client(self) -> AsyncClient:
        """Make the client that the tasks of prefect-databricks use."""
        client = super().get_client()
        client.base_url = client.base_url.copy_with(scheme=self.scheme)
        return client

    def workspace_client(self) -> WorkspaceClient:
        """Make an official SDK client of this workspace."""
        return workspace_client(self)


def workspace_client(credentials: DatabricksCredentials) -> WorkspaceClient:
    """Make an official SDK client from a credentials block.

    Args:
        credentials: A `DatabricksWorkspace`, or the stock `DatabricksCredentials` block.

    Returns:
        A client that uses nothing but the block: no variable of the environment can add a second way to log
        in, because the way is named.
    """
    from databricks.sdk import WorkspaceClient

    scheme = getattr(credentials, "scheme", "https")
    host = f"{scheme}://{credentials.databricks_instance}"
    if credentials.token is not None:
        return WorkspaceClient(host=host, token=credentials.token.get_secret_value(), auth_type="pat")
    secret = credentials.client_secret
    if secret is None:
        raise ValueError("The credentials block has neither a token nor a client secret.")
    if credentials.tenant_id:
        return WorkspaceClient(
            host=host,
            azure_tenant_id=credentials.tenant_id,
            azure_client_id=credentials.client_id,
            azure_client_secret=secret.get_secret_value(),
            auth_type="azure-client-secret",
        )
    return WorkspaceClient(
        host=host,
        client_id=credentials.client_id,
        client_secret=secret.get_secret_value(),
        auth_type="oauth-m2m",
    )
