"""Find out in seconds that nothing answers at a workspace, before a client tries for minutes."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from databricks_blocks.errors import DatabricksUnreachable
from databricks_blocks.workspace.block import load_workspace, named_client, workspace_client

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

# Every client of the SDK asks for this first. Any answer will do: older workspaces know no such path.
_ASKED_FIRST = "/.well-known/databricks-config"
_TRIES = 2
_SECONDS_BETWEEN = 1.0
_SECONDS_TO_CONNECT = 4.0
_SECONDS_FOR_AN_ANSWER = 10.0
_SYSTEM_ERROR = re.compile(r"\[Errno -?\d+\] ([\w ]+)")


def reachable_client(name: str) -> WorkspaceClient:
    """Make a client as `named_client` does, for a person who waits at a terminal.

    Args:
        name: Name of a Databricks Workspace block; empty for the workspace of the environment.

    Raises:
        DatabricksUnreachable: Nothing answers there.
        ValueError: There is no such block.
        WorkspaceNotConfigured: The environment does not say how to log in.
    """
    if name:
        block = load_workspace(name)
        check_answers(block.host)
        return workspace_client(block)
    host = os.environ.get("DATABRICKS_HOST", "")
    if host:
        check_answers(host if "://" in host else f"https://{host}")
    client = named_client("")
    if not host:  # a profile named it, which only the client could read
        check_answers(client.config.host)
    return client


def check_answers(host: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Make sure that something answers at a host.

    Args:
        host: URL of the workspace.
        sleep: Waits for a number of seconds.

    Raises:
        DatabricksUnreachable: Nothing answers; it takes 10 seconds at most to find out.
    """
    import requests

    for left in reversed(range(_TRIES)):
        try:
            requests.get(
                f"{host.rstrip('/')}{_ASKED_FIRST}",
                timeout=(_SECONDS_TO_CONNECT, _SECONDS_FOR_AN_ANSWER),
                allow_redirects=False,
            )
        except (requests.ReadTimeout, requests.exceptions.InvalidURL) as error:
            raise _unreachable(host, error) from error
        except requests.RequestException as error:
            if not left:
                raise _unreachable(host, error) from error
            sleep(_SECONDS_BETWEEN)
        else:
            return


def _unreachable(host: str, error: Exception) -> DatabricksUnreachable:
    return DatabricksUnreachable(
        f"nothing answers at {host}: {reason_of(error)}. Check the host (DATABRICKS_HOST, or the workspace "
        "block) and the network"
    )


def reason_of(error: Exception) -> str:
    """Say in a few words why a request got no answer; the messages of `requests` are long and nested."""
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted, or it does not speak https"
    if isinstance(error, requests.Timeout):
        return "it is silent"
    named = _SYSTEM_ERROR.search(str(error))
    reason = named[1].strip().lower() if named else type(error).__name__
    return f"the proxy: {reason}" if isinstance(error, requests.exceptions.ProxyError) else reason
