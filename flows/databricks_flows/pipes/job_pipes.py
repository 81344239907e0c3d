"""Listening to the run of a job: from before its launch to after its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from databricks_blocks.errors import AssetChecksFailed, DatabricksJobError, DatabricksRunRefused, InvalidJob
from databricks_blocks.pipes.bootstrap import Caller
from databricks_blocks.pipes.pipes import CheckResult, PipesResult
from databricks_blocks.run.launchers import Launcher, launcher_of
from databricks_blocks.run.observer import Observer
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.safe_text import one_line
from prefect import get_run_logger
from prefect.runtime import flow_run

from databricks_flows.job.call_identity import CallIdentity
from databricks_flows.pipes.driver_output import DriverOutput
from databricks_flows.pipes.listening import SECONDS_TO_DRAIN
from databricks_flows.pipes.session_pipes import LoggerOf, SessionPipes
from databricks_flows.pipes.stages import speakers

if TYPE_CHECKING:
    from databricks_flows.job.requested_job import RequestedJob


class JobPipes(Observer):
    """Lets the code of a job speak; of a job without pipes, it hears nothing."""

    def __init__(self, loaded: RequestedJob, call: CallIdentity) -> None:
        """Set up; nothing is changed yet.

        Args:
            loaded: The job.
            call: Where it is called.
        """
        self._loaded = loaded
        self._call = call
        self._session: SessionPipes | None = None
        self._drivers: DriverOutput | None = None
        self._run: RunSnapshot | None = None
        self._is_launched = False

    async def prepared(self, launcher: Launcher, logger_of: LoggerOf) -> Launcher:
        """Put parameters into the job, and make what its code needs at its start.

        Args:
            launcher: Launches the job as it is.
            logger_of: Finds the log that the lines of a task go to.

        Returns:
            What launches the job so that its code speaks, by the same idempotency tokens.

        Raises:
            InvalidJob: The parameters cannot reach a task.
            DatabricksJobError: There is no place for messages; nothing was launched.
        """
        caller = Caller(str(self._call.flow_run_ids[0]), flow_run.flow_name, self._call.flow_run_count - 1)
        piped = self._loaded.piped(caller, launcher.token(0))
        if piped is None or self._loaded.pipes is None:
            return launcher
        for warning in piped.warnings:
            get_run_logger().warning("%s", warning)
        client = self._loaded.client
        self._session = SessionPipes(client, self._loaded.pipes, piped.session, logger_of=logger_of)
        await self._session.prepare(self._call, self._loaded.policy.polling)
        if self._loaded.pipes.driver_logs:
            self._drivers = DriverOutput(client, piped.specification, self._session, get_run_logger())
        return launcher_of(client, piped.specification, launcher.token)

    @property
    def result(self) -> PipesResult:
        """What the code has said so far."""
        return self._session.result if self._session else PipesResult()

    async def launched(self, run_id: int) -> None:
        """Begin to listen."""
        self._is_launched = True
        if self._session:
            self._session.begin()

    async def changed(self, run: RunSnapshot) -> None:
        """Learn which tasks speak."""
        before, self._run = self._run, run
        if self._session:
            if before is not None and starts_over(before, run):
                self._session.forget()
            now = speakers(run, self._session.task_keys)
            self._session.take(now)
            if self._drivers:
                self._drivers.take(now)

    async def is_output_told(self, task_key: str, run_id: int) -> bool:
        """Whether a task told its output while it ran; once an attempt was heard to its end.

        Args:
            task_key: The task.
            run_id: Id of the attempt.
        """
        return self._session is not None and await self._session.is_output_told(task_key, run_id)

    async def finish(self, seconds: float = SECONDS_TO_DRAIN, *, cut_off: bool = False) -> None:
        """Hear the end, after the run has ended, and clean up; a repeat does nothing.

        Args:
            seconds: How long the last messages are waited for.
            cut_off: Whether the run was cancelled, so that it is no wonder that something is missing.
        """
        if self._session:
            await self._hear_drivers(seconds)
            await self._session.finish(seconds, cut_off=cut_off)

    async def end(self, error: DatabricksJobError) -> None:
        """After a failure: hear the end if the run has ended, and leave all to a retry if it goes on.

        The context of the code stays, so that the run can be repaired: by a retry, or by hand.

        Args:
            error: Why the run failed, or was not launched.
        """
        if self._session is None or self._run is None or not self._run.state.is_terminal:
            await self.leave()
            # A launch that was refused has no run that could speak, and a retry makes the folder anew.
            is_refused = isinstance(error, DatabricksRunRefused | InvalidJob)
            if self._session and is_refused and not self._is_launched and self._call.flow_run_count == 1:
                await self._session.clean()
            return
        await self._hear_drivers(SECONDS_TO_DRAIN)
        await self._session.finish(SECONDS_TO_DRAIN, may_run_again=True)

    async def leave(self) -> None:
        """Stop, and leave all that is there to a retry of the flow."""
        if self._drivers:
            await self._drivers.leave()
        if self._session:
            await self._session.leave()

    async def _hear_drivers(self, seconds: float) -> None:
        drivers, self._drivers = self._drivers, None
        if drivers:
            await drivers.finish(seconds)

    def check(self, run: RunSnapshot) -> None:
        """Fail if a check failed that blocks.

        Args:
            run: The run, which succeeded.

        Raises:
            AssetChecksFailed: Such a check failed; its first line names them all.
        """
        blocking = self._loaded.pipes is not None and self._loaded.pipes.blocking_checks
        if blocking and self._session and not self._session.knows_all:
            raise AssetChecksFailed(
                "The run succeeded, but Prefect does not tell which checks failed before; retry the flow run "
                f"({run.run_page_url})",
                run_id=run.run_id,
                run_page_url=run.run_page_url,
            )
        if failed := failed_checks(self.result.checks) if blocking else []:
            names = ", ".join(f"{check.check_name} of {check.asset_key}" for check in failed)
            raise AssetChecksFailed(
                f"The run succeeded, but checks of its code failed: {one_line(names)} ({run.run_page_url}). "
                "A retry finds this run and its checks again: once the data is mended, start a new flow run, "
                "or give another `key`",
                run_id=run.run_id,
                run_page_url=run.run_page_url,
            )


def starts_over(before: RunSnapshot, now: RunSnapshot) -> bool:
    """Whether the whole job was launched again: none of the attempts that there were belongs to it.

    Args:
        before: What was seen before.
        now: What is seen now.
    """
    known = {attempt.run_id for attempt in before.attempts}
    is_joined = any(attempt.run_id in known for attempt in now.attempts)
    return now.run_id != before.run_id and not is_joined


def failed_checks(checks: tuple[CheckResult, ...]) -> list[CheckResult]:
    """Find the checks of severity ERROR that failed when they were made last.

    Args:
        checks: All, in order.
    """
    latest = {(check.task_key, check.asset_key, check.check_name): check for check in checks}
    return [check for check in latest.values() if not check.passed and check.severity == "ERROR"]
