"""The errors that users of the blocks catch, by whether asking again can help."""

from __future__ import annotations

from typing import Any, Self

from pydantic import ValidationError


class DatabricksJobError(Exception):
    """Base class of what goes wrong with a Databricks run.

    Attributes:
        may_retry: Whether the same call can succeed when it is repeated unchanged.
    """

    may_retry = False

    def __init__(self, message: str, *, run_id: int | None = None, run_page_url: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.run_id = run_id
        self.run_page_url = run_page_url

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the facts when Prefect pickles the exception into a state."""
        return (_rebuild, (type(self), self.message, self.run_id, self.run_page_url))


def _rebuild(
    kind: type[DatabricksJobError], message: str, run_id: int | None, run_page_url: str | None
) -> DatabricksJobError:
    return kind(message, run_id=run_id, run_page_url=run_page_url)


_ANOTHER_REPAIR = ("active", "in progress", "running", "latest repair")
"""Words by which Databricks refuses a repair because of another one: somebody else's, or one of ours whose
answer was lost. "Latest repair" is how it asks for the id of one that we have not seen."""


class DatabricksRunRefused(DatabricksJobError):
    """Raised when the workspace refuses the request; the request has to change."""

    @property
    def says_another_repair(self) -> bool:
        """Whether a repair was refused because another one is under way, or was made meanwhile."""
        return any(words in self.message for words in _ANOTHER_REPAIR)


class DatabricksRunFailed(DatabricksJobError):
    """Raised when a task of the run failed; only a repair or a new run can help."""


class DatabricksRunCancelled(DatabricksJobError):
    """Raised when the run was cancelled on the Databricks side."""


class DatabricksRunTimedOut(DatabricksJobError):
    """Raised when the run, or a task of it, took longer than its `timeout_seconds`."""


class DatabricksRunSkipped(DatabricksJobError):
    """Raised when Databricks skipped the run, for example because too many were active."""


class DatabricksUnreachable(DatabricksJobError):
    """Raised when the workspace did not answer for too long; the run itself may go on."""

    may_retry = True


class WorkspaceNotConfigured(DatabricksJobError, ValueError):
    """Raised when neither a block nor the environment says how to log in to a workspace."""


class InvalidJob(DatabricksJobError, ValueError):
    """Raised when the description of a job cannot be run as it is; nothing was sent."""

    @classmethod
    def from_validation(cls, error: ValidationError, source: str) -> Self:
        """Say what in `source` has another shape than a job has."""
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        return cls("\n".join([f"{source} cannot be read as a job:", *(f"- {fault}" for fault in faults)]))


class BlockNotFound(ValueError):
    """Raised when the Prefect server has no block of that type and name."""


class BlockTypeNotInstalled(ImportError):
    """Raised when the package of a type of blocks is not installed; the message names the extra."""
