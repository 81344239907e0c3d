"""The statements of a running warehouse: their end, their cancel, their loss."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, cast

import pytest
from databricks_local.execution.cluster import Cluster
from databricks_local.execution.processes import Child
from databricks_local.execution.warehouses import warehouse as module
from databricks_local.execution.warehouses.warehouse import Warehouse, WarehouseLostError
from databricks_local.runtime.warehouse.orders import Outcome, SessionOrder, StatementOrder

ORDER = StatementOrder("one", "SELECT 1", [], SessionOrder(), "JSON_ARRAY", "/nowhere", 1)


class Process:
    """A process that is nothing; what it is sent is kept."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.messages: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.sending = asyncio.Lock()
        self.connection = self

    def send_bytes(self, content: bytes) -> None:
        self.sent.append(json.loads(content))

    def ends(self, statement_id: str, outcome: Outcome) -> None:
        self.messages.put_nowait({"ended": statement_id, "outcome": asdict(outcome)})


class Server:
    """A Spark server that is nothing."""

    def __init__(self) -> None:
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()


Scenario = Callable[[Warehouse, Process, Server], Awaitable[None]]


def play(scenario: Scenario) -> None:
    async def run() -> None:
        process, server = Process(), Server()
        warehouse = Warehouse(cast(Cluster, server), cast(Child, process), "a-token")
        await scenario(warehouse, process, server)
        process.messages.put_nowait(None)
        await warehouse.lost

    asyncio.run(asyncio.wait_for(run(), 10))


def test_a_statement_begins_and_ends() -> None:
    async def scenario(warehouse: Warehouse, process: Process, server: Server) -> None:
        begun = asyncio.Event()
        executing = asyncio.create_task(warehouse.execute(ORDER, begun.set))
        process.messages.put_nowait({"began": "nobody's"})
        process.messages.put_nowait({"began": "one"})
        await begun.wait()
        assert warehouse.executes("one")
        process.ends("one", Outcome("SUCCEEDED"))
        assert await executing == Outcome("SUCCEEDED")
        assert not warehouse.executes("one")
        assert [StatementOrder.from_message(each["execute"]) for each in process.sent] == [ORDER]

    play(scenario)


def test_a_cancel_waits_for_the_engine_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CANCEL_SECONDS", 0.05)

    async def scenario(warehouse: Warehouse, process: Process, server: Server) -> None:
        executing = asyncio.create_task(warehouse.execute(ORDER, lambda: None))
        await asyncio.sleep(0)
        warehouse.cancel("one")
        assert await executing == Outcome("CANCELED")
        assert {"cancel": "one"} in process.sent
        # What comes later is for nobody.
        process.ends("one", Outcome("SUCCEEDED"))

    play(scenario)


def test_a_statement_that_was_quicker_than_its_cancel_has_succeeded() -> None:
    async def scenario(warehouse: Warehouse, process: Process, server: Server) -> None:
        executing = asyncio.create_task(warehouse.execute(ORDER, lambda: None))
        await asyncio.sleep(0)
        warehouse.cancel("one")
        process.ends("one", Outcome("SUCCEEDED"))
        assert await executing == Outcome("SUCCEEDED")

    play(scenario)


@pytest.mark.parametrize("which", ["process", "server"])
def test_a_statement_is_lost_with_the_process_or_the_server(which: str) -> None:
    async def scenario(warehouse: Warehouse, process: Process, server: Server) -> None:
        executing = asyncio.create_task(warehouse.execute(ORDER, lambda: None))
        await asyncio.sleep(0)
        if which == "process":
            process.messages.put_nowait(None)
        else:
            server.lost.set_result(None)
        with pytest.raises(WarehouseLostError):
            await executing

    play(scenario)
