"""What a local workspace has beyond Databricks: faults, a log of requests, its own tokens."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp

from databricks_local.access.oauth import ClientCredentials, TokenIssuer
from databricks_local.access.request_log import RequestLog
from databricks_local.access.task_tokens import TaskTokens
from databricks_local.faults.book import FaultBook
from databricks_local.routes.catalog.sail import SAIL_PATH
from databricks_local.routes.local import CLOCK_PATH, FAULTS_PATH, NOTIFICATIONS_PATH, REQUESTS_PATH
from databricks_local.server.connections import Connections
from databricks_local.server.http_faults import HttpFaults
from databricks_local.server.request_logging import RequestLogging

CONTROL_PATHS = (FAULTS_PATH, REQUESTS_PATH, CLOCK_PATH, NOTIFICATIONS_PATH)
"""Tests control the workspace by these paths: they are not logged and have no faults."""


@dataclass(frozen=True)
class LocalTools:
    """The tools."""

    faults: FaultBook
    requests: RequestLog
    connections: Connections
    issuer: TokenIssuer
    tokens: TaskTokens

    def accepts(self, token: str) -> bool:
        """Whether a token was issued by this workspace, to a service principal or a task."""
        return self.issuer.accepts(token) or self.tokens.accepts(token)

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application with faults and the log around it: only there can they break connections."""
        # Nor is what Sail asks the catalog, many times a statement, something that a client does.
        ours = (*CONTROL_PATHS, SAIL_PATH)
        faulty = HttpFaults(app, self.faults.of_request, self.connections, ours)
        return RequestLogging(faulty, self.requests, lambda path: path.startswith(ours))


def make_local_tools(clock: Callable[[], int], client: ClientCredentials | None) -> LocalTools:
    """Make the tools.

    Args:
        clock: Milliseconds since 1970.
        client: The service principal that gets tokens; None if there is none.
    """
    return LocalTools(FaultBook(), RequestLog(clock), Connections(), TokenIssuer(client, clock), TaskTokens())
