"""Tells the flow runs that leave tables, files and folders which are named after them from all others.

A flow of a user may name its own files after its flow run, too: the name alone does not make a leftover ours.
"""

from __future__ import annotations

from collections.abc import Mapping
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
