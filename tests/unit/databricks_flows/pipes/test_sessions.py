"""How sessions begin and end: Prefect and the workspace are replaced by what they would answer."""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock
from uuid import uuid4

import pytest
from databricks_blocks.errors import AssetChecksFailed, DatabricksRunRefused, DatabricksUnreachable
from databricks_blocks.pipes.bootstrap import Caller, session
from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.pipes.protocol import AssetCheck
from databricks_blocks.pipes.received import Received
from databricks_blocks.run.snapshot import RunSnapshot, TaskAttempt
from databricks_blocks.run.states import RunState
from databricks_blocks.workspace.polling import PollingPolicy
from databricks_flows.pipes import job_pipes, open_session, report, session_pipes
from databricks_flows.pipes.job_pipes import JobPipes, starts_over
from databricks_flows.pipes.open_session import open_pipes
from databricks_flows.pipes.session_pipes import SessionPipes

from ...databricks_blocks.pipes.pipes_lab import Place

PIPES = Pipes(volume="/Volumes/main/ops/pipes")
LOGGER = logging.getLogger("sessions")
RUNNING = RunState("RUNNING")
TIME = datetime(2026, 11, 27, tzinfo=UTC)
FAILED_CHECK = ("a", Received(AssetCheck("main/sales", "no_nulls", passed=False), 1, "1.json", 1, TIME, "k"))


class Folder(Place):
    """A place that can be made and cleaned."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []
        self.refuses: Exception | None = None

    def make(self, directory: str) -> None:
        self._do(f"make {directory.rpartition('/')[2]}")

    def put(self, path: str, content: bytes) -> None:
        self._do("put")

    def clean(self, directory: str) -> None:
        self._do("clean")

    def _do(self, what: str) -> None:
        if self.refuses:
            raise self.refuses
        self.done.append(what)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Folder:
    place = Folder()
    monkeypatch.setattr(session_pipes, "open_channel", lambda client, pipes: place)
    for module in (session_pipes, report, job_pipes):
        monkeypatch.setattr(module, "get_run_logger", lambda: LOGGER)
    monkeypatch.setattr(session_pipes.APILogHandler, "aflush", AsyncMock())
    monkeypatch.setattr(session_pipes, "_remembered", AsyncMock(return_value=[]))
    monkeypatch.setattr(SessionPipes, "answers", AsyncMock(return_value=True))
    return place


def call_of(flow_run_count: int = 1) -> Any:
    return SimpleNamespace(flow_run_ids=(uuid4(),), flow_run_count=flow_run_count)


def session_of() -> SessionPipes:
    client: Any = Mock()
    client.config.host = "https://adb-1.azuredatabricks.net"
    return SessionPipes(client, PIPES, session(PIPES, Caller("run"), ["a"], token="t"))


@pytest.mark.parametrize("error", [DatabricksRunRefused("no permission"), DatabricksUnreachable("away")])
def test_a_retry_watches_its_run_also_where_the_folder_cannot_be_used(
    folder: Folder, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    folder.refuses = error

    async def prepare() -> None:
        listening = session_of()
        await asyncio.wait_for(listening.prepare(call_of(2), PollingPolicy()), 5)
        await asyncio.sleep(0.2)
        await listening.leave()

    asyncio.run(prepare())
    if isinstance(error, DatabricksRunRefused):
        assert "cannot be used for messages; the run is watched without them" in caplog.text


def test_a_first_launch_is_refused_where_the_folder_cannot_be_used(folder: Folder) -> None:
    folder.refuses = DatabricksRunRefused("no permission")
    with pytest.raises(DatabricksRunRefused, match="so nothing was launched"):
        asyncio.run(session_of().prepare(call_of(), PollingPolicy()))


@pytest.mark.parametrize(("may_run_again", "is_cleaned"), [(True, False), (False, True)])
def test_files_stay_for_a_retry_while_prefect_does_not_keep_the_results(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, *, may_run_again: bool, is_cleaned: bool
) -> None:
    monkeypatch.setattr(report.PipesReport, "keep", AsyncMock(return_value=False))

    async def end() -> None:
        listening = session_of()
        await listening.prepare(call_of(), PollingPolicy())
        await listening.finish(1.0, may_run_again=may_run_again)

    asyncio.run(end())
    assert ("clean" in folder.done) == is_cleaned


@pytest.mark.parametrize(
    ("error", "is_launched", "is_cleaned"),
    [
        (DatabricksRunRefused("no such cluster"), False, True),
        (DatabricksUnreachable("away"), False, False),
        (DatabricksRunRefused("no permission"), True, False),
    ],
)
def test_a_launch_that_is_refused_leaves_no_folder(
    folder: Folder, error: Any, *, is_launched: bool, is_cleaned: bool
) -> None:
    async def end() -> None:
        piped = JobPipes(Mock(), call_of())
        piped._session = session_of()
        await piped._session.prepare(call_of(), PollingPolicy())
        if is_launched:
            await piped.launched(1)
        await piped.end(error)

    asyncio.run(end())
    assert ("clean" in folder.done) == is_cleaned


def test_a_job_that_is_launched_anew_as_a_whole_is_told_from_one_that_goes_on() -> None:
    first = RunSnapshot(1, RUNNING, attempts=(TaskAttempt("a", 11, 0, RUNNING),))
    repaired = RunSnapshot(1, RUNNING, attempts=(*first.attempts, TaskAttempt("a", 12, 1, RUNNING)))
    in_place = RunSnapshot(2, RUNNING, attempts=(*first.attempts, TaskAttempt("a", 21, 0, RUNNING)))
    anew = RunSnapshot(2, RUNNING, attempts=(TaskAttempt("a", 21, 0, RUNNING),))
    assert [starts_over(first, now) for now in (repaired, in_place, anew)] == [False, False, True]


class Opened:
    """Stands for the session behind `open_pipes`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, call: Any) -> None:
        self.did: list[str] = []
        client = Mock()
        client.config.host = "https://adb-1.azuredatabricks.net"
        self.session = SimpleNamespace(
            prepare=self._async("prepare"),
            finish=self._async("finish"),
            break_off=self._async("break_off"),
            take=lambda speakers: None,
            begin=lambda: None,
        )
        monkeypatch.setattr(open_session, "named_client", lambda name: client)
        monkeypatch.setattr(open_session, "current_call_identity", AsyncMock(return_value=call))
        monkeypatch.setattr(open_session, "_token", AsyncMock(return_value="t"))
        monkeypatch.setattr(open_session, "SessionPipes", lambda *_: self.session)
        monkeypatch.setattr(open_session, "telling_the_story", self._story)
        self.stories = 0

    def _story(self) -> Any:
        self.stories += 1
        return nullcontext()

    def _async(self, name: str) -> Any:
        async def do(*_: Any) -> None:
            self.did.append(name)

        return do


def test_a_block_that_fails_leaves_messages_and_contexts_to_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Opened(monkeypatch, call_of())

    async def use() -> None:
        async with open_pipes(PIPES):
            raise OSError("polling failed")

    with pytest.raises(OSError, match="polling failed"):
        asyncio.run(use())
    assert opened.did == ["prepare", "break_off"]


def test_a_block_that_ends_well_is_heard_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Opened(monkeypatch, call_of())

    async def use() -> int:
        async with open_pipes(PIPES):
            return opened.stories

    inside = asyncio.run(use())
    assert opened.did == ["prepare", "finish"]
    assert (inside, opened.stories) == (1, 2), "the log of the block itself is the user's own"


def test_outside_of_flows_it_says_where_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    Opened(monkeypatch, SimpleNamespace(flow_run_ids=(), flow_run_count=1))

    async def use() -> None:
        async with open_pipes(PIPES):
            raise AssertionError("nothing is opened")

    with pytest.raises(RuntimeError, match="works inside a flow"):
        asyncio.run(use())


@pytest.mark.parametrize(
    ("names", "error"),
    [
        ("train", "a list of names"),
        ([], "is empty"),
        (["a", "a"], "twice: a"),
        (["a/b"], "'a/b'"),
        ([".."], r"'\.\.'"),
        (["x" * 101], "1 to 100"),
        ([""], "1 to 100|''"),
        ([1], "1 to 100"),
    ],
)
def test_names_that_are_no_names_of_folders_are_refused(
    monkeypatch: pytest.MonkeyPatch, names: Any, error: str
) -> None:
    Opened(monkeypatch, call_of())

    async def use() -> None:
        async with open_pipes(PIPES, names=names):
            raise AssertionError("nothing is opened")

    with pytest.raises((ValueError, TypeError), match=error):
        asyncio.run(use())


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([None, [FAILED_CHECK]], "no_nulls of main/sales"),
        ([None, None], "Prefect does not tell which checks failed before"),
        ([[FAILED_CHECK]], "another `key`"),
    ],
)
def test_a_retry_never_succeeds_because_prefect_has_forgotten_a_failed_check(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, answers: list[Any], told: str
) -> None:
    monkeypatch.setattr(session_pipes, "_remembered", AsyncMock(side_effect=answers))
    monkeypatch.setattr(report.PipesReport, "keep", AsyncMock(return_value=True))
    monkeypatch.setattr(report.PipesReport, "_show_tables", lambda self: None)
    loaded = Mock(pipes=PIPES.model_copy(update={"blocking_checks": True}))

    async def end() -> None:
        piped = JobPipes(loaded, call_of(2))
        piped._session = session_of()
        await piped._session.prepare(call_of(2), PollingPolicy())
        await piped.finish(1.0)
        piped.check(RunSnapshot(1, RunState("TERMINATED", "SUCCESS", ended=True)))

    with pytest.raises(AssetChecksFailed, match=told):
        asyncio.run(end())
