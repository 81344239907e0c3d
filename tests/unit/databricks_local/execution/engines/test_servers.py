"""The start of a cluster's server, with processes that a test plays."""

import asyncio
import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from databricks_local.execution.cluster import ClusterError
from databricks_local.execution.engines import servers
from databricks_local.execution.engines.installation import SparkInstallation
from databricks_local.execution.engines.sail_catalog import CatalogAccess
from databricks_local.execution.engines.servers import SparkServers
from databricks_local.execution.environment import Environments
from databricks_local.execution.mounts import Mounts
from databricks_local.jobs.engines import SAIL, SPARK
from databricks_local.jobs.specs import ClusterSpec
from databricks_local.runtime.dbutils.secret_values import Redactor

ID = "local-1"
ACCESS = CatalogAccess("http://localhost", "token", ())


class PlayedProcesses:
    """Forks when it is let to. A process writes until it is gone, as a server at its start does."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.forking = asyncio.Event()
        self.forked = asyncio.Event()
        self.child = SimpleNamespace(messages=asyncio.Queue[Any]())
        self.killed = False

    async def start(self, target: Any, arguments: tuple[Any, ...]) -> Any:
        self.forking.set()
        await self.forked.wait()
        return self.child

    async def kill(self, child: Any) -> None:
        """A process that is being killed may still write."""
        self.killed = True
        for name in ("spark", "offers", "libraries"):
            (self.directory / f"{ID}-{name}").mkdir()
        (self.directory / f"{ID}.log").touch()
        child.messages.put_nowait(None)


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlayedProcesses:
    monkeypatch.setattr(servers, "find_spark", lambda _: SparkInstallation(Path("/spark")))
    return PlayedProcesses(tmp_path)


def servers_of(processes: PlayedProcesses) -> SparkServers:
    played: Any = processes
    return SparkServers(played, processes.directory, Mounts(str(processes.directory)), Environments())


@pytest.mark.parametrize("engine", [SAIL, SPARK])
def test_a_start_that_is_cancelled_while_its_process_is_forked_leaves_nothing(
    processes: PlayedProcesses, engine: str
) -> None:
    async def cancel_and_forget() -> None:
        started = servers_of(processes)
        starting = asyncio.create_task(started.start(ID, ClusterSpec(), engine, Redactor(), ACCESS))
        await processes.forking.wait()
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
        forgetting = asyncio.create_task(started.forget(ID))
        processes.forked.set()
        await forgetting

    asyncio.run(cancel_and_forget())
    assert processes.killed
    assert list(processes.directory.iterdir()) == []


def test_a_start_that_is_cancelled_while_it_comes_up_leaves_nothing(processes: PlayedProcesses) -> None:
    async def cancel() -> None:
        processes.forked.set()
        starting = asyncio.create_task(
            servers_of(processes).start(ID, ClusterSpec(), SPARK, Redactor(), ACCESS)
        )
        await processes.forking.wait()
        await asyncio.sleep(0.05)
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting

    asyncio.run(cancel())
    assert processes.killed
    assert list(processes.directory.iterdir()) == []


async def start_after_init_scripts(processes: PlayedProcesses, scripts: tuple[str, ...]) -> str:
    processes.forked.set()
    spec = ClusterSpec(init_scripts=scripts)
    starting = asyncio.create_task(servers_of(processes).start(ID, spec, SPARK, Redactor(), ACCESS))
    await asyncio.sleep(0.5)
    processes.child.messages.put_nowait({"prepared": True})
    processes.child.messages.put_nowait({"port": 4711})
    return (await starting).remote


def test_init_scripts_take_no_time_from_the_start_of_spark(
    processes: PlayedProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "START_SECONDS", 0.2)
    remote = asyncio.run(start_after_init_scripts(processes, ("dbfs:/slow.sh",)))
    assert remote == "sc://127.0.0.1:4711"
    with pytest.raises(TimeoutError):
        asyncio.run(start_after_init_scripts(PlayedProcesses(processes.directory), ()))


def test_no_secret_is_in_what_a_server_said_before_it_was_lost(processes: PlayedProcesses) -> None:
    redactor = Redactor()
    redactor.add("geheim")

    async def lose() -> None:
        (processes.directory / f"{ID}.log").write_text("bad option: geheim")
        processes.forked.set()
        processes.child.messages.put_nowait(None)
        await servers_of(processes).start(ID, ClusterSpec(), SPARK, redactor, ACCESS)

    with pytest.raises(ClusterError) as refused:
        asyncio.run(lose())
    assert str(refused.value) == f"Cluster {ID} could not be started. bad option: [REDACTED]"
