"""Finds the Databricks runs of a flow run by the notes and links that it left."""

from __future__ import annotations

from itertools import chain
from uuid import UUID

from databricks_blocks.errors import DatabricksRunRefused
from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
)
from prefect.client.schemas.sorting import ArtifactSort
from prefect.exceptions import ObjectNotFound

from databricks_flows.job.launch_notes import read_notes
from databricks_flows.job.report import RUN_ARTIFACT
from databricks_flows.shared.flow_run_tree import at_and_below

Id = str | int
"""An id that a person gives. JSON and Prefect's command line make a number of one that has only digits."""


async def known_runs(client: PrefectClient, flow_run_id: UUID) -> list[int]:
    """Read the ids of the Databricks runs that a flow run launched itself, the first one first."""
    artifacts = await client.read_artifacts(
        artifact_filter=ArtifactFilter(
            flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]),
            key=ArtifactFilterKey(any_=[RUN_ARTIFACT]),
        ),
        sort=ArtifactSort.CREATED_DESC,
    )
    noted = read_notes((await client.read_flow_run(flow_run_id)).labels)
    ids = [int(artifact.metadata_["run_id"]) for artifact in reversed(artifacts) if artifact.metadata_]
    # A note is there before the link. A flow run that is started again links the same runs again.
    return list(dict.fromkeys([*ids, *(note.run_id for note in noted if note.run_id is not None)]))


async def run_named(run: Id) -> int:
    """Find the Databricks run that a person names.

    Args:
        run: Id of a Databricks run, or of a flow run that launched one, itself or in a subflow.

    Raises:
        DatabricksRunRefused: There is no such flow run, or it launched no run, or several.
    """
    text = str(run).strip()
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        flow_run_id = UUID(text)
    except ValueError:
        raise DatabricksRunRefused(
            f"`{text}` is neither the id of a Databricks run, which is a number, nor that of a flow run."
        ) from None
    async with get_client() as client:
        try:
            root = await client.read_flow_run(flow_run_id)
        except ObjectNotFound:
            raise DatabricksRunRefused(f"The Prefect server has no flow run {flow_run_id}.") from None
        # The last run of each replaced those before.
        last = [(await known_runs(client, run.id))[-1:] for run in await at_and_below(client, [root])]
    found = list(dict.fromkeys(chain.from_iterable(last)))
    if len(found) != 1:
        many = f"{len(found)} runs ({', '.join(map(str, found))})" if found else "no run"
        raise DatabricksRunRefused(
            f"Flow run {flow_run_id} launched {many} in Databricks: give the id of a run."
        )
    return found[0]
