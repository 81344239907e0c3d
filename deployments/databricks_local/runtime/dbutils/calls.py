"""What a notebook asks the workspace for while it runs."""

from collections.abc import Awaitable, Callable
from typing import Any

Call = Callable[..., Any]
"""Asks the workspace: a name and arguments in, the answer out; raises `WorkspaceCallError` on a refusal."""

OnCall = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Answers what a notebook asks the workspace for; refuses by raising `WorkspaceCallError`."""


class WorkspaceCallError(Exception):
    """Raised when the workspace refuses what a notebook asked it for."""
