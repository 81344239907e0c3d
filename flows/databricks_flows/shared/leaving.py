"""Tells the flow runs that leave tables, files and folders which are named after them from all others.

A flow of a user may name its own files after its flow run, too: the name alone does not make a leftover ours.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import get_client

LEAVING_FLOWS = frozenset({"renewable-analysis", "analyse-green-energy"})
"""Names of the flows whose runs leave something."""
_LABEL = "databricks.leaves"


async def mark_as_leaving(flow_run_id: UUID) -> None:
    """Note on a flow run, before it makes anything, that it does.

    Somebody who gives the flow another name with `with_options` has a flow that is known by this only.
    """
    async with get_client() as client:
        await client.update_flow_run_labels(flow_run_id, {_LABEL: str(flow_run_id)})


def leaves(flow_run_id: UUID, flow_name: str, labels: Mapping[str, Any]) -> bool:
    """Whether what is named after a flow run was made by this package.

    Args:
        flow_run_id: The flow run.
        flow_name: Name of its flow.
        labels: Its labels.
    """
    return flow_name in LEAVING_FLOWS or labels.get(_LABEL) == str(flow_run_id)


@contextmanager
def fresh_folder(
    path: Path, logger: logging.Logger | logging.LoggerAdapter[logging.Logger]
) -> Iterator[Path]:
    """Make an empty folder, and remove it at the end. What a killed attempt left in it is removed first.

    A folder that cannot be removed is logged: it is no reason to lose a result.

    Args:
        path: The folder; its name is one that the sweep knows.
        logger: Log of the flow run.
    """
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(exist_ok=True)
    try:
        yield path
    finally:
        try:
            shutil.rmtree(path)
        except OSError as error:
            logger.warning("Left for the flow sweep_leftovers: folder %s: %s", path, error)
