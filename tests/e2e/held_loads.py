"""A load of green energy that can be held around its event, for processes of their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from databricks_flows import load_green_energy
from databricks_flows.green_energy import assets
from databricks_flows.shared.telling import tell
from prefect import flow


@flow
async def held_load(schema_name: str, bucket: str, holds: str) -> None:
    """Load the data of the package, and wait before or after the event while a file of that name is there."""

    def held_tell(what: str, send: Callable[[], Any]) -> None:
        _wait(Path(holds) / "before")
        tell(what, send)
        _wait(Path(holds) / "after")

    assets.tell = held_tell  # type: ignore[attr-defined]
    await load_green_energy.fn(schema_name=schema_name, bucket=bucket)


def _wait(hold: Path) -> None:
    while hold.exists():
        hold.with_suffix(".held").touch()
        time.sleep(0.1)
