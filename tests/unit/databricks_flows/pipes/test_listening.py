"""When a task is looked at, when its files are deleted, and when listening ends; by a clock that is set."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import pytest
from databricks_blocks.errors import DatabricksUnreachable
from databricks_blocks.pipes.bootstrap import PipedTask, Session
from databricks_blocks.pipes.channel import Entry
from databricks_blocks.pipes.parameters import TaskParameters
from databricks_blocks.pipes.protocol import LogLine
from databricks_blocks.pipes.received import Look
from databricks_blocks.run.snapshot import TaskAttempt
from databricks_blocks.run.states import RunState
from databricks_flows.pipes import listening
from databricks_flows.pipes.listening import Listening
from databricks_flows.pipes.stages import Speaker, Stage

from ...databricks_blocks.pipes.pipes_lab import CLOSED, OPENED, Place, log

RUNNING = RunState("RUNNING")
ENDED = RunState("TERMINATED", "SUCCESS", ended=True)


def attempts(*states: RunState, first: int = 1, worked: int = 5) -> tuple[TaskAttempt, ...]:
    """Attempts at a task, in order."""
    return tuple(
        TaskAttempt("a", number, number, state, execution_duration=worked)
        for number, state in enumerate(states, start=first)
    )


SPEAKING = Speaker(Stage.SPEAKING, attempts(RUNNING))
OVER = Speaker(Stage.OVER, attempts(ENDED))
SECOND_SPEAKS = Speaker(Stage.SPEAKING, attempts(ENDED, RUNNING))
SECOND_OVER = Speaker(Stage.OVER, attempts(ENDED, ENDED))


@dataclass
class Volume:
    """The folders of several tasks."""

    places: dict[str, Place] = field(default_factory=dict)
    is_away: bool = False
    listed: list[tuple[float, str]] = field(default_factory=list)
    requests: int = 0
    takes: Callable[[], None] = lambda: None
    now: Callable[[], float] = lambda: 0.0

    def _of(self, path: str) -> Place:
        key = next(part for part in path.split("/") if part in self.places)
        return self.places[key]

    def list(self, directory: str) -> list[Entry]:
        self._note()
        if self.is_away:
            raise DatabricksUnreachable("the workspace is away")
        self.listed.append((self.now(), directory.rpartition("/")[2]))
        return self._of(directory).list(directory)

    def get(self, path: str, start: int = 0, most: int | None = None) -> bytes | None:
        self._note()
        return self._of(path).get(path, start, most)

    def delete(self, path: str) -> None:
        self._note()
        self._of(path).delete(path)

    def _note(self) -> None:
        self.requests += 1
        self.takes()

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
    prefect_is_there: bool = True
    tells: Callable[[str, Look], Awaitable[None]] | None = None
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

    async def answers(self) -> bool:
        return self.prefect_is_there

    async def tell(self, task_key: str, speaker: Speaker, look: Look) -> bool:
        if self.tells is not None:
            await self.tells(task_key, look)
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
        room.take({"a": SECOND_OVER})
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
    (warning,) = room.warnings
    assert warning.startswith("nothing was heard of it. Whoever it runs as")
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
        await room.listening.heard("a", 1)
        heard.append(list(room.lines))

    async def listen() -> None:
        room.take({"a": OVER})
        waiting = asyncio.create_task(wait())
        await room.until(4)
        await waiting
        await room.listening.leave()

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


def test_a_backlog_that_shrinks_is_heard_to_its_end_however_long_it_takes() -> None:
    room = Room()
    for number in range(200):
        room.write("a", number + 1, log(str(number)))

    async def tells(task_key: str, look: Look) -> None:
        # Each piece takes longer than the whole drain.
        room.clock += 20

    room.tells = tells

    async def listen() -> bool:
        room.take({"a": OVER})
        return await room.listening.finish()

    assert asyncio.run(listen())
    assert [line for _, line in room.lines] == [str(number) for number in range(200)]


def test_what_was_not_told_in_time_is_said_and_stays(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "SECONDS_OF_A_LOOK", 0.1)
    room = Room(("a", "b"))
    for key in room.keys:
        room.write(key, 1, OPENED, log("words"), CLOSED)

    async def tells(task_key: str, look: Look) -> None:
        if task_key == "a":
            await asyncio.sleep(3600)

    room.tells = tells

    async def listen() -> bool:
        room.take({"a": OVER, "b": OVER})
        return await room.listening.finish(0.5)

    assert not asyncio.run(listen())
    assert room.lines == [("b", "words")]
    assert room.files("a") == ["1.json"]
    told = [record.getMessage() for record in caplog.records if record.name == "test"]
    assert told == ["Task a: 1 file is not told yet; it stays in /d"]


def test_a_teller_that_fails_once_costs_no_message_and_no_other_task(
    caplog: pytest.LogCaptureFixture,
) -> None:
    room = Room(("a", "b"))
    for key in room.keys:
        room.write(key, 1, OPENED, log("words"), CLOSED)
    failures = [TypeError("odd")]

    async def tells(task_key: str, look: Look) -> None:
        if task_key == "a" and failures:
            raise failures.pop()

    room.tells = tells

    async def listen() -> bool:
        room.take(dict.fromkeys(room.keys, SPEAKING))
        await room.until(6)
        room.take(dict.fromkeys(room.keys, OVER))
        return await room.listening.finish()

    assert asyncio.run(listen())
    assert sorted(room.lines) == [("a", "words"), ("b", "words")]
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert told == ["Task a cannot be heard for now: TypeError('odd')"]


def test_a_fault_that_stays_fails_no_flow() -> None:
    room = Room()
    room.write("a", 1, OPENED, log("words"), CLOSED)

    async def tells(task_key: str, look: Look) -> None:
        raise TypeError("odd")

    room.tells = tells

    async def listen() -> bool:
        room.take({"a": OVER})
        return await room.listening.finish()

    assert not asyncio.run(listen())


def test_a_job_that_starts_over_is_heard_to_its_second_end() -> None:
    room = Room(resumed=True)
    room.write("a", 1, OPENED, log("first run"), CLOSED)

    async def listen() -> bool:
        room.take({"a": OVER})
        await room.until(4)
        room.take({"a": Speaker(Stage.SPEAKING, attempts(RUNNING, first=7))})
        await room.until(8)
        room.write("a", 1, OPENED, log("second run"), CLOSED)
        room.take({"a": Speaker(Stage.OVER, attempts(ENDED, first=7))})
        return await room.listening.finish()

    assert asyncio.run(listen())
    assert room.lines == [("a", "first run"), ("a", "second run")]


def test_an_attempt_is_let_go_when_the_next_one_speaks() -> None:
    room = Room()

    async def listen() -> None:
        room.take({"a": SECOND_SPEAKS})
        room.listening.begin()
        await asyncio.wait_for(room.listening.heard("a", 1), 5)
        waits = asyncio.create_task(room.listening.heard("a", 2))
        await asyncio.sleep(0.01)
        assert not waits.done()
        await room.listening.leave()
        await waits

    asyncio.run(listen())


def test_an_attempt_does_not_wait_for_a_workspace_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "SECONDS_TO_DRAIN", 0.05)
    monkeypatch.setattr(listening, "SECONDS_OF_A_LOOK", 0.05)
    room = Room()
    room.volume.is_away = True

    async def listen() -> None:
        room.take({"a": OVER})
        await asyncio.wait_for(room.listening.heard("a", 1), 5)

    asyncio.run(listen())


def test_nothing_is_told_or_deleted_while_prefect_is_away() -> None:
    room = Room(prefect_is_there=False)
    room.write("a", 1, OPENED, log("words"), CLOSED)

    async def listen() -> None:
        room.take({"a": SPEAKING})
        await room.until(50)
        assert room.lines == []
        assert room.files("a") == ["1.json"]
        room.prefect_is_there = True
        await room.until(70)
        await room.listening.leave()

    asyncio.run(listen())
    assert room.lines == [("a", "words")]
    assert room.files("a") == []


def test_a_file_that_is_written_anew_just_before_its_forerunner_would_be_deleted_is_heard() -> None:
    room = Room()
    room.write("a", 1, OPENED, log("first"), CLOSED)

    async def tells(task_key: str, look: Look) -> None:
        # A look that has files to delete, between its listing and its end.
        if room.clock == 104.0:
            room.write("a", 1, OPENED, log("second"), CLOSED)

    room.tells = tells

    async def listen() -> None:
        room.take({"a": SPEAKING})
        room.at[103.0] = lambda: room.write("a", 2, log("more"))
        await room.until(8)
        room.take({"a": OVER})
        await room.listening.finish()

    asyncio.run(listen())
    assert ("a", "second") in room.lines


def test_a_task_of_which_databricks_shows_no_work_is_heard_and_not_missed() -> None:
    room = Room(("a", "b"))
    room.write("a", 1, OPENED, log("crashed"), CLOSED)
    crashed = Speaker(Stage.OVER, attempts(ENDED, worked=0))

    async def listen() -> bool:
        room.take({"a": crashed, "b": crashed})
        return await room.listening.finish()

    assert asyncio.run(listen())
    assert room.lines == [("a", "crashed")]
    assert room.warnings == []


def test_ten_tasks_that_talk_all_the_time_are_heard_within_the_budget() -> None:
    """Each request takes 100 ms, four are made at once; the helper writes every two seconds."""
    room = Room(tuple(f"t{number}" for number in range(10)))
    written = 0

    def takes() -> None:
        nonlocal written
        room.clock += 0.1 / 4
        while written * 2 < room.clock - 100 and written < 60:
            written += 1
            for key in room.keys:
                room.write(key, written, log(str(written)))

    room.volume.takes = takes

    async def listen() -> bool:
        room.take(dict.fromkeys(room.keys, SPEAKING))
        await room.until(120)
        assert len(room.lines) >= 10 * (written - 5)
        assert room.volume.requests <= 16 * 120
        room.take(dict.fromkeys(room.keys, OVER))
        return await room.listening.finish()

    assert asyncio.run(listen())
    assert len(room.lines) == 10 * written


def test_code_that_was_cancelled_in_the_middle_leaves_nothing() -> None:
    room = Room()
    room.write("a", 1, OPENED, log("words"))

    async def listen() -> bool:
        room.take({"a": OVER})
        return await room.listening.finish(5, cut_off=True)

    assert asyncio.run(listen())
    assert room.lines == [("a", "words")]
    assert room.warnings == []
