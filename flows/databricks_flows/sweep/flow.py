"""The flow `sweep_leftovers`: removes what flow runs left behind, and ends what nobody else can end."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

from databricks_blocks.database.connection import DATABASE_BLOCK
from databricks_blocks.run_log import telling_the_story
from databricks_blocks.safe_text import markdown_rows
from databricks_blocks.staging.area import STAGING_BLOCK
from databricks_blocks.workspace.block import WORKSPACE_BLOCK
from httpx import HTTPError
from prefect import flow, get_client, get_run_logger
from prefect.artifacts import acreate_table_artifact
from prefect.exceptions import PrefectException
from pydantic import Field

from databricks_flows.sweep.act import Doing, Swept, planned
from databricks_flows.sweep.attempts import first_line
from databricks_flows.sweep.decide import decide
from databricks_flows.sweep.facts import Rules
from databricks_flows.sweep.flow_runs import FlowRuns
from databricks_flows.sweep.gather import Gathering, Places, Survey

SWEEP_ARTIFACT = "sweep"
KEEP_HOURS = 24.0
CANCELLING_MINUTES = 10.0


@flow(name="sweep-leftovers")
async def sweep_leftovers(
    database: str = DATABASE_BLOCK,
    bucket: str = STAGING_BLOCK,
    workspace: str = WORKSPACE_BLOCK,
    output_directories: list[str] = ["output"],  # noqa: B006 - Prefect copies it
    pipes_folders: list[str] = [],  # noqa: B006 - Prefect copies it
    keep_after_failure: Annotated[float, Field(ge=0)] = KEEP_HOURS,
    cancelling_minutes: Annotated[float, Field(ge=0)] = CANCELLING_MINUTES,
    dry_run: bool = False,
) -> list[Swept]:
    """Remove what flow runs left behind, and end what nobody else can end.

    It removes only what has the id of a flow run in its name, or messages of code with it in their context,
    if this Prefect server knows the flow run and it has ended: at once after a success or a cancel; after a
    failure or a crash when its time is over and no Databricks run of it is active. It also cancels Databricks
    runs whose flow run was cancelled, ends flow runs that hang in Cancelling and task runs whose process is
    gone, and gives saved jobs back the clusters that a repair changed. What it did is in the artifact
    `sweep`. An error is a row of it and a warning.

    Args:
        database: Name of the SQLAlchemy Connector block.
        bucket: Name of the block of the storage where files are staged.
        workspace: Name of the Databricks Workspace block; empty for the workspace of the environment.
        output_directories: Output folders of the analysis, where a killed run leaves a hidden folder.
        pipes_folders: Folders of messages, as in Pipes; that of the workspace block is looked into anyway.
        keep_after_failure: Hours for which leftovers of a failed or crashed run are kept for a retry, unless
            the run itself noted another time.
        cancelling_minutes: Minutes that a flow run may be Cancelling before its process counts as gone.
        dry_run: Only tell what would be done.

    Returns:
        What became of each thing.

    Examples:
        >>> import asyncio
        >>> from databricks_flows.sweep.flow import sweep_leftovers
        >>> rows = asyncio.run(sweep_leftovers(dry_run=True))
        >>> [row for row in rows if row.done == "removed"]
        []
    """
    places = Places(database, bucket, workspace, output_directories, pipes_folders)
    rules = Rules(
        datetime.now(UTC), timedelta(hours=keep_after_failure), timedelta(minutes=cancelling_minutes)
    )
    with telling_the_story():
        return await _sweep(places, rules, dry_run=dry_run)


async def _sweep(places: Places, rules: Rules, *, dry_run: bool) -> list[Swept]:
    async with get_client() as client:
        survey = await Gathering(places, FlowRuns(client)).survey()
        actions = decide(survey.facts, rules)
        if dry_run:
            rows = [planned(action) for action in actions]
        else:
            rows = await Doing(places, survey, client).do_all(actions)
    rows = [*not_looked_into(survey), *rows]
    await _tell(rows)
    return rows


def not_looked_into(survey: Survey) -> list[Swept]:
    """A row for each place that the sweep could not look into."""
    return [
        *(Swept("", place, "", why, "not configured") for place, why in survey.not_configured),
        *(Swept("", place, "", why, "failed") for place, why in survey.failed),
    ]


async def _tell(rows: list[Swept]) -> None:
    logger = get_run_logger()
    for row in rows:
        if row.done == "failed":
            logger.warning("%s: %s", f"{row.what} {row.name}".strip(), row.why)
        elif row.done not in ("left", "not configured"):
            logger.info("%s %s %s: %s", row.what, row.name, row.done, row.why)
    try:
        await acreate_table_artifact(
            markdown_rows(map(asdict, rows)), key=SWEEP_ARTIFACT, description=summary(rows)
        )
    except (PrefectException, HTTPError, OSError) as error:
        logger.warning("The table of the sweep was not written: %s", first_line(error))


def summary(rows: list[Swept]) -> str:
    """Say in one line what was done, with the number of each."""
    counts = Counter(row.done for row in rows)
    return ", ".join(f"{number} {done}" for done, number in sorted(counts.items())) or "nothing found"
