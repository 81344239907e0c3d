"""Any table can be an asset of Prefect, and no two tables are the same one."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from databricks_flows.ending.cancel_watch import PrefectUnreachable
from databricks_flows.green_energy import assets
from databricks_flows.green_energy.assets import LoadedTable, asset_key, event_of, publish_table
from prefect.assets import Asset
from prefect.logging import disable_run_logger

NAMES = [chr(code) for code in range(1, 128)] + ["é", "表", "a b", "a!20b", "a/b", "😀"]


def test_every_name_has_a_key_of_its_own_that_prefect_takes() -> None:
    keys = [asset_key("main", "elt", name) for name in NAMES]
    assert len(set(keys)) == len(NAMES)
    assert [Asset(key=key).key for key in keys] == keys
    assert asset_key("a/b", "c", "d") != asset_key("a", "b/c", "d")


def loaded(rows: int | None = 960, ids: tuple[str, ...] = ("s1",), table: str = "t") -> LoadedTable:
    return LoadedTable(f"main.elt.{table}", asset_key("main", "elt", table), 2, rows, ids)


def test_the_event_of_a_load_has_the_same_id_in_each_attempt() -> None:
    assert event_of(loaded()) == event_of(loaded())
    others = [loaded(ids=("s1", "s2")), loaded(ids=("s2",)), loaded(table="u")]
    assert len({event_of(each)["id"] for each in (loaded(), *others)}) == 4


def test_the_event_is_that_of_an_asset_with_rows_and_files() -> None:
    event = event_of(loaded())
    assert event["event"] == "prefect.asset.materialization.succeeded"
    assert event["resource"]["prefect.resource.id"] == Asset(key="databricks://main/elt/t").key
    assert event["payload"] == {"rows": 960, "files": 2}
    assert event_of(loaded(rows=None))["payload"] == {"rows": None, "files": 2}


class Server:
    """A Prefect server that does not answer some calls; a call is a look or an event."""

    def __init__(self, faults: list[Exception | None]) -> None:
        self.faults, self.events = faults, list[dict[str, Any]]()

    def client(self) -> AbstractAsyncContextManager[Server]:
        return nullcontext(self)

    def _answer(self) -> None:
        if fault := self.faults.pop(0) if self.faults else None:
            raise fault

    async def read_events(self, _: Any, limit: int) -> Any:
        self._answer()
        return SimpleNamespace(events=self.events[:limit])

    async def request(self, _: str, path: str, json: list[dict[str, Any]]) -> None:
        assert path == "/events"
        self._answer()
        self.events += json


def status(code: int) -> httpx.HTTPStatusError:
    request = httpx.Request("POST", "http://prefect/api/events")
    return httpx.HTTPStatusError(f"{code}", request=request, response=httpx.Response(code))


def published(monkeypatch: pytest.MonkeyPatch, server: Server, seconds: float = 60) -> None:
    monkeypatch.setattr(assets, "get_client", server.client)
    with disable_run_logger():
        asyncio.run(publish_table.fn(loaded(), seconds))


def test_a_prefect_server_that_is_away_is_told_in_the_end_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    away = [httpx.ConnectError("refused"), None, status(503), None, httpx.ReadTimeout("slow")]
    server = Server([*away])
    published(monkeypatch, server)
    assert [event["id"] for event in server.events] == [str(event_of(loaded())["id"])]
    assert server.events[0]["payload"] == {"rows": 960, "files": 2}
    published(monkeypatch, server)
    assert len(server.events) == 1


def test_who_cannot_tell_prefect_fails_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server([httpx.ConnectError("refused")] * 100)
    with pytest.raises(PrefectUnreachable, match=r"new rows of main\.elt\.t; retry this flow run.*refused"):
        published(monkeypatch, server, seconds=0.1)
    with pytest.raises(httpx.HTTPStatusError):
        published(monkeypatch, Server([status(422)]))
