"""One run of the renewable analysis: its steps in order, and what becomes of what it made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from databricks_blocks.csv.faults import InputError
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.run.launchers import fingerprint as fingerprint_of
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run_log import telling_the_story
from prefect import get_run_logger, unmapped
from prefect.artifacts import acreate_markdown_artifact

from databricks_flows.ending.interruption import Termination, noticing_termination
from databricks_flows.ending.origin import Origin
from databricks_flows.job.call_identity import current_call_identity
from databricks_flows.job.subflow import run_databricks_job
from databricks_flows.pipes.workspace_pipes import pipes_of
from databricks_flows.renewable.contract_tasks import check_result, check_staged
from databricks_flows.renewable.data_contract import StagedData
from databricks_flows.renewable.leftovers import Leftovers
from databricks_flows.renewable.notebook_job import counted_rows
from databricks_flows.renewable.scope import Prepared, RunScope, note_staged, prepare_run
from databricks_flows.renewable.share_files import ShareFile
from databricks_flows.renewable.spans import Span, read_spans
from databricks_flows.renewable.staged_note import Asked, Published, StagedNote, digest, fingerprint
from databricks_flows.renewable.steps import (
    RESULT_FOLDER,
    SUBSET_FOLDER,
    create_graph,
    delete_intake_files,
    export_table,
    list_result_files,
    load_csv,
    load_result,
    publish_result,
    select_countries,
    write_result,
)
from databricks_flows.renewable.summary import summary_markdown
from databricks_flows.shared.batches import make_batches
from databricks_flows.shared.chart_process import ChartProcess, chart_process
from databricks_flows.shared.leaving import mark_as_leaving
from databricks_flows.shared.local_files import fresh_folder
from databricks_flows.shared.patience import having_patience
from databricks_flows.shared.progress import Steps
from databricks_flows.shared.table_events import emit_table_updated
from databricks_flows.shared.telling import Sender
from databricks_flows.shared.threaded_tasks import map_task, run_task
from databricks_flows.shared.uninterrupted import uninterrupted

_BEFORE_NOTEBOOKS = ("load_csv", "select_countries", "export_table")
_FROM_NOTEBOOKS = ("run_databricks_job", "delete_intake_files", "load_result", "create_graph")
STEPS = (*_BEFORE_NOTEBOOKS, *_FROM_NOTEBOOKS, "cleanup")
# Each has its own database connection, and a server accepts about a hundred.
TASK_RUNS_AT_ONCE = 8
TABLE_FILE = "shw.csv"
CHART_FILE = "shw.png"


@dataclass(frozen=True)
class Request:
    """What a flow run is asked for, checked.

    Attributes:
        files: The file of each share.
        countries: Names of countries and regions. `None`: all.
        output: Folder for the table and the chart.
        job: Makes the specification of the Databricks job for a run.
        workspace: Name of the Databricks Workspace block.
        policy: How the Databricks run is watched and repaired, and how long a service may be away.
        keep_hours: Hours for which the run's tables and files are kept after a failure.
    """

    files: list[ShareFile]
    countries: list[str] | None
    output: Path
    job: Callable[[RunScope], JobSpecification]
    workspace: str
    policy: RunPolicy
    keep_hours: float


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        published: Number of rows, and the Databricks run.
        spans: First and last year of each entity.
        seconds: Duration of each step, in seconds.
    """

    published: Published
    spans: list[Span]
    seconds: dict[str, float]


async def analyse(request: Request, scope: RunScope) -> Outcome:
    """Run the analysis. At the end, its tables and files are removed, or kept for a retry.

    Args:
        request: What is asked for.
        scope: Names of the run's tables and files.

    Raises:
        CancelledInPrefect: The flow run was cancelled, and its worker is gone.
    """
    async with noticing_termination() as termination:
        origin = await Origin.of((await current_call_identity()).flow_run_ids)
        await mark_as_leaving(UUID(scope.prefix))
        with telling_the_story():
            return await _analyse(request, scope, origin, termination)


async def _analyse(request: Request, scope: RunScope, origin: Origin, termination: Termination) -> Outcome:
    leftovers = await asyncio.to_thread(Leftovers.of, scope, get_run_logger())
    sender = Sender()
    steps = Steps(STEPS, sender)
    max_unreachable = request.policy.polling.max_unreachable
    # Table and chart are written to a folder of this run first: other runs may have the same output folder.
    with (
        having_patience(max_unreachable),
        chart_process("databricks_flows.renewable.chart") as charting,
        fresh_folder(request.output / f".shw-{scope.prefix}", get_run_logger()) as unfinished,
    ):
        async with (
            _ended_well_or(leftovers, origin, termination),
            origin.ending_when_cancelled(max_unreachable),
        ):
            published, spans = await _AnalysisRun(
                request, scope, leftovers, steps, charting, unfinished
            ).results()
    files = [str(request.output / name) for name in (CHART_FILE, TABLE_FILE)]
    summary = acreate_markdown_artifact(
        summary_markdown(spans, published.databricks_run_url, files),
        key="shw-latest",
        description="Combined share of solar, hydro and wind: the latest years",
    )
    sender.send("the summary", summary)
    async with steps.step("cleanup"):
        # The results are in place: a cancel that comes now ends the run after the clean-up.
        await uninterrupted(leftovers.remove(published))
    await sender.sent()
    return Outcome(published, spans, steps.seconds)


@asynccontextmanager
async def _ended_well_or(
    leftovers: Leftovers, origin: Origin, termination: Termination
) -> AsyncIterator[None]:
    """If the block ends otherwise than well, keep or remove the run's tables and files, by how it ended."""

    async def settle(error: BaseException) -> None:
        await leftovers.settle(await origin.ending(error, termination), error)

    try:
        yield
    except BaseException as error:
        await uninterrupted(settle(error))
        raise


@dataclass(frozen=True)
class _AnalysisRun:
    """The steps of one run.

    Attributes:
        request: What is asked for.
        scope: Names of the run's tables and files.
        leftovers: Is told what is staged.
        steps: Is told which step is done.
        charting: The process that draws the chart.
        unfinished: Folder for the table and the chart while they are made.
    """

    request: Request
    scope: RunScope
    leftovers: Leftovers
    steps: Steps
    charting: ChartProcess
    unfinished: Path

    async def results(self) -> tuple[Published, list[Span]]:
        """Go from the files to the results, or on from where an attempt before this one came to."""
        request, output = self.request, self.request.output
        asked = await asyncio.to_thread(self._asked)
        prepared = await run_task(prepare_run, self.scope, asked)
        self.leftovers.found(prepared.note)
        if prepared.note and prepared.note.published:
            for step in STEPS[:-1]:
                self.steps.skip(step)
            return prepared.note.published, read_spans(output / TABLE_FILE)
        note = await self._staged(prepared, asked)
        job = request.job(prepared.scope)
        async with self.steps.step("run_databricks_job", len(job.tasks)):
            run = await run_databricks_job(
                job,
                request.workspace,
                request.policy,
                inputs_since=prepared.staged_since,
                pipes=await pipes_of(request.workspace),
            )
        rows = counted_rows(run.exit_values)
        table, chart = self.unfinished / TABLE_FILE, self.unfinished / CHART_FILE
        await self._load(replace(note, used_by=asked.job), rows, table)
        async with self.steps.step("create_graph"):
            await run_task(create_graph, self.charting, table, chart)
        spans, published = read_spans(table), Published(rows, run.run_page_url, digest(table))
        for file in (table, chart):
            file.replace(output / file.name)
        return published, spans

    def _asked(self) -> Asked:
        request, output = self.request, self.request.output
        job = request.job(self.scope).model_dump(mode="json")
        there = all((output / name).exists() for name in (TABLE_FILE, CHART_FILE))
        return Asked(
            fingerprint(request.files, request.countries),
            fingerprint_of([job, request.workspace]),
            tuple(f"{SUBSET_FOLDER}/{file.table}.csv" for file in request.files),
            digest(output / TABLE_FILE) if there else "",
        )

    async def _staged(self, prepared: Prepared, asked: Asked) -> StagedNote:
        if prepared.note:
            get_run_logger().info("Going on from what is staged in %s", prepared.scope.staging_uri)
            for step in _BEFORE_NOTEBOOKS:
                self.steps.skip(step, len(self.request.files))
            return prepared.note
        staged = await self._stage(prepared.scope)
        note = StagedNote(asked.inputs, prepared.staged_since, staged, self.request.keep_hours)
        await run_task(note_staged, prepared.scope, note)
        self.leftovers.found(note)
        return note

    async def _stage(self, scope: RunScope) -> StagedData:
        files, countries = self.request.files, self.request.countries
        async with self.steps.step("load_csv", len(files)):
            loaded = await map_task(load_csv, files, scope=scope)
        tables = [share.table for share in loaded]
        async with self.steps.step("select_countries", len(files)):
            selected = await map_task(select_countries, tables, scope=scope, countries=unmapped(countries))
        if not any(selection.rows for selection in selected):
            raise InputError(f"{files[0].path.parent}: the files hold no row for the chosen countries")
        async with self.steps.step("export_table", len(files)):
            selections = [selection.table for selection in selected]
            staged = await map_task(export_table, selections, [table.name for table in tables], scope=scope)
            return await run_task(check_staged, scope, files, loaded, selections, staged, countries)

    async def _load(self, note: StagedNote, rows: int, table: Path) -> None:
        scope = self.scope
        async with self.steps.step("delete_intake_files"):
            # What is noted at the end of the run tells of it, too.
            self.leftovers.found(note)
            await run_task(delete_intake_files, scope, note)
        names = await run_task(list_result_files, scope, RESULT_FOLDER)
        batches = make_batches({name: name for name in names}, TASK_RUNS_AT_ONCE)
        async with self.steps.step("load_result", len(batches)):
            await map_task(load_result, batches, scope=scope)
            await run_task(check_result, scope, note.staged, rows)
            await run_task(write_result, scope, table)
            await run_task(publish_result, scope)
            emit_table_updated("renewable_share", scope.database, rows)
