"""The flow `run_databricks_job`: a job as one run, shown, repaired, never launched twice, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from databricks_blocks.databricks_job import DatabricksJob
from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.run.life import RunLife
from databricks_blocks.run.observer import Observer
from databricks_blocks.run.outputs import TaskOutputs
from databricks_blocks.run.policy import LifeOptions, RunPolicy
from databricks_blocks.run.repair_policy import GiveUp, Repair
from databricks_blocks.run.results import DatabricksRunResult, run_result
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.run_log import telling_the_story
from prefect import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Cancelled

from databricks_flows.ending.endings import CancelledInPrefect, Ending
from databricks_flows.ending.interruption import noticing_termination
from databricks_flows.ending.origin import Origin
from databricks_flows.job.ask import asking
from databricks_flows.job.call_identity import current_call_identity
from databricks_flows.job.cancelling import cancel_databricks_runs
from databricks_flows.job.launch_notes import NotedLauncher
from databricks_flows.job.mirror import Mirror, end_abandoned
from databricks_flows.job.report import RunReport
from databricks_flows.job.requested_job import RequestedJob, load_requested_job
from databricks_flows.job.sync_callable import SyncCallableFlow
from databricks_flows.pipes.job_pipes import JobPipes
from databricks_flows.shared.progress import say
from databricks_flows.shared.run_names import named
from databricks_flows.shared.uninterrupted import uninterrupted

_MOST_ATTEMPTS = 1000
"""More attempts than a task ever has. The number is not known in advance: people repair runs by hand, and the
task retries of an existing job are not in its specification."""
_SECONDS_TO_SHOW_THE_END = 10.0
"""Whoever cancels a flow run waits for its end."""
_SECONDS_TO_HEAR_THE_END = 5.0

NO_PARAMETERS: dict[str, str] = {}


class _Watchers(Observer):
    """Passes each event on to the mirror and the report, and keeps the latest state of the run."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers
        self.run: RunSnapshot | None = None

    async def launched(self, run_id: int) -> None:
        for observer in self._observers:
            await observer.launched(run_id)

    async def changed(self, run: RunSnapshot) -> None:
        self.run = run
        for observer in self._observers:
            await observer.changed(run)

    async def failed(self, run: RunSnapshot, errors: Mapping[str, str], decision: Repair | GiveUp) -> None:
        for observer in self._observers:
            await observer.failed(run, errors, decision)

    async def repaired(self, run_id: int, repair_id: int) -> None:
        for observer in self._observers:
            await observer.repaired(run_id, repair_id)


def _title(parameters: Mapping[str, Any]) -> str:
    job = parameters["job"]
    return job if isinstance(job, str) else getattr(job, "name", None) or job["name"]


async def _run_databricks_job(
    job: JobSpecification | DatabricksJob | str,
    workspace: str = "",
    policy: RunPolicy | None = None,
    job_parameters: dict[str, str] = NO_PARAMETERS,
    inputs_since: datetime | None = None,
    key: str = "",
    pipes: Pipes | None = None,
) -> DatabricksRunResult:
    """Run a Databricks job as one run, show its tasks, repair what fails, and wait until it has succeeded.

    A retry of the flow, or a second worker after a crash, does not start another run. It finds the first one:
    if it is active, the flow waits for it; if it has succeeded, the flow uses it; if it has failed, the flow
    repairs it. Cancelling the flow cancels the run.

    A call is told apart by what it asks for (the job, its parameters, and what `pipes` tells its code), in
    which flow, deployment and task.
    So calls can be made in any order, at once, in tasks, threads and other processes. Equal calls are
    counted: each gets a run of its own, and in a retry they may exchange their runs.

    Args:
        job: The specification of a job, or a Databricks Job block, or the name of one. Save the block:
            Prefect stores no credentials of an unsaved block, so no other process could cancel its run.
        workspace: Name of the Databricks Workspace block. Empty: the workspace of the job's block; for a
            specification the workspace of the environment, as the Databricks SDK finds it.
        policy: How the run is watched and repaired. Empty: the policy of the job's block, or the default.
        job_parameters: Values of job parameters; they replace those of the job.
        inputs_since: Time at which the job's input was last written. In a retry, tasks that began before this
            time run again.
        key: Tells calls apart that are equal in all else, and that must not exchange their runs in a retry:
            for example two runs of a job that reads what to do from elsewhere.
        pipes: Lets the code tell the flow what it does while it runs. Empty: it is silent until its end.

    Returns:
        The run that succeeded: its id, its page, the result of each task, and what its code told over pipes.

    Raises:
        InvalidJob: The specification has problems; all are listed, and nothing was sent.
        DatabricksRunRefused: The workspace does not accept the request.
        AssetChecksFailed: A check of the code failed, and `pipes` has `blocking_checks`.
        DatabricksRunFailed: A task failed; the first line names task, error, attempt and link.
        DatabricksJobError: The run did not succeed for another reason, or the workspace cannot be reached.

    Examples:
        >>> import asyncio
        >>> from databricks_flows import JobCluster, JobSpecification, notebook_task, run_databricks_job
        >>> cluster = JobCluster().specification()
        >>> load = notebook_task("load", "/Shared/load", new_cluster=cluster)
        >>> job = JobSpecification(name="nightly", tasks=[load])
        >>> result = asyncio.run(run_databricks_job(job, "workspace"))
        >>> result.state, list(result.tasks)
        ('SUCCESS', ['load'])
    """
    loaded = await asyncio.to_thread(load_requested_job, job, workspace, policy, job_parameters, key, pipes)
    return await run_to_the_end(loaded, inputs_since)


async def run_to_the_end(loaded: RequestedJob, inputs_since: datetime | None = None) -> DatabricksRunResult:
    """Launch a job or a repair, show it in Prefect, and wait until the run has succeeded.

    Args:
        loaded: What is launched, and in which workspace.
        inputs_since: Time at which the job's input was last written.

    Returns:
        The run. If a person cancelled this flow run by itself, it is Prefect's state `Cancelled`, so that the
        flow run ends in it.

    Raises:
        DatabricksJobError: The run did not succeed, or the workspace cannot be reached.
    """
    try:
        with telling_the_story():
            return await _to_the_end(loaded, inputs_since)
    except CancelledInPrefect:
        return cast("DatabricksRunResult", Cancelled(message="Cancelled, and its Databricks run as well"))


async def _to_the_end(loaded: RequestedJob, inputs_since: datetime | None) -> DatabricksRunResult:
    call = await current_call_identity()
    options = LifeOptions(
        loaded.policy, call.flow_run_count, int(inputs_since.timestamp() * 1000) if inputs_since else 0
    )
    outputs = TaskOutputs(loaded.client, loaded.policy.polling)
    if call.flow_run_count > 1:
        await end_abandoned(call.flow_run_ids[0])
    piped = JobPipes(loaded, call)
    mirror = Mirror(outputs, _MOST_ATTEMPTS, piped.is_output_told)
    report = RunReport(loaded.client.config.host, loaded.specification.name)
    watchers = _Watchers(piped, mirror, report)
    if url := flow_run.ui_url:
        say(f"Prefect run: {url}")
    if plan := loaded.plan():
        report.planned(plan)
    ask = asking(loaded.policy.repair) if loaded.policy.repair.ask else None
    launcher = await piped.prepared(await loaded.launch(call), mirror.logger_of)
    launcher = NotedLauncher(launcher, call.flow_run_ids[0], loaded.fingerprint)
    life = RunLife(loaded.client, launcher, options, watchers, outputs, ask=ask)
    origin = await Origin.of(call.flow_run_ids)
    async with noticing_termination() as termination:
        try:
            async with origin.ending_when_cancelled(loaded.policy.polling.max_unreachable):
                run = await life.to_the_end()
                await piped.finish()
        except DatabricksJobError as error:
            await piped.end(error)
            await mirror.finish(watchers.run)
            await report.ended_badly(watchers.run, error)
            raise
        except BaseException as error:
            ending = origin.ending(error, termination)
            await uninterrupted(_interrupted(life, loaded, ending, piped, mirror, report, watchers.run))
            raise
    await mirror.finish(run)
    try:
        piped.check(run)
    except DatabricksJobError as error:
        await report.ended_badly(run, error)
        raise
    await report.succeeded(run)
    result = run_result(
        run, {task.task_key: await outputs.of(task) for task in run.tasks if task.state.is_success}
    )
    told = piped.result
    return replace(result, assets=told.assets, checks=told.checks, messages=told.messages)


async def _interrupted(
    life: RunLife,
    loaded: RequestedJob,
    ending: Awaitable[Ending],
    piped: JobPipes,
    mirror: Mirror,
    report: RunReport,
    last_seen: RunSnapshot | None,
) -> None:
    """End what a cancel or a signal has interrupted."""
    if ended := await _cancel_unless_left(life, loaded, await ending):
        report.cancelled()
        await piped.changed(ended)
        await piped.finish(_SECONDS_TO_HEAR_THE_END, cut_off=True)
    await piped.leave()
    await mirror.finish(ended or last_seen, _SECONDS_TO_SHOW_THE_END)


async def _cancel_unless_left(life: RunLife, loaded: RequestedJob, ending: Ending) -> RunSnapshot | None:
    """Cancel the run, unless the flow run crashed and the policy leaves the run to a retry.

    Returns:
        The run as it ended; `None` if it is not known to have ended.
    """
    logger = get_run_logger()
    if ending is Ending.CRASHED and loaded.policy.on_crash == "leave":
        logger.warning("The Databricks run goes on: a retry of this flow run will find it")
        return None
    logger.warning("Cancelling the Databricks run")
    try:
        return await life.cancel()
    except (TimeoutError, DatabricksJobError) as error:
        logger.warning("The Databricks run may still be going on: %s", error or "it takes its time to end")
        return None


run_databricks_job = SyncCallableFlow(
    _run_databricks_job,
    name="run-databricks-job",
    flow_run_name=named(_title),
    on_cancellation=[cancel_databricks_runs],
    on_crashed=[cancel_databricks_runs],
    # Prefect finds a stored result by the position of the call, which may be that of another one
    # (prefect#18601, #22259). Nothing is stored: the idempotency token finds the run, which has the result.
    persist_result=False,
)
