"""SQL warehouses: their states, and their start and stop, each waited for by one poller."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from databricks_blocks.errors import DatabricksRunRefused
from databricks_blocks.safe_text import one_line
from databricks_blocks.sql.errors import WarehouseUnavailable
from databricks_blocks.workspace.api_calls import call_api
from databricks_blocks.workspace.polling import DEFAULT_POLLING, PollingPolicy, outlive, watch

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_WAREHOUSES = "/api/2.0/sql/warehouses"
SECONDS_TO_START = 1200.0
"""How long a warehouse may take to start or to stop."""

Goal = Literal["RUNNING", "STOPPED"]


@dataclass(frozen=True)
class WarehouseSnapshot:
    """How a SQL warehouse stands.

    Attributes:
        warehouse_id: Its id.
        name: Its name.
        state: State as the API spells it, such as `RUNNING`.
        message: What the workspace says about its health, if it is not well.
    """

    warehouse_id: str
    name: str
    state: str
    message: str = ""

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> WarehouseSnapshot:
        """Read an answer of the API."""
        health = answer.get("health") or {}
        ill = health.get("status") not in (None, "", "HEALTHY")
        message = one_line(health.get("summary") or health.get("message") or "") if ill else ""
        return cls(answer["id"], answer.get("name") or "", answer.get("state") or "UNKNOWN", message)

    def __str__(self) -> str:
        return f"SQL warehouse {self.name or self.warehouse_id}"

    @property
    def why(self) -> str:
        """What the workspace says about its health, to be put behind a state."""
        return f": {self.message}" if self.message else ""

    @property
    def is_gone(self) -> bool:
        """Whether it was deleted."""
        return self.state in ("DELETING", "DELETED")


def step_towards(goal: Goal, found: WarehouseSnapshot, *, asked: bool) -> Literal["there", "ask", "wait"]:
    """Decide what brings a warehouse to a state.

    Args:
        goal: The state.
        found: How it stands.
        asked: Whether it was asked to start or stop already.

    Raises:
        WarehouseUnavailable: It was deleted, or stopped again instead of starting.
    """
    if found.state == goal:
        return "there"
    if found.is_gone:
        raise WarehouseUnavailable(f"{found} was deleted ({found.state}).")
    stopped = found.state == "STOPPED"
    if asked and goal == "RUNNING" and stopped:
        raise WarehouseUnavailable(f"{found} did not start, but is stopped again{found.why}.")
    # One that is stopping can be asked to start only when it has stopped.
    waits = found.state in ("STARTING", "STOPPING") if goal == "RUNNING" else found.state == "STOPPING"
    return "wait" if asked or waits else "ask"


async def bring_to(
    goal: Goal,
    client: WorkspaceClient,
    warehouse_id: str,
    *,
    timeout_seconds: float = SECONDS_TO_START,
    on_change: Callable[[WarehouseSnapshot], Awaitable[None]] | None = None,
    polling: PollingPolicy = DEFAULT_POLLING,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> WarehouseSnapshot:
    """Start or stop a warehouse, unless it is so already, and wait until it is.

    Args:
        goal: The state to bring it to.
        client: SDK client of the workspace.
        warehouse_id: The warehouse.
        timeout_seconds: How long to wait.
        on_change: Awaited with every state on the way, the last one included.
        polling: When to look, and how long to put up with no answer.
        clock: Seconds that only grow.
        sleep: Waits for a number of seconds.

    Raises:
        WarehouseUnavailable: It was deleted, does not start, or takes longer.
        DatabricksRunRefused: There is no such warehouse, or no permission.
        DatabricksUnreachable: The workspace did not answer for too long.
    """
    since, asked = clock(), False

    async def step(found: WarehouseSnapshot) -> None:
        nonlocal asked
        if on_change is not None:
            await on_change(found)
        if step_towards(goal, found, asked=asked) == "ask":
            ask = partial(ask_warehouse, client, warehouse_id, "start" if goal == "RUNNING" else "stop")
            await outlive(partial(asyncio.to_thread, ask), polling, clock=clock, sleep=sleep)
            asked = True

    def is_over(found: WarehouseSnapshot) -> bool:
        if found.state == goal:
            return True
        if clock() - since > timeout_seconds:
            raise WarehouseUnavailable(
                f"{found} is still {found.state} after {timeout_seconds:.0f} s; it should be {goal}"
                f"{found.why}."
            )
        return False

    return await watch(
        partial(get_warehouse, client, warehouse_id),
        policy=polling,
        on_change=step,
        is_over=is_over,
        clock=clock,
        sleep=sleep,
    )


def get_warehouse(client: WorkspaceClient, warehouse_id: str) -> WarehouseSnapshot:
    """Read how a warehouse stands."""
    answer = call_api(client, "GET", f"{_WAREHOUSES}/{warehouse_id}", expect="id")
    return WarehouseSnapshot.from_json(answer)


def ask_warehouse(client: WorkspaceClient, warehouse_id: str, what: Literal["start", "stop"]) -> None:
    """Ask a warehouse to start or to stop; the answer comes before it has."""
    call_api(client, "POST", f"{_WAREHOUSES}/{warehouse_id}/{what}")


def warehouse_named(client: WorkspaceClient, name: str) -> WarehouseSnapshot:
    """Find a warehouse by its name.

    Raises:
        DatabricksRunRefused: There is none; the message names those that there are.
    """
    query: dict[str, Any] = {}
    names: list[str] = []
    while True:
        page = call_api(client, "GET", _WAREHOUSES, query=query)
        for found in map(WarehouseSnapshot.from_json, page.get("warehouses") or ()):
            if found.name == name:
                return found
            names.append(found.name)
        if not page.get("next_page_token"):
            there = f"there are {', '.join(sorted(names))}" if names else "there is none"
            raise DatabricksRunRefused(f"{client.config.host} has no SQL warehouse `{name}`: {there}.")
        query["page_token"] = page["next_page_token"]
