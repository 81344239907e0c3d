"""The Databricks workspace as a Prefect block."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from httpx import AsyncClient
from prefect_databricks.credentials import DatabricksCredentials
from pydantic import Field, HttpUrl, field_validator, model_validator

from databricks_blocks.errors import DatabricksUnreachable, WorkspaceNotConfigured
from databricks_blocks.loading import load_block
from databricks_blocks.pipes.pipes import folder_problem

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.config import Config

WORKSPACE_BLOCK = "workspace"
"""Name of the block that the flows use by default."""

# The SDK's defaults, 60 and 300 seconds, delay the cancel of a flow while the workspace is away. Whoever
# watches a run waits for longer outages.
_SECONDS_FOR_AN_ANSWER = 30
_SECONDS_OF_RETRIES = 30
# A client asks the host for its metadata when it is made. A login by token does without the answer, so that a
# host that is away must not cost another half minute.
_SECONDS_FOR_METADATA = 5
_SECONDS_OF_METADATA_RETRIES = 2

# The first use of the SDK's configuration collects its attributes. Two threads at once make that fail
# ("dictionary changed size during iteration").
_one_at_a_time = Lock()


class DatabricksWorkspace(DatabricksCredentials):
    """A Databricks workspace and how to log in to it.

    Takes a personal access token, or a service principal with OAuth (Databricks or Microsoft Entra ID), as
    the credentials block of prefect-databricks does, and is accepted by all of its tasks. Beyond that block
    it takes a pasted URL as instance, can speak plain http to a local workspace, and makes official SDK
    clients.

    Attributes:
        scheme: `https`, or `http` for a local workspace.
        pipes_folder: Folder through which the notebooks of the pipelines that ship tell how far they are.

    Examples:
        ```python
        from databricks_blocks import DatabricksWorkspace

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

    pipes_folder: str = Field(
        default="",
        description="Folder of a Unity Catalog volume, or on DBFS, through which the notebooks of the "
        "pipelines that ship tell how far they are, while they run; empty: they do not.",
        examples=["/Volumes/main/ops/pipes"],
    )

    @field_validator("pipes_folder")
    @classmethod
    def _is_a_folder_for_messages(cls, folder: str) -> str:
        if folder and (problem := folder_problem(folder)):
            raise ValueError(problem)
        return folder

    @model_validator(mode="before")
    @classmethod
    def _split_pasted_url(cls, values: Any) -> Any:
        """Accept `https://host/` where the stock block builds `https://https://host/` from it."""
        if not isinstance(values, dict):
            # Where both types are accepted, pydantic tries a stock block, too.
            raise ValueError(f"{type(values).__name__} is another block.")  # noqa: TRY004
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


def load_workspace(name: str) -> DatabricksWorkspace:
    """Load a Databricks Workspace block, or in its place a stock Databricks Credentials block of that name.

    Raises:
        ValueError: The Prefect server has neither.
    """
    try:
        return load_block(DatabricksWorkspace, name)
    except ValueError:
        try:
            stock = load_block(DatabricksCredentials, name)
        except ValueError:
            stock = None
        if stock is None:
            raise
    values = {field: getattr(stock, field) for field in DatabricksCredentials.model_fields}
    return DatabricksWorkspace(**values)


def workspace_client(
    credentials: DatabricksCredentials, *, retry_seconds: int = _SECONDS_OF_RETRIES
) -> WorkspaceClient:
    """Make an official SDK client from a credentials block.

    Args:
        credentials: A `DatabricksWorkspace`, or the stock `DatabricksCredentials` block.
        retry_seconds: How long the client repeats a request that gets no answer.

    Returns:
        A client that logs in as the block says, and ignores the environment.

    Raises:
        DatabricksUnreachable: The workspace does not say where service principals log in.
    """
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.config import Config

    with _one_at_a_time:
        Config.attributes()
    host = f"{getattr(credentials, 'scheme', 'https')}://{credentials.databricks_instance}"
    needed = credentials.token is None
    with _oauth_has_a_place(host):
        config = Config(
            host=host,
            profile="",  # otherwise the SDK looks for a profile that the environment names
            http_timeout_seconds=_SECONDS_FOR_AN_ANSWER if needed else _SECONDS_FOR_METADATA,
            retry_timeout_seconds=retry_seconds if needed else _SECONDS_OF_METADATA_RETRIES,
            **_login(credentials),
        )
    return WorkspaceClient(config=_with_limits(config, retry_seconds))


def named_client(name: str) -> WorkspaceClient:
    """Make an official SDK client of a named workspace, or of the one that the environment names.

    Args:
        name: Name of a Databricks Workspace block; empty for what the environment says: `DATABRICKS_HOST`
            with a token or a service principal, a profile of `~/.databrickscfg`, a login of the Databricks
            CLI, and every other way of the SDK (docs: Databricks client unified authentication). Nothing of
            it is stored.

    Raises:
        ValueError: There is no such block.
        WorkspaceNotConfigured: The environment does not say how to log in.
        DatabricksUnreachable: The workspace does not say where service principals log in.
    """
    if name:
        return workspace_client(load_workspace(name))
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.config import Config

    needed = "DATABRICKS_TOKEN" not in os.environ
    try:
        with _oauth_has_a_place(os.environ.get("DATABRICKS_HOST", "the workspace")):
            config = Config(
                http_timeout_seconds=_SECONDS_FOR_AN_ANSWER if needed else _SECONDS_FOR_METADATA,
                retry_timeout_seconds=_SECONDS_OF_RETRIES if needed else _SECONDS_OF_METADATA_RETRIES,
            )
    except ValueError as error:
        # No secret is in the message: the SDK writes `***` in their place.
        raise WorkspaceNotConfigured(
            "No workspace to log in to: set DATABRICKS_HOST and DATABRICKS_TOKEN, or another login of the "
            f"Databricks SDK, or name a Databricks Workspace block ({error})"
        ) from error
    return WorkspaceClient(config=_with_limits(config, _SECONDS_OF_RETRIES))


def _with_limits(config: Config, retry_seconds: int) -> Config:
    config.http_timeout_seconds = _SECONDS_FOR_AN_ANSWER
    config.retry_timeout_seconds = retry_seconds
    return config


@contextmanager
def _oauth_has_a_place(host: str) -> Iterator[None]:
    """Say in plain words that the SDK found no address to log in at (`Invalid URL 'None'`)."""
    from requests.exceptions import MissingSchema

    try:
        yield
    except ValueError as error:
        first: BaseException = error
        while first.__cause__ is not None:
            first = first.__cause__
        if isinstance(first, MissingSchema):
            raise DatabricksUnreachable(
                f"{host} does not say where service principals log in: check the host "
                f"({host}/.well-known/databricks-config has to answer)"
            ) from error
        raise


def _login(credentials: DatabricksCredentials) -> dict[str, Any]:
    if credentials.token is not None:
        return {"auth_type": "pat", "token": credentials.token.get_secret_value()}
    if credentials.client_secret is None:
        raise ValueError("The credentials block has neither a token nor a client secret.")
    secret = credentials.client_secret.get_secret_value()
    if credentials.tenant_id:
        return {
            "auth_type": "azure-client-secret",
            "azure_tenant_id": credentials.tenant_id,
            "azure_client_id": credentials.client_id,
            "azure_client_secret": secret,
        }
    return {"auth_type": "oauth-m2m", "client_id": credentials.client_id, "client_secret": secret}
