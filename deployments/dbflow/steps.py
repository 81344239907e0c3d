"""Steps of `prefect deploy`."""

import logging
import sys
from typing import NoReturn

import click
from databricks_blocks.errors import BlockNotFound, DatabricksJobError
from databricks_blocks.safe_text import printable
from databricks_blocks.workspace.block import WORKSPACE_BLOCK, named_client
from databricks_flows.renewable.notebook_job import NOTEBOOK_DIRECTORY

from dbflow import notebooks


def import_notebooks(
    directory: str = NOTEBOOK_DIRECTORY, workspace: str = WORKSPACE_BLOCK
) -> dict[str, list[str]]:
    """Import the notebooks of the package that a folder of a workspace lacks, or holds with another source.

    The module `databricks_pipes`, by which they speak to the flow, comes beside them.

    Args:
        directory: Absolute path of the folder; it is made if it is not there.
        workspace: Name of the Databricks Workspace block; empty for the workspace of the environment.

    Returns:
        Paths of the notebooks by what was done with them: `created`, `updated`, `unchanged`.
    """
    # What the SDK would warn of is told in one line below.
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)
    done: dict[str, list[str]] = {"created": [], "updated": [], "unchanged": []}
    try:
        for change in notebooks.import_notebooks(named_client(workspace), directory):
            done[change.change].append(change.path)
            click.echo(f"{change.change:<9} {printable(change.path)}")
    except (DatabricksJobError, BlockNotFound) as error:
        _stop(f"The notebooks are not imported: {error}")
    return done


def _stop(message: str) -> NoReturn:
    """End `prefect deploy` with one line; of any other exception it prints the trace, not the message."""
    click.secho(printable(message), fg="red", err=True)
    sys.exit(1)
