"""Calls from a notebook to the workspace."""

from collections.abc import Awaitable, Callable
from typing import Any

Call = Callable[..., Any]
"""Calls the workspace by name, with arguments; raises `WorkspaceCallError` on a refusal."""

OnCall = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Answers calls on the side of the workspace; raises `WorkspaceCallError` to refuse one."""


class WorkspaceCallError(Exception):
    """Raised when the workspace refuses a call."""
