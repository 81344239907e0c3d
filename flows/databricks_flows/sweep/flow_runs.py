"""Reads from Prefect what the sweep has to know of flow runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterId,
    FlowRunFilterParentTaskRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
    TaskRunFilterTags,
)
from prefect.client.schemas.objects import Artifact, FlowRun, StateType, TaskRun
from prefect.client.schemas.sorting import ArtifactSort
from prefect.exceptions import ObjectNotFound

from databricks_flows.job.launch_notes import read_notes
from databricks_flows.job.mirror import GOING_ON, MIRROR_TAG
from databricks_flows.job.report import RUN_ARTIFACT
from databricks_flows.on_demand.repair import REPAIR
from databricks_flows.shared.flow_run_tree import (
    PAGE,
    SUBFLOW,
    all_pages,
    databricks_subflows,
    read_flow_runs,
)
from databricks_flows.shared.leaving import leaves
from databricks_flows.sweep.facts import Stage

_SUBFLOWS = FlowFilter(name=FlowFilterName(any_=[SUBFLOW]))
_WITH_MIRRORS = FlowFilter(name=FlowFilterName(any_=[SUBFLOW, REPAIR]))
_LINKS = ArtifactFilterKey(any_=[RUN_ARTIFACT])


@dataclass(frozen=True)
class Link:
    """The link of a flow run to a Databricks run.

    Attributes:
        flow_run_id: The flow run of `run_databricks_job`.
        run_id: The Databricks run.
        text: The link, with the address of the workspace.
    """

    flow_run_id: UUID
    run_id: int
    text: str


class FlowRuns:
    """The flow runs of a Prefect server; each is read once."""

    def __init__(self, client: PrefectClient) -> None:
        self._client = client
        self._known: dict[UUID, FlowRun | None] = {}

    async def chain(self, flow_run_id: UUID) -> tuple[Stage, ...]:
        """Read a flow run and those that called it in the same process; empty if it is not known."""
        stages: list[Stage] = []
        current: UUID | None = flow_run_id
        while current is not None:
            run = await self.read(current)
            if run is None or run.state is None:
                return ()
            stages.append(Stage(run.id, run.state.type.value, run.state.timestamp))
            # A flow run of a deployment has a process of its own.
            current = None if run.deployment_id else await self._caller(run)
        return tuple(stages)

    async def read(self, flow_run_id: UUID) -> FlowRun | None:
        """Read a flow run; `None` if the server does not know it."""
        if flow_run_id not in self._known:
            try:
                self._known[flow_run_id] = await self._client.read_flow_run(flow_run_id)
            except ObjectNotFound:
                self._known[flow_run_id] = None
        return self._known[flow_run_id]

    async def not_foreign(self, flow_run_ids: Collection[UUID]) -> set[UUID]:
        """Leave out the flow runs of people's own flows, which may name their own things after them.

        Returns:
            Those that leave something by this package, and those that the server does not know.
        """
        ids = list(dict.fromkeys(flow_run_ids))
        for start in range(0, len(ids), PAGE):
            asked = ids[start : start + PAGE]
            self._known.update(dict.fromkeys(asked))
            await self._flow_runs(FlowRunFilter(id=FlowRunFilterId(any_=asked)))
        runs = {flow_run_id: self._known[flow_run_id] for flow_run_id in ids}
        flow_ids = {run.flow_id for run in runs.values() if run}
        names = {flow_id: (await self._client.read_flow(flow_id)).name for flow_id in flow_ids}
        return {
            flow_run_id
            for flow_run_id, run in runs.items()
            if run is None or leaves(flow_run_id, names[run.flow_id], run.labels)
        }

    async def noted_runs_since(self, since: datetime) -> list[tuple[FlowRun, int]]:
        """Read the Databricks runs in the notes of `run_databricks_job`, by its flow runs.

        Args:
            since: Flow runs that ended before are left out: they launched nothing after it.
        """
        going_on = FlowRunFilterState(type=FlowRunFilterStateType(any_=GOING_ON))
        ended = FlowRunFilterEndTime(after_=since)
        criteria = [FlowRunFilter(state=going_on), FlowRunFilter(end_time=ended)]
        found = [run for each in criteria for run in await self._flow_runs(each, _SUBFLOWS)]
        return [(run, run_id) for run in found for run_id in noted_runs([run])]

    async def subflows(self, flow_run_id: UUID) -> list[FlowRun]:
        """Read the flow runs of `run_databricks_job` at and below a flow run."""
        root = await self.read(flow_run_id)
        found = await databricks_subflows(self._client, [root] if root else [])
        self._known.update({run.id: run for run in found})
        return found

    async def links(self, flow_run_ids: Collection[UUID]) -> list[Link]:
        """Read the links of flow runs to Databricks runs."""
        links: list[Link] = []
        ids = list(flow_run_ids)
        for start in range(0, len(ids), PAGE):
            only = ArtifactFilterFlowRunId(any_=ids[start : start + PAGE])
            criteria = ArtifactFilter(flow_run_id=only, key=_LINKS)
            links += _links(await all_pages(partial(self._artifacts, criteria)))
        return links

    async def links_since(self, since: datetime) -> list[Link]:
        """Read all links that were made after a time, the latest first."""
        links: list[Link] = []
        offset = 0
        while page := await self._artifacts(ArtifactFilter(key=_LINKS), offset):
            links += _links([artifact for artifact in page if artifact.created and artifact.created >= since])
            if len(page) < PAGE or not page[-1].created or page[-1].created < since:
                break
            offset += PAGE
        return links

    async def cancelling(self) -> list[FlowRun]:
        """Read the flow runs that are being cancelled, without those that another flow run called."""
        state = FlowRunFilterStateType(any_=[StateType.CANCELLING])
        found = await self._flow_runs(FlowRunFilter(state=FlowRunFilterState(type=state)))
        return [run for run in found if run.deployment_id or not run.parent_task_run_id]

    async def open_subflows(self) -> list[FlowRun]:
        """Read the subflows `run_databricks_job` that have not ended."""
        state = FlowRunFilterState(type=FlowRunFilterStateType(any_=GOING_ON))
        called = FlowRunFilterParentTaskRunId(is_null_=False)
        return await self._flow_runs(FlowRunFilter(state=state, parent_task_run_id=called), _SUBFLOWS)

    async def open_mirrors(self) -> list[TaskRun]:
        """Read the task runs that show Databricks tasks and have not ended."""
        criteria = TaskRunFilter(
            tags=TaskRunFilterTags(all_=[MIRROR_TAG]),
            state=TaskRunFilterState(type=TaskRunFilterStateType(any_=GOING_ON)),
        )

        async def page(offset: int) -> list[TaskRun]:
            return await self._client.read_task_runs(
                task_run_filter=criteria, flow_filter=_WITH_MIRRORS, limit=PAGE, offset=offset
            )

        return await all_pages(page)

    async def _caller(self, run: FlowRun) -> UUID | None:
        if run.parent_task_run_id is None:
            return None
        try:
            return (await self._client.read_task_run(run.parent_task_run_id)).flow_run_id
        except ObjectNotFound:
            return None

    async def _flow_runs(self, criteria: FlowRunFilter, flows: FlowFilter | None = None) -> list[FlowRun]:
        found = await read_flow_runs(self._client, criteria, flows)
        self._known.update({run.id: run for run in found})
        return found

    async def _artifacts(self, criteria: ArtifactFilter, offset: int) -> list[Artifact]:
        return await self._client.read_artifacts(
            artifact_filter=criteria, sort=ArtifactSort.CREATED_DESC, limit=PAGE, offset=offset
        )


def noted_runs(flow_runs: Iterable[FlowRun]) -> list[int]:
    """The Databricks runs in the notes on the launches of flow runs."""
    notes = [note for run in flow_runs for note in read_notes(run.labels)]
    return [note.run_id for note in notes if note.run_id is not None]


def _links(artifacts: Sequence[Artifact]) -> list[Link]:
    return [
        Link(artifact.flow_run_id, int(artifact.metadata_["run_id"]), str(artifact.data))
        for artifact in artifacts
        if artifact.flow_run_id and artifact.metadata_ and "run_id" in artifact.metadata_
    ]
