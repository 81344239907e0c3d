"""A load of green energy that can be held around its event, for processes of their own."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from databricks_flows import load_green_energy
from databricks_flows.green_energy import assets
from prefect import flow
from prefect.events import Event


@flow
async def held_load(schema_name: str, staging: str, holds: str) -> None:
    """Load the data of the package, and wait before or after the event while a file of that name is there."""

    tell = assets._tell

    async def held_tell(event: Event) -> bool:
        await asyncio.to_thread(_wait, Path(holds) / "before")
        is_new = await tell(event)
        await asyncio.to_thread(_wait, Path(holds) / "after")
        return is_new

    assets._tell = held_tell
    await load_green_energy.fn(schema_name=schema_name, staging=staging)


def _wait(hold: Path) -> None:
    while hold.exists():
        hold.with_suffix(".held").touch()
        time.sleep(0.1)
