"""Collects the facts: what is there, and what is known of the flow runs that it belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from prefect.client.schemas.objects import FlowRun

from databricks_flows.renewable.staged_note import StagedNote
from databricks_flows.sweep.attempts import attempt, first_line
from databricks_flows.sweep.called_with import original_settings, workspace_address
from databricks_flows.sweep.facts import Facts, Found, Owner, What
from databricks_flows.sweep.flow_runs import FlowRuns, Link, noted_runs
from databricks_flows.sweep.names import flow_run_named
from databricks_flows.sweep.places import (
    ActiveRun,
    ChangedJob,
    NotConfigured,
    Workspace,
    find_files,
    find_filled,
    find_folders,
    find_messages,
    find_runs,
    find_tables,
    read_beginnings,
    read_keeping,
)

Value = TypeVar("Value")
# The clocks of workspace and Prefect server differ.
_CLOCKS = timedelta(minutes=10)


@dataclass(frozen=True)
class Places:
    """Where the sweep looks.

    Attributes:
        database: Name of the database block.
        bucket: Name of the block of the storage.
        workspace: Name of the workspace block.
        output_directories: Output folders.
        pipes_folders: Folders of messages, beside that of the workspace block.
    """

    database: str
    bucket: str
    workspace: str
    output_directories: Sequence[str]
    pipes_folders: Sequence[str] = ()


@dataclass
class Survey:
    """What was found, and what could not be looked into.

    Attributes:
        found: The things.
        owners: The flow runs that they belong to.
        not_configured: What has no block, and why.
        failed: What could not be looked into, and why.
        jobs: The changed jobs and their own settings, by name.
    """

    found: list[Found] = field(default_factory=list)
    owners: dict[UUID, Owner] = field(default_factory=dict)
    not_configured: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    jobs: dict[str, tuple[ChangedJob, Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def facts(self) -> Facts:
        """What decisions are made of."""
        return Facts(self.found, self.owners)

    def take(self, place: str, answer: Value | NotConfigured | Exception) -> Value | None:
        """Take the answer of a task, or note why there is none."""
        if isinstance(answer, NotConfigured):
            self.not_configured.append((place, answer.reason))
        elif isinstance(answer, Exception):
            self.failed.append((place, first_line(answer)))
        else:
            return answer
        return None


class Gathering:
    """Collects the facts of one sweep."""

    def __init__(self, places: Places, flow_runs: FlowRuns) -> None:
        self._places = places
        self._flow_runs = flow_runs
        self._survey = Survey()
        self._workspace: Workspace | None = None
        self._active: dict[int, ActiveRun] = {}
        self._links: list[Link] = []
        self._files_known = False

    async def survey(self) -> Survey:
        """Look everywhere."""
        places, survey = self._places, self._survey
        tables = await attempt(find_tables, places.database)
        await self._add_leftovers("tables", survey.take(f"database `{places.database}`", tables))
        await self._add_files()
        for directory in places.output_directories:
            folders = await attempt(find_folders, directory)
            await self._add_leftovers("output folder", survey.take(f"folder `{directory}`", folders))
        await self._add_messages()
        answer = await attempt(find_runs, places.workspace)
        workspace = survey.take(f"workspace `{places.workspace}`", answer)
        if workspace is not None:
            self._workspace = workspace
            self._active = {run.run_id: run for run in workspace.runs}
            await self._add_runs(workspace)
            await self._add_jobs(workspace)
        await self._add_flow_runs()
        for owner in {owner for found in survey.found for owner in found.owners}:
            survey.owners[owner] = await self._owner(owner)
        return survey

    async def _add_leftovers(self, what: What, names: Sequence[str] | None) -> None:
        owners = await self._owners(what, names or ())
        self._survey.found += [Found(what, name, (owner,)) for name, owner in owners.items()]

    async def _owners(self, what: What, names: Sequence[str]) -> dict[str, UUID]:
        """The flow runs that names belong to, without what people's own flows have named."""
        named = {name: flow_run_named(what, Path(name).name) for name in names}
        owners = {name: owner for name, owner in named.items() if owner}
        ours = await self._flow_runs.not_foreign(owners.values())
        return {name: owner for name, owner in owners.items() if owner in ours}

    async def _add_files(self) -> None:
        """Add the prefixes with files. Who they belong to is asked first: a folder may hold any number."""
        bucket, place = self._places.bucket, f"storage `{self._places.bucket}`"
        folders = await attempt(find_files, bucket)
        self._files_known = not isinstance(folders, Exception)
        owners = await self._owners("staged files", self._survey.take(place, folders) or ())
        known = [name for name, owner in owners.items() if await self._flow_runs.read(owner)]
        answer = await attempt(find_filled, bucket, known)
        filled = self._survey.take(place, answer)
        if filled is None:
            self._files_known = False
            return
        self._survey.found += [
            Found("staged files", name, (owner,))
            for name, owner in owners.items()
            if name in filled or name not in known
        ]

    async def _add_messages(self) -> None:
        """Add the folders of messages. That of a workspace without a block is named once, with its runs."""
        places = self._places
        answer = await attempt(find_messages, places.workspace, places.pipes_folders)
        if not isinstance(answer, NotConfigured):
            sessions = self._survey.take("messages of code", answer) or {}
            self._survey.found += [Found("messages", name, (owner,)) for name, owner in sessions.items()]

    async def _add_runs(self, workspace: Workspace) -> None:
        """Add the active runs of which a flow run is cancelled, or is just being cancelled."""
        if not workspace.runs:
            return
        since = min(run.started for run in workspace.runs) - _CLOCKS
        owners: dict[int, dict[UUID, None]] = {}
        self._links = await self._flow_runs.links_since(since)
        for link in self._links:
            if link.run_id in self._active and _is_in(link, workspace):
                owners.setdefault(link.run_id, {})[link.flow_run_id] = None
        noted: dict[int, list[FlowRun]] = {}
        for subflow, run_id in await self._flow_runs.noted_runs_since(since):
            if run_id in self._active and subflow.id not in owners.get(run_id, {}):
                noted.setdefault(run_id, []).append(subflow)
        cancelled = {}
        for run_id in dict.fromkeys([*owners, *noted]):
            of_run = [*owners.get(run_id, {}), *(subflow.id for subflow in noted.get(run_id, ()))]
            chains = [await self._flow_runs.chain(owner) for owner in of_run]
            if any(stage.state in ("CANCELLED", "CANCELLING") for chain in chains for stage in chain):
                addresses = {
                    subflow.id: await asyncio.to_thread(workspace_address, subflow)
                    for subflow in noted.get(run_id, ())
                }
                if found := watchers(owners.get(run_id, {}), addresses, workspace.address):
                    cancelled[run_id] = found
        if not cancelled:
            return
        read = await attempt(read_beginnings, self._places.workspace, list(cancelled))
        beginnings: dict[int, datetime] = self._survey.take("beginnings of Databricks runs", read) or {}
        self._survey.found += [
            Found("Databricks run", str(run_id), owners, begun=beginnings[run_id])
            for run_id, owners in cancelled.items()
            if run_id in beginnings
        ]

    async def _add_jobs(self, workspace: Workspace) -> None:
        for job in workspace.jobs:
            active = frozenset(run.run_id for run in workspace.runs if run.job_id == job.job_id)
            try:
                owner = UUID(hex=job.changed_by)
            except ValueError:
                continue  # not what a flow run writes
            subflows = await self._flow_runs.subflows(owner)
            settings = await asyncio.to_thread(original_settings, subflows, job.settings_hash)
            obstacle = "" if settings else "the flow run's parameters do not have its settings any more"
            name = f"{job.name} ({job.job_id})"
            self._survey.jobs[name] = (job, settings or {})
            self._survey.found.append(
                Found("job settings", name, (owner,), active_runs=active, obstacle=obstacle)
            )

    async def _add_flow_runs(self) -> None:
        """Add the flow runs and task runs that do not end: those of ours."""
        survey = self._survey
        leftovers = {owner for found in survey.found for owner in found.owners}
        for run in await self._flow_runs.cancelling():
            # A flow run is ours if it staged something, or called `run_databricks_job`.
            if run.id in leftovers or await self._flow_runs.subflows(run.id):
                survey.found.append(Found("flow run", str(run.id), (run.id,)))
        subflows = [run for run in await self._flow_runs.open_subflows() if not run.deployment_id]
        survey.found += [Found("flow run", str(run.id), (run.id,)) for run in subflows]
        survey.found += [
            Found("task run", str(mirror.id), (mirror.flow_run_id,))
            for mirror in await self._flow_runs.open_mirrors()
            if mirror.flow_run_id
        ]

    async def _owner(self, flow_run_id: UUID) -> Owner:
        chain = await self._flow_runs.chain(flow_run_id)
        if not chain:
            return Owner()
        ended = any(stage.is_final or stage.state == "CANCELLING" for stage in chain)
        active, doubt = await self._activity(flow_run_id) if ended else (frozenset[int](), "")
        if not any(stage.state in ("FAILED", "CRASHED") for stage in chain):
            return Owner(chain, active, doubt)
        note = await self._note(flow_run_id)
        if isinstance(note, Exception):
            return Owner(chain, active, doubt or "its note on how long it is kept cannot be read")
        if note is None:
            return Owner(chain, active, doubt)
        return Owner(chain, active, doubt, note.keep_until, timedelta(hours=note.keep_hours))

    async def _activity(self, flow_run_id: UUID) -> tuple[frozenset[int], str]:
        """The active Databricks runs of a flow run, and why that is not known for sure."""
        subflows = await self._flow_runs.subflows(flow_run_id)
        links = await self._flow_runs.links({flow_run_id, *(run.id for run in subflows)})
        noted = set(noted_runs(subflows))
        if self._workspace is None:
            runs = [*noted, *(link.run_id for link in links)]
            doubt = f"its Databricks run {runs[-1]} cannot be looked up" if runs else ""
            return frozenset(), doubt
        elsewhere = [link.run_id for link in links if not _is_in(link, self._workspace)]
        doubt = f"its Databricks run {elsewhere[0]} is in another workspace" if elsewhere else ""
        linked = {link.run_id for link in links if _is_in(link, self._workspace)}
        mentioning = {run.run_id for run in self._workspace.runs if flow_run_id in run.mentions}
        return frozenset((linked | noted | mentioning) & self._active.keys()), doubt

    async def _note(self, flow_run_id: UUID) -> StagedNote | Exception | None:
        """The note of a run on its staged files; an error if it cannot be read."""
        if not self._files_known:
            return RuntimeError("the storage cannot be read")
        prefix = str(flow_run_id)
        has_files = any(found.what == "staged files" and found.name == prefix for found in self._survey.found)
        if not has_files:
            return None
        note = await attempt(read_keeping, self._places.bucket, prefix)
        self._survey.take(f"note of {prefix}", note)
        return note


def watchers(linked: Iterable[UUID], noted: Mapping[UUID, str], address: str) -> tuple[UUID, ...]:
    """The flow runs that watch a run of a workspace, or may do so.

    Args:
        linked: Flow runs that link the run.
        noted: Those that only noted its id, which a run of another workspace may have as well: the address of
            the workspace of each, empty if it is not known.
        address: The address of the workspace.

    Returns:
        The flow runs; none if it is not certain of any.
    """
    certain = [*linked, *(owner for owner, of_owner in noted.items() if of_owner == address)]
    possible = [owner for owner, of_owner in noted.items() if not of_owner]
    return (*certain, *possible) if certain else ()


def _is_in(link: Link, workspace: Workspace) -> bool:
    """Whether a link leads to a run of this workspace; other workspaces have the same run ids."""
    return f"://{workspace.address}/" in link.text
