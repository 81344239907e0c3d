"""A call of the REST API by the official SDK; the answer is raw JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from databricks_blocks.errors import DatabricksUnreachable
from databricks_blocks.workspace.api_errors import api_errors

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


def call_api(
    client: WorkspaceClient,
    method: str,
    path: str,
    *,
    query: dict[str, Any] | None = None,
    body: dict[str, Any] | None = None,
    expect: str = "",
) -> dict[str, Any]:
    """Make a call that is safe to repeat: the SDK repeats it by itself for a while.

    Args:
        client: SDK client of the workspace.
        method: HTTP method.
        path: Path of the URL, with the version of the API: `/api/2.2/jobs/list`.
        query: Parameters of the URL.
        body: The request.
        expect: A field that the answer must have. An answer without it, as gateways give, counts as none.

    Raises:
        DatabricksRunRefused: The workspace does not accept the request.
        DatabricksUnreachable: The workspace did not answer, after the SDK's own retries.
    """
    from databricks.sdk.errors import Unauthenticated

    host, endpoint = client.config.host, endpoint_of(path)
    with api_errors(host, endpoint):
        try:
            answer = client.api_client.do(method, path, query=query, body=body)
        except Unauthenticated:
            # The token expired early: try once more with a new one.
            client.config.init_auth()  # type: ignore[no-untyped-call]
            answer = client.api_client.do(method, path, query=query, body=body)
    if expect and not (isinstance(answer, dict) and expect in answer):
        raise DatabricksUnreachable(f"{host} answered {endpoint} with nothing that has a {expect}")
    return cast(dict[str, Any], answer)


def endpoint_of(path: str) -> str:
    """Name a path for people.

    Examples:
        >>> endpoint_of("/api/2.2/jobs/runs/get")
        'jobs/runs/get'
    """
    return path.removeprefix("/api/").partition("/")[2]
