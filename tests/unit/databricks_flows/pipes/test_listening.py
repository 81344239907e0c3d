"""When a task is looked at, when its files are deleted, and when listening ends; by a clock that is set."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from databricks_blocks.errors import DatabricksUnreachable
from databricks_blocks.pipes.bootstrap import PipedTask, Session
from databricks_blocks.pipes.channel import Entry
from databricks_blocks.pipes.parameters import TaskParameters
from databricks_blocks.pipes.protocol import LogLine
from databricks_blocks.pipes.reader import Look
from databricks_flows.pipes.listening import Listening
from databricks_flows.pipes.stages import Speaker, Stage

from ...databricks_blocks.pipes.pipes_lab import CLOSED, OPENED, Place, log

SPEAKING = Speaker(Stage.SPEAKING, 1)
OVER = Speaker(Stage.OVER, 1)


@dataclass
class Volume:
    """The folders of several tasks."""

    places: dict[str, Place] = field(default_factory=dict)
    is_away: bool = False
    listed: list[tuple[float, str]] = field(default_factory=list)
    now: Callable[[], float] = lambda: 0.0

    def _of(self, path: str) -> Place:
        key = next(part for part in path.split("/") if part in self.places)
        return self.places[key]

    def list(self, directory: str) -> list[Entry]:
        if self.is_away:
            raise DatabricksUnreachable("the workspace is away")
        self.listed.append((self.now(), directory.rpartition("/")[2]))
        return self._of(directory).list(directory)

    def get(self, path: str, start: int = 0, most: int | None = None) -> bytes | None:
        return self._of(path).get(path, start, most)

    def delete(self, path: str) -> None:
        self._of(path).delete(path)

    def put(self, path: str, content: bytes) -> None:
        raise AssertionError("listening writes nothing")

    def make(self, directory: str) -> None:
        raise AssertionError("listening makes nothing")

    def clean(self, directory: str) -> None:
        raise AssertionError("listening cleans nothing")


@dataclass
class Room:
    """A listening with tasks, whose clock goes on when it sleeps."""

    keys: tuple[str, ...] = ("a",)
    resumed: bool = False
    clock: float = 100.0
    lines: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    keeps: bool = True
    at: dict[float, Callable[[], None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.volume = Volume({key: Place() for key in self.keys}, now=lambda: self.clock)
        tasks = tuple(
            PipedTask(key, f"/d/{key}", TaskParameters("/d/context.json", f"/d/{key}")) for key in self.keys
        )
        self.listening = Listening(
            self.volume,
            Session("/d", tasks),
            self,
            logging.getLogger("test"),
            resumed=self.resumed,
            clock=lambda: self.clock,
            sleep=self._sleep,
        )

    async def tell(self, task_key: str, speaker: Speaker, look: Look) -> bool:
        messages = (received.message for received in look.received)
        self.lines += [(task_key, one.message) for one in messages if isinstance(one, LogLine)]
        self.warnings += look.warnings
        return self.keeps

    async def _sleep(self, seconds: float) -> None:
        self.clock += seconds
        for time in [time for time in self.at if time <= self.clock]:
            self.at.pop(time)()
        await asyncio.sleep(0)

    def take(self, speakers: Mapping[str, Speaker]) -> None:
        self.listening.take(speakers)

    async def until(self, seconds: float) -> None:
        """Listen until the clock shows so many seconds after the beginning."""
        reached = asyncio.Event()
        self.at[100 + seconds] = reached.set
        self.listening.begin()
        await reached.wait()

    def write(self, key: str, name: int, *lines: str) -> None:
        self.volume.places[key].write(name, *lines)

    def files(self, key: str) -> list[str]:
        return sorted(self.volume.places[key].files)


@pytest.mark.parametrize(("count", "pause"), [(1, 2.0), (10, 2.0), (20, 4.0)])
def test_each_task_that_runs_is_listed_once_a_pause(count: int, pause: float) -> None:
    room = Room(tuple(f"t{number}" for number in range(count)))

    async def listen() -> None:
        room.take(dict.fromkeys(room.keys, SPEAKING))
        await room.until(5 * pause)
        await room.listening.leave()

    asyncio.run(listen())
    times = [time for time, key in room.volume.listed if key == "t0"]
    assert times[:4] == [100 + number * pause for number in range(4)]
    assert len(room.volume.listed) <= (len(times) + 1) * count


def test_a_task_that_does_not_run_is_not_listed() -> None:
    room = Room(("a", "b"))

    async def listen() -> None:
        room.take({"a": SPEAKING})
        await room.until(10)
        await room.listening.leave()

    asyncio.run(listen())
    assert {key for _, key in room.volume.listed} == {"a"}


def test_a_file_is_deleted_when_what_it_said_was_sent() -> None:
    room = Room()
    left: dict[float, list[str]] = {}
    room.write("a", 1, OPENED, log("hello"))

    async def listen() -> None:
        room.take({"a": SPEAKING})
        for time in (102.0, 104.0, 106.0):
            room.at[time] = lambda time=time: left.update({time: room.files("a")})  # type: ignore[misc]
        await room.until(8)
        await room.listening.leave()

    asyncio.run(listen())
    assert left[102.0] == left[104.0] == ["1.json"]
    assert left[106.0] == []
    assert room.lines == [("a", "hello")]


def test_what_prefect_does_not_keep_stays_in_the_volume() -> None:
    room = Room(keeps=False)
    room.write("a", 1, OPENED, log("hello"))

    async def listen() -> None:
        room.take({"a": SPEAKING})
        await room.until(20)
        await room.listening.leave()

    asyncio.run(listen())
    assert room.files("a") == ["1.json"]
    assert room.lines == [("a", "hello")]


def test_the_next_attempt_overwrites_a_file_that_was_told_and_is_heard() -> None:
    room = Room()
    room.write("a", 1, OPENED, log("first"))

    async def listen() -> None:
        room.take({"a": SPEAKING})
        room.at[103.0] = lambda: room.write("a", 1, OPENED, log("second"), CLOSED)
        await room.until(6)
        room.take({"a": Speaker(Stage.OVER, 2)})
        await room.listening.finish()

    asyncio.run(listen())
    assert room.lines == [("a", "first"), ("a", "second")]


def test_the_end_is_heard_and_what_is_missing_is_told() -> None:
    room = Room(("a", "b"))
    room.write("a", 1, OPENED, log("last"), CLOSED)

    async def listen() -> bool:
        room.take({"a": OVER, "b": OVER})
        return await room.listening.finish()

    assert asyncio.run(listen())
    assert room.lines == [("a", "last")]
    assert room.warnings == ["nothing was heard of it."]
    assert room.clock <= 104


def test_a_killed_task_is_waited_for_fifteen_seconds() -> None:
    room = Room()
    room.write("a", 1, OPENED, log("begun"))
    room.at[110.0] = lambda: room.write("a", 2, log("late"))

    async def listen() -> None:
        room.take({"a": OVER})
        await room.listening.finish()

    asyncio.run(listen())
    assert room.lines == [("a", "begun"), ("a", "late")]
    assert 115 <= room.clock <= 117
    assert any("never said `closed`" in warning for warning in room.warnings)


def test_a_task_that_was_not_run_is_not_missed() -> None:
    room = Room(("a", "b"))
    room.write("a", 1, OPENED, CLOSED)

    async def listen() -> None:
        room.take({"a": OVER})
        await room.listening.finish()

    asyncio.run(listen())
    assert room.warnings == []


def test_a_workspace_that_is_away_is_told_once_and_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    room = Room()
    room.volume.is_away = True
    room.write("a", 1, OPENED, log("hello"), CLOSED)
    room.at[120.0] = lambda: setattr(room.volume, "is_away", False)

    async def listen() -> bool:
        room.take({"a": SPEAKING})
        await room.until(30)
        room.take({"a": OVER})
        return await room.listening.finish()

    with caplog.at_level(logging.INFO):
        assert asyncio.run(listen())
    assert room.lines == [("a", "hello")]
    told = [record.getMessage() for record in caplog.records if record.name == "test"]
    assert told == ["Task a cannot be heard for now: the workspace is away", "Task a is heard again"]


def test_a_workspace_that_stays_away_ends_the_wait_and_says_that_something_is_left() -> None:
    room = Room()
    room.volume.is_away = True

    async def listen() -> bool:
        room.take({"a": OVER})
        return await room.listening.finish()

    assert not asyncio.run(listen())
    assert room.clock == 115


def test_whoever_waits_for_the_end_of_an_attempt_waits_until_it_was_heard() -> None:
    room = Room()
    room.write("a", 1, OPENED, log("first"), CLOSED)
    heard: list[list[tuple[str, str]]] = []

    async def wait() -> None:
        await room.listening.heard("a")
        heard.append(list(room.lines))

    async def listen() -> None:
        room.take({"a": OVER})
        waiting = asyncio.create_task(wait())
        await room.until(4)
        await waiting
        room.take({"a": Speaker(Stage.SPEAKING, 2)})
        again = asyncio.create_task(wait())
        await asyncio.sleep(0.01)
        assert not again.done()
        await room.listening.leave()
        await again

    asyncio.run(listen())
    assert heard[0] == [("a", "first")]


def test_a_retry_hears_what_nobody_has_told() -> None:
    room = Room(resumed=True)
    room.write("a", 7, log("seven"), CLOSED)

    async def listen() -> None:
        room.take({"a": OVER})
        await room.listening.finish()

    asyncio.run(listen())
    assert room.lines == [("a", "seven")]
    assert room.warnings == []
