"""What a person sees of a Databricks run in the Prefect UI: plan, link, progress, table, events.

Telling never decides a result: an artifact that cannot be written is logged, and the run goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from uuid import UUID

from databricks_blocks.errors import DatabricksJobError, DatabricksRunCancelled
from databricks_blocks.job.plan import JobPlan
from databricks_blocks.run.observer import Observer
from databricks_blocks.run.repair_policy import GiveUp, Repair
from databricks_blocks.run.results import cluster_minutes, run_table
from databricks_blocks.run.snapshot import RunSnapshot, TaskAttempt
from databricks_blocks.safe_text import markdown_code, markdown_link, markdown_text, one_line
from prefect import get_client, get_run_logger
from prefect.artifacts import (
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
)
from prefect.client.schemas.actions import ArtifactCreate
from prefect.events import emit_event
from prefect.runtime import flow_run

from databricks_flows.shared.progress import Progress, report, say
from databricks_flows.shared.telling import Sender, tell

PLAN_ARTIFACT = "databricks-plan"
RUN_ARTIFACT = "databricks-run"
"""Key of the link to a run. `known_runs` reads the `run_id` from its metadata."""

STEP = "run_databricks_job"
_MOST_NAMES = 5
_LONGEST_ERROR = 500


class RunReport(Observer):
    """Reports one flow run of `run_databricks_job`."""

    def __init__(self, workspace_url: str, name: str) -> None:
        self._workspace_url = workspace_url
        self._name = name
        self._title = markdown_text(name)
        self._flow_run = {
            "prefect.resource.id": f"prefect.flow-run.{flow_run.id}",
            "prefect.resource.role": "flow-run",
        }
        self._linked = False
        self._run_id: int | None = None
        self._progress_id: UUID | None = None
        self._progress = -1.0
        self._sender = Sender()
        self._seen: dict[int, str] = {}

    def planned(self, plan: JobPlan) -> None:
        """Show what is launched: tasks, clusters and requests."""
        self._sender.send("the plan of the Databricks run", self._show_plan(plan))

    async def launched(self, run_id: int) -> None:
        """Emit an event about the launch."""
        self._linked = False
        self._run_id = run_id
        self._emit("submitted", run_id)

    async def changed(self, run: RunSnapshot) -> None:
        """Link the run, log each task that changed, and show how many tasks have ended."""
        if not self._linked:
            self._linked = True
            self._tell(f"Databricks run {run.run_id}: {run.run_page_url}")
            self._sender.send("the link to the Databricks run", self._link(run))
        for task in run.tasks:
            state, shown = task.state, self._seen.get(task.run_id)
            if shown != str(state) and (state.is_terminal or state.life_cycle_state == "RUNNING"):
                self._seen[task.run_id] = str(state)
                get_run_logger().info("%s", _task_line(task))
                if task.outcome:
                    say(_task_line(task))
        report(Progress(STEP, *_counted(run), _detail(run)))
        done, total = _counted(run)
        percent = 100 * done / max(total, 1)
        if percent != self._progress:
            self._progress = percent
            self._sender.send("the progress of the Databricks run", self._show_progress(percent))

    async def failed(self, run: RunSnapshot, errors: Mapping[str, str], decision: Repair | GiveUp) -> None:
        """Tell what failed, and whether it is repaired, when, and why."""
        for key, error in errors.items():
            if error:
                self._tell(f"Task {key} failed: {one_line(error)[:_LONGEST_ERROR]}", logging.WARNING)
        what = str(decision) if isinstance(decision, Repair) else "no repair"
        self._tell(f"Databricks run {run.run_id} {run.state}, {what}: {decision.reason}", logging.WARNING)

    async def repaired(self, run_id: int, repair_id: int) -> None:
        """Tell that the repair began, and emit an event."""
        self._tell(f"Repair {repair_id} of Databricks run {run_id} began")
        self._emit("repaired", run_id, repair_id=str(repair_id))

    async def succeeded(self, run: RunSnapshot) -> None:
        """Show the table of the attempts, and emit an event."""
        # Tasks that failed, but whose failure the job puts up with, are done as well.
        report(Progress(STEP, len(run.tasks), len(run.tasks)))
        self._sender.send("the tasks of the Databricks run", self._show_table(run))
        await self._sender.sent()
        self._emit("succeeded", run.run_id)

    def cancelled(self) -> None:
        """Emit an event: the flow cancelled its run."""
        if self._run_id is not None:
            self._emit("cancelled", self._run_id)

    async def ended_badly(self, run: RunSnapshot | None, error: DatabricksJobError) -> None:
        """Show the table of the attempts and the error, and emit an event."""
        if run is not None:
            self._sender.send("the tasks of the Databricks run", self._show_table(run))
        line, _, trace = error.message.partition("\n")
        run_id, url = error.run_id, error.run_page_url
        if run is not None:
            run_id, url = run_id or run.run_id, url or run.run_page_url
        self._sender.send("why the Databricks run failed", self._show_failure(line, trace, url or ""))
        await self._sender.sent()
        if run_id is not None:
            what = "cancelled" if isinstance(error, DatabricksRunCancelled) else "failed"
            self._emit(what, run_id, error=line)

    async def _show_plan(self, plan: JobPlan) -> None:
        await acreate_markdown_artifact(
            plan.as_markdown(),
            key=PLAN_ARTIFACT,
            description=f"What the launch of {self._title} does",
        )

    async def _link(self, run: RunSnapshot) -> None:
        """Link the run, for people and for other processes: see `known_runs`."""
        async with get_client() as client:
            await client.create_artifact(
                ArtifactCreate(
                    key=RUN_ARTIFACT,
                    type="markdown",
                    description="Databricks run",
                    data=markdown_link(run.run_name or self._name, run.run_page_url),
                    metadata_={"run_id": str(run.run_id)},
                    flow_run_id=UUID(flow_run.id) if flow_run.id else None,
                )
            )

    async def _show_table(self, run: RunSnapshot) -> None:
        minutes = cluster_minutes(run)
        await acreate_table_artifact(
            run_table(run),
            key="databricks-tasks",
            description=f"Tasks and attempts of {self._title}: about {minutes:.1f} cluster minutes",
        )

    async def _show_failure(self, line: str, trace: str, url: str) -> None:
        block = f"\n\n{markdown_code(trace, '')}" if trace else ""
        link = f"\n\n{markdown_link('Open the run', url)}" if url else ""
        await acreate_markdown_artifact(
            f"**{markdown_text(line)}**{block}{link}",
            key="databricks-failure",
            description="Why the Databricks run failed",
        )

    async def _show_progress(self, percent: float) -> None:
        if self._progress_id is None:
            self._progress_id = await acreate_progress_artifact(
                percent, key="databricks-progress", description=f"Tasks of {self._title}"
            )
        else:
            await aupdate_progress_artifact(self._progress_id, percent)

    def _tell(self, line: str, level: int = logging.INFO) -> None:
        """Tell the log of the flow run, and whoever waits at a terminal."""
        get_run_logger().log(level, "%s", line)
        say(line)

    def _emit(self, what: str, run_id: int, **payload: str) -> None:
        emit = partial(
            emit_event,
            event=f"databricks.run.{what}",
            resource={
                "prefect.resource.id": f"databricks.run.{run_id}",
                "prefect.resource.name": self._name,
                "databricks.workspace": self._workspace_url,
            },
            related=[self._flow_run],
            payload={"run_id": run_id, **payload},
        )
        tell(f"the event {what} of the Databricks run", emit)


def _counted(run: RunSnapshot) -> tuple[int, int]:
    """How many tasks have ended well, and how many there are."""
    return sum(task.state.is_fine for task in run.tasks), len(run.tasks)


def _detail(run: RunSnapshot) -> str:
    """The tasks that are at work; when none is, those that failed."""
    working = [task.task_key for task in run.tasks if not task.state.is_terminal]
    failed = [task.task_key for task in run.failed]
    if working or not failed:
        return ", ".join(working[:_MOST_NAMES])
    return f"failed: {', '.join(failed[:_MOST_NAMES])}"


def _task_line(task: TaskAttempt) -> str:
    """Say what a task does, or how it ended."""
    ran = task.state.is_terminal and task.start_time and task.end_time
    took = f" after {(task.end_time - task.start_time) / 1000:.1f} s" if ran else ""
    outcome = f", outcome {task.outcome}" if task.outcome else ""
    message = one_line(task.state.state_message) if task.state.is_terminal else ""
    return f"Task {task.task_key}: {task.state}{took}{outcome}" + (f": {message}" if message else "")
