"""The life of warehouses: starts, stops, and what comes between."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.execution.cluster import ClusterError
from databricks_local.execution.warehouses.warehouse import Warehouse
from databricks_local.sql.records import MINUTE_MILLIS, WarehouseState
from databricks_local.sql.warehouses import Warehouses, WarehouseUnavailableError
from databricks_local.storage.documents import Documents


class Running:
    """A warehouse that is nothing."""

    def __init__(self) -> None:
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Starter:
    """Starts and ends warehouses when it is let."""

    def __init__(self) -> None:
        self.may_start, self.may_stop = asyncio.Event(), asyncio.Event()
        self.may_start.set()
        self.may_stop.set()
        self.fails = False
        self.alive = self.started = 0

    async def start_warehouse(self, warehouse_id: str) -> Warehouse:
        await self.may_start.wait()
        if self.fails:
            raise ClusterError("no luck")
        assert self.alive == 0, "two at once"
        self.alive, self.started = 1, self.started + 1
        return cast(Warehouse, Running())

    async def stop_warehouse(self, warehouse: Warehouse) -> None:
        await self.may_stop.wait()
        self.alive -= 1


Scenario = Callable[[Warehouses, Starter, str], Awaitable[None]]


def play(tmp_path: Path, scenario: Scenario, clock: Callable[[], int] = lambda: 0) -> None:
    async def run() -> None:
        starter, documents = Starter(), Documents(tmp_path / "objects.sqlite")
        warehouses = Warehouses(starter, documents, clock, "me")
        (first,) = warehouses.all()
        await scenario(warehouses, starter, first.warehouse_id)
        await warehouses.close()
        assert starter.alive == 0
        documents.close()

    asyncio.run(asyncio.wait_for(run(), 10))


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_statement_starts_it_and_the_next_one_finds_it(tmp_path: Path) -> None:
    async def scenario(warehouses: Warehouses, starter: Starter, one: str) -> None:
        for _ in range(2):
            async with warehouses.in_use(one):
                assert warehouses.get(one).state is WarehouseState.RUNNING
        assert starter.started == 1

    play(tmp_path, scenario)


def test_a_start_while_it_stops_waits_for_the_stop(tmp_path: Path) -> None:
    async def scenario(warehouses: Warehouses, starter: Starter, one: str) -> None:
        async with warehouses.in_use(one):
            pass
        starter.may_stop.clear()
        warehouses.stop(one)
        await settled()
        warehouses.start(one)
        await settled()
        assert warehouses.get(one).state is WarehouseState.STARTING
        starter.may_stop.set()
        async with warehouses.in_use(one):
            assert starter.started == 2

    play(tmp_path, scenario)


def test_a_stop_while_it_starts_cancels_the_start(tmp_path: Path) -> None:
    async def scenario(warehouses: Warehouses, starter: Starter, one: str) -> None:
        starter.may_start.clear()
        using = asyncio.create_task(use(warehouses, one))
        await settled()
        warehouses.stop(one)
        with pytest.raises(WarehouseUnavailableError, match="was stopped"):
            await using
        await settled()
        assert warehouses.get(one).state is WarehouseState.STOPPED
        assert starter.started == 0

    play(tmp_path, scenario)


def test_a_start_that_fails_says_why_and_is_tried_again(tmp_path: Path) -> None:
    async def scenario(warehouses: Warehouses, starter: Starter, one: str) -> None:
        starter.fails = True
        with pytest.raises(WarehouseUnavailableError, match="no luck"):
            await use(warehouses, one)
        shown = warehouses.get(one).as_json("http://127.0.0.1:1", 0)
        assert (shown["state"], shown["health"]["status"]) == ("STOPPED", "FAILED")
        starter.fails = False
        await use(warehouses, one)
        assert warehouses.get(one).as_json("http://127.0.0.1:1", 0)["health"] == {"status": "HEALTHY"}

    play(tmp_path, scenario)


def test_one_that_is_lost_is_stopped(tmp_path: Path) -> None:
    async def scenario(warehouses: Warehouses, starter: Starter, one: str) -> None:
        async with warehouses.in_use(one) as warehouse:
            cast(Any, warehouse).lost.set_result(None)
            await settled()
        assert warehouses.get(one).state is WarehouseState.STOPPED
        assert "lost" in warehouses.get(one).failure
        await use(warehouses, one)
        assert starter.started == 2

    play(tmp_path, scenario)


def test_it_stops_when_it_was_idle_for_long_enough(tmp_path: Path) -> None:
    now = [0]

    async def scenario(warehouses: Warehouses, starter: Starter, one: str) -> None:
        async with warehouses.in_use(one):
            now[0] += 60 * MINUTE_MILLIS
            warehouses.stop_idle()
            assert warehouses.get(one).state is WarehouseState.RUNNING
        now[0] += 10 * MINUTE_MILLIS - 1
        warehouses.stop_idle()
        assert warehouses.get(one).state is WarehouseState.RUNNING
        now[0] += 1
        warehouses.stop_idle()
        await settled()
        assert warehouses.get(one).state is WarehouseState.STOPPED

    play(tmp_path, scenario, lambda: now[0])


def test_no_more_statements_at_once_than_it_has_places_for(tmp_path: Path) -> None:
    async def scenario(warehouses: Warehouses, starter: Starter, one: str) -> None:
        inside, most = 0, 0

        async def statement() -> None:
            nonlocal inside, most
            async with warehouses.in_use(one):
                inside += 1
                most = max(most, inside)
                await settled()
                inside -= 1

        await asyncio.gather(*(statement() for _ in range(100)))
        assert most == warehouses.get(one).slots == 10

    play(tmp_path, scenario)


def test_an_edit_gives_no_places_away_twice(tmp_path: Path) -> None:
    async def scenario(warehouses: Warehouses, starter: Starter, one: str) -> None:
        inside, may_go = 0, asyncio.Event()

        async def statement() -> None:
            nonlocal inside
            async with warehouses.in_use(one):
                inside += 1
                await may_go.wait()

        async def inside_after_an_edit(clusters: int) -> int:
            warehouses.edit(one, {"max_num_clusters": clusters})
            await settled()
            return inside

        waiting = [asyncio.create_task(statement()) for _ in range(40)]
        await settled()
        assert inside == 10
        assert await inside_after_an_edit(1) == 10
        # Those that wait get the new places, too.
        assert await inside_after_an_edit(2) == 20
        assert await inside_after_an_edit(1) == 20
        may_go.set()
        await asyncio.gather(*waiting)

    play(tmp_path, scenario)


@pytest.mark.parametrize("seconds", [-1, 172_801])
def test_the_time_of_a_statement_is_at_most_two_days(tmp_path: Path, seconds: int) -> None:
    async def scenario(warehouses: Warehouses, starter: Starter, one: str) -> None:
        with pytest.raises(ApiError, match="statement_timeout must be between 0 and 172800 seconds"):
            warehouses.edit(one, {"statement_timeout": seconds})
        warehouses.edit(one, {"statement_timeout": 60})
        assert warehouses.get(one).timeout_seconds == 60

    play(tmp_path, scenario)


def test_a_deleted_one_does_not_come_back(tmp_path: Path) -> None:
    async def scenario(warehouses: Warehouses, starter: Starter, one: str) -> None:
        await use(warehouses, one)
        warehouses.delete(one)
        with pytest.raises(WarehouseUnavailableError, match="deleted"):
            await use(warehouses, one)
        await settled()
        assert warehouses.get(one).state is WarehouseState.DELETED
        assert warehouses.all() == []

    play(tmp_path, scenario)


async def use(warehouses: Warehouses, warehouse_id: str) -> None:
    async with warehouses.in_use(warehouse_id):
        pass
