"""The errors that users of the blocks catch, by whether asking again can help."""

from __future__ import annotations

from typing import Any, Self

from pydantic import ValidationError


class DatabricksJobError(Exception):
    """Base class of what goes wrong with a Databricks run.

    Attributes:
        may_retry: Whether the same call can succeed when it is repeated unchanged.
        message: What went wrong; the first line says it all.
        run_id: Id of the run in Databricks, if there is one.
        run_page_url: Its page in the workspace.

    Examples:
        >>> from databricks_flows import DatabricksJobError, DatabricksRunFailed
        >>> try:
        ...     raise DatabricksRunFailed("Task `train` failed: ValueError: no rows", run_id=7)
        ... except DatabricksJobError as error:
        ...     print(error.run_id, error.message, error.may_retry)
        7 Task `train` failed: ValueError: no rows False
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


class DatabricksRunRefused(DatabricksJobError):
    """Raised when the workspace refuses the request; the request has to change."""

    @property
    def says_active(self) -> bool:
        """Whether the reason is that the run has not ended."""
        return any(word in self.message for word in ("active", "in progress", "running"))


class DatabricksRunFailed(DatabricksJobError):
    """Raised when a task of the run failed; only a repair or a new run can help.

    The first line of the message names the task, its error, the attempt and the link to it.

    Examples:
        >>> from databricks_flows import DatabricksRunFailed
        >>> try:
        ...     raise DatabricksRunFailed("Task `train` failed: ValueError: no rows", run_id=7)
        ... except DatabricksRunFailed as error:
        ...     print(f"Run {error.run_id}: {error}")
        Run 7: Task `train` failed: ValueError: no rows
    """


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
    """Raised when the description of a job cannot be run as it is; nothing was sent.

    Examples:
        >>> from databricks_flows import InvalidJob, JobSpecification
        >>> try:
        ...     JobSpecification.from_settings({"name": "nightly", "tasks": [{"task_key": 1}]})
        ... except InvalidJob as error:
        ...     print(error)
        the settings cannot be read as a job:
        - tasks.0.task_key: Input should be a valid string
    """

    @classmethod
    def from_validation(cls, error: ValidationError, source: str) -> Self:
        """Say what in `source` has another shape than a job has."""
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        return cls("\n".join([f"{source} cannot be read as a job:", *(f"- {fault}" for fault in faults)]))


class BlockNotFound(ValueError):
    """Raised when the Prefect server has no block of that type and name."""


class BlockTypeNotInstalled(ImportError):
    """Raised when the package of a type of blocks is not installed; the message names the extra."""
