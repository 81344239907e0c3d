"""The errors that users of the blocks catch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from databricks_blocks.safe_text import printable

if TYPE_CHECKING:
    from pydantic import ValidationError


class DatabricksJobError(Exception):
    """Base class of the errors of Databricks runs.

    Attributes:
        may_retry: Whether the same call can succeed when it is repeated unchanged.

    Examples:
        ```python
        from databricks_blocks import DatabricksJob, DatabricksJobError

        run = DatabricksJob.load("BLOCK_NAME").trigger()
        run.wait_for_completion()
        try:
            run.fetch_result()
        except DatabricksJobError as error:
            print(error.run_id, error.run_page_url)
        ```
    """

    may_retry = False

    def __init__(self, message: str, *, run_id: int | None = None, run_page_url: str | None = None) -> None:
        self.message = printable(message)
        super().__init__(self.message)
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
    """Raised when the workspace refuses the request; the request has to change.

    Examples:
        ```python
        from databricks_blocks import DatabricksJob, DatabricksRunRefused

        run = DatabricksJob.load("BLOCK_NAME").trigger()
        run.wait_for_completion()
        try:
            run.repair()
        except DatabricksRunRefused as error:
            print(error)
        ```
    """

    @property
    def says_another_repair(self) -> bool:
        """Whether a repair was refused because another one is under way, or was made meanwhile."""
        return any(words in self.message for words in _ANOTHER_REPAIR)


class DatabricksRunFailed(DatabricksJobError):
    """Raised when a task of the run failed; only a repair or a new run can help.

    Examples:
        ```python
        from databricks_blocks import DatabricksJob, DatabricksRunFailed

        run = DatabricksJob.load("BLOCK_NAME").trigger()
        run.wait_for_completion()
        try:
            run.fetch_result()
        except DatabricksRunFailed:
            run.repair()
            run.wait_for_completion()
        print(run.fetch_result().state)
        ```
    """


class DatabricksRunCancelled(DatabricksJobError):
    """Raised when the run was cancelled on the Databricks side.

    Examples:
        ```python
        from databricks_blocks import DatabricksJob, DatabricksRunCancelled

        run = DatabricksJob.load("BLOCK_NAME").trigger()
        run.wait_for_completion()
        try:
            run.fetch_result()
        except DatabricksRunCancelled as error:
            print(f"Cancelled by somebody: {error.run_page_url}")
        ```
    """


class DatabricksRunTimedOut(DatabricksJobError):
    """Raised when the run, or a task of it, took longer than its `timeout_seconds`.

    Examples:
        ```python
        from databricks_blocks import DatabricksJob, DatabricksRunTimedOut

        run = DatabricksJob.load("BLOCK_NAME").trigger()
        run.wait_for_completion()
        try:
            run.fetch_result()
        except DatabricksRunTimedOut as error:
            print(f"Took too long: {error.run_page_url}")
        ```
    """


class DatabricksRunSkipped(DatabricksJobError):
    """Raised when Databricks skipped the run, for example because too many were active.

    Examples:
        ```python
        from databricks_blocks import DatabricksJob, DatabricksRunSkipped

        run = DatabricksJob.load("BLOCK_NAME").trigger()
        run.wait_for_completion()
        try:
            run.fetch_result()
        except DatabricksRunSkipped as error:
            print(f"Not run: {error.run_page_url}")
        ```
    """


class DatabricksUnreachable(DatabricksJobError):
    """Raised when the workspace did not answer for too long; the run itself may go on.

    Examples:
        ```python
        from databricks_blocks import DatabricksJob, DatabricksUnreachable

        run = DatabricksJob.load("BLOCK_NAME").trigger()
        try:
            run.wait_for_completion()
        except DatabricksUnreachable as error:
            print(f"Run {run.run_id} may go on: {error}")
        ```
    """

    may_retry = True


class AssetChecksFailed(DatabricksJobError):
    """Raised when the run succeeded, but a check of its code failed, and `blocking_checks` is set.

    Examples:
        >>> from databricks_flows import AssetChecksFailed
        >>> error = AssetChecksFailed("checks of its code failed: no_nulls of main/sales", run_id=5)
        >>> error.run_id, error.may_retry
        (5, False)
    """


class WorkspaceNotConfigured(DatabricksJobError, ValueError):
    """Raised when neither a block nor the environment says how to log in to a workspace.

    Examples:
        ```python
        from databricks_blocks import WorkspaceNotConfigured
        from databricks_blocks.workspace.block import named_client

        try:
            named_client("")
        except WorkspaceNotConfigured as error:
            print(error)
        ```
    """


class InvalidJob(DatabricksJobError, ValueError):
    """Raised when the description of a job cannot be run as it is; nothing was sent.

    Examples:
        ```python
        from databricks_blocks import DatabricksJob, InvalidJob

        job = DatabricksJob.load("BLOCK_NAME").model_copy(update={"tasks": []})
        try:
            job.trigger()
        except InvalidJob as error:
            print(error)
        ```
    """

    @classmethod
    def from_validation(cls, error: ValidationError, source: str) -> Self:
        """Say which fields in `source` are not as a job needs them."""
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        return cls("\n".join([f"{source} cannot be read as a job:", *(f"- {fault}" for fault in faults)]))


class BlockNotFound(ValueError):
    """Raised when the Prefect server has no block of that type and name.

    Examples:
        ```python
        from databricks_blocks import BlockNotFound, DatabricksWorkspace
        from databricks_blocks.loading import load_block

        try:
            load_block(DatabricksWorkspace, "no-such-block")
        except BlockNotFound as error:
            print(error)
        ```
    """


class BlockTypeNotInstalled(ImportError):
    """Raised when the package of a type of blocks is not installed; the message names the extra.

    Examples:
        ```python
        from databricks_blocks import BlockTypeNotInstalled
        from databricks_blocks.loading import load_one_of
        from databricks_blocks.staging.area import STAGING_BLOCKS

        try:
            load_one_of(STAGING_BLOCKS, "gcs-bucket/BLOCK_NAME")
        except BlockTypeNotInstalled as error:
            print(error)
        ```
    """
