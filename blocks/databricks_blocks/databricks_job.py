"""A Databricks job as a Prefect block, and a run of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from prefect.blocks.abstract import JobBlock, JobRun
from prefect_databricks.credentials import DatabricksCredentials
from pydantic import ConfigDict, Field, HttpUrl

from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.job.plan import JobPlan
from databricks_blocks.job.plan import plan as plan_of
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.validation import check
from databricks_blocks.private_prefect import async_dispatch
from databricks_blocks.run.failure import run_error
from databricks_blocks.run.launchers import launcher_of
from databricks_blocks.run.outputs import TaskOutputs
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import Repair, repair_body
from databricks_blocks.run.repair_watch import ExpectedRepair, RepairWatch
from databricks_blocks.run.results import DatabricksRunResult, run_result
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.run.watching import watch_run
from databricks_blocks.workspace.block import DatabricksWorkspace, workspace_client
from databricks_blocks.workspace.polling import outlive
from databricks_blocks.workspace.runs_api import cancel_run, get_run, repair_run

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

Answer = TypeVar("Answer")


class DatabricksJobRun(JobRun[DatabricksRunResult]):
    """A run of a Databricks job, as `DatabricksJob.trigger` starts it.

    It repairs nothing by itself; the subflow `run_databricks_job` does.

    Examples:
        ```python
        from databricks_blocks import DatabricksJob, DatabricksJobRun

        run: DatabricksJobRun = DatabricksJob.load("BLOCK_NAME").trigger()
        run.wait_for_completion()
        for key, task in run.fetch_result().tasks.items():
            print(key, task.state, task.exit_value)
        ```
    """

    def __init__(
        self,
        client: WorkspaceClient,
        run_id: int,
        policy: RunPolicy,
        parameters: dict[str, Any] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take hold of a run.

        Args:
            client: SDK client of the workspace.
            run_id: Id of the run.
            policy: How it is watched, and what counts as success.
            parameters: What was sent with the launch and has to be sent again with a repair.
            clock: Seconds that only grow.
            sleep: Waits for a number of seconds.
        """
        self.run_id = run_id
        self._client = client
        self._policy = policy
        self._parameters = parameters or {}
        self._clock = clock
        self._sleep = sleep
        self._repair_watch = RepairWatch(policy.polling, clock)
        self._url = ""

    @property
    def url(self) -> str:
        """Page of the run in the workspace; empty until the run was read once."""
        return self._url

    async def aread(self) -> RunSnapshot:
        """Read the run as it is now.

        Raises:
            DatabricksRunRefused: There is no such run, or no permission.
            DatabricksUnreachable: The workspace does not answer.
        """
        run = RunSnapshot.from_json(await self._outlive(partial(get_run, self._client, self.run_id)))
        self._url = run.run_page_url
        return run

    async def await_for_completion(self) -> None:
        """Wait until the run has ended, well or not."""
        await self._watch()

    @async_dispatch(await_for_completion)
    def wait_for_completion(self) -> None:  # type: ignore[override]
        """Wait until the run has ended, well or not.

        Raises:
            DatabricksUnreachable: The workspace did not answer, or did not show the repair, for longer than
                the policy allows; the run may go on.
        """
        asyncio.run(self.await_for_completion())

    async def afetch_result(self) -> DatabricksRunResult:
        """Sum up the run; see `fetch_result`."""
        run = await self.aread()
        if not self._repair_watch.is_over(run):
            raise DatabricksJobError(
                f"Run {self.run_id} has not ended: wait_for_completion() first.",
                run_id=self.run_id,
                run_page_url=run.run_page_url,
            )
        outputs = TaskOutputs(self._client, self._policy.polling)
        by_key = {task.task_key: await outputs.of(task) for task in run.tasks if not task.state.is_left_out}
        if not self._policy.succeeded(run):
            raise run_error(run, by_key)
        return run_result(run, by_key)

    @async_dispatch(afetch_result)
    def fetch_result(self) -> DatabricksRunResult:  # type: ignore[override]
        """Sum up a run that has ended: per task its state, attempts, exit value, output and durations.

        Raises:
            DatabricksJobError: The run has not ended, or not well; the first line names task, error, attempt
                and link.
        """
        return asyncio.run(self.afetch_result())

    async def arepair(self, tasks: Sequence[str] | None = None, dependents: bool = True) -> int:
        """Run tasks again; see `repair`."""
        run = await self.aread()
        body = repair_body(run, Repair(tuple(tasks or ()), dependents), self._parameters)
        repair_id = await asyncio.to_thread(repair_run, self._client, body)
        self._repair_watch.expect(ExpectedRepair(run.repair_ids, repair_id))
        return repair_id

    @async_dispatch(arepair)
    def repair(self, tasks: Sequence[str] | None = None, dependents: bool = True) -> int:
        """Run tasks of the run again.

        Args:
            tasks: Their keys; all that failed if left out.
            dependents: Whether tasks that depend on them run again, too.

        Returns:
            The repair id.

        Raises:
            DatabricksRunRefused: The run is active, or such a run cannot be repaired.
        """
        return asyncio.run(self.arepair(tasks, dependents))

    async def acancel(self) -> None:
        """Ask Databricks to end the run; see `cancel`."""
        await self._outlive(partial(cancel_run, self._client, self.run_id))

    @async_dispatch(acancel)
    def cancel(self) -> None:
        """Ask Databricks to end the run; it answers before the run has ended."""
        asyncio.run(self.acancel())

    async def _outlive(self, call: Callable[[], Answer]) -> Answer:
        return await outlive(
            partial(asyncio.to_thread, call), self._policy.polling, clock=self._clock, sleep=self._sleep
        )

    async def _watch(self) -> RunSnapshot:
        run = await watch_run(
            partial(get_run, self._client, self.run_id),
            policy=self._policy.polling,
            is_over=self._repair_watch.is_over,
            clock=self._clock,
            sleep=self._sleep,
        )
        self._url = run.run_page_url
        return run


class DatabricksJob(JobBlock[DatabricksRunResult], JobSpecification):
    """A Databricks job: its tasks, its compute, how it is launched, and how its runs are looked after.

    Attributes:
        workspace: Where it runs.
        policy: How its runs are watched and repaired.

    Examples:
        ```python
        from databricks_blocks import DatabricksJob

        job = DatabricksJob.load("BLOCK_NAME")
        run = job.trigger()
        run.wait_for_completion()
        print(run.fetch_result().exit_values)
        ```
    """

    model_config = ConfigDict(frozen=False, extra="ignore")

    _block_type_name = "Databricks Job"
    _block_type_slug = "databricks-job"
    _logo_url = HttpUrl(str(DatabricksCredentials._logo_url))
    _documentation_url = HttpUrl("https://docs.databricks.com/api/workspace/jobs/submit")

    workspace: DatabricksWorkspace | DatabricksCredentials = Field(description="Where the job runs.")
    policy: RunPolicy = Field(default=RunPolicy(), description="How its runs are watched and repaired.")

    @property
    def specification(self) -> JobSpecification:
        """The job without the credentials of its workspace."""
        return JobSpecification(**{name: getattr(self, name) for name in JobSpecification.model_fields})

    def plan(self) -> JobPlan:
        """Tell what launching the job would do: requests, graph and clusters. No call is made."""
        return plan_of(self.specification)

    async def atrigger(self) -> DatabricksJobRun:
        """Start a run; see `trigger`."""
        specification = self.specification
        check(specification)
        client = await asyncio.to_thread(workspace_client, self.workspace)
        token = uuid4().hex
        launcher = launcher_of(client, specification, lambda _: token)
        run_id = await outlive(partial(asyncio.to_thread, launcher.start, 0), self.policy.polling)
        return DatabricksJobRun(client, run_id, self.policy, dict(launcher.parameters))

    @async_dispatch(atrigger)
    def trigger(self) -> DatabricksJobRun:  # type: ignore[override]
        """Start a run of the job.

        An answer that is lost starts no second run. A second call does: what has to survive a retry of the
        flow is `run_databricks_job`.

        Raises:
            InvalidJob: The specification has problems; all are listed, and nothing was sent.
            DatabricksRunRefused: The workspace does not accept the request.
            DatabricksUnreachable: The workspace did not answer for too long.
        """
        return asyncio.run(self.atrigger())
