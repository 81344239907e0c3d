"""What code says with the helper is what the reader of the flow hears."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from databricks_blocks.pipes.protocol import AssetCheck, CustomMessage, LogLine, Materialization
from databricks_pipes import TaskPipes

from .flow_lab import LocalFlow, until

Speak = Callable[..., tuple[LocalFlow, TaskPipes]]


@pytest.fixture
def speak(tmp_path: Path) -> Iterator[Speak]:
    made: list[TaskPipes] = []

    def begin(**options: Any) -> tuple[LocalFlow, TaskPipes]:
        flow = LocalFlow(tmp_path / f"flow-{len(made)}", **options)
        made.append(TaskPipes(flow.given.environment))
        return flow, made[-1]

    yield begin
    for pipes in reversed(made):
        pipes.stop()


def heard(flow: LocalFlow, pipes: TaskPipes) -> list[Any]:
    """All messages between `opened` and `closed`."""
    pipes.close()
    assert flow.finish().warnings == []
    assert (flow.kinds[0], flow.kinds[-1]) == ("Opened", "Closed")
    return flow.messages[1:-1]


def test_lines_come_with_time_level_and_trace(speak: Speak) -> None:
    flow, pipes = speak()
    before = datetime.now(UTC)
    pipes.log.info("read %s rows", 3)
    after = datetime.now(UTC)
    try:
        int("no such day")
    except ValueError:
        pipes.log.exception("not read")
    info, error = heard(flow, pipes)
    assert (info.message, info.level, info.logger) == ("read 3 rows", "INFO", "")
    assert before <= flow.heard[1].time <= after
    assert error.level == "ERROR"
    assert error.message.startswith("not read\nTraceback")
    assert error.message.endswith("ValueError: invalid literal for int() with base 10: 'no such day'")


def test_a_wrong_format_is_told_and_no_error(speak: Speak) -> None:
    flow, pipes = speak()
    pipes.log.info("%d rows", "three")
    (line,) = heard(flow, pipes)
    assert "%d rows" in line.message


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (3, 3),
        ("text", "text"),
        (None, None),
        ([1, 2], [1, 2]),
        ({"a": {1}}, {"a": [1]}),
        (datetime(2026, 11, 27, tzinfo=UTC), "2026-11-27T00:00:00+00:00"),
        (Path("/Volumes/x"), "/Volumes/x"),
        ({"raw_value": "https://example.org", "type": "url"}, "https://example.org"),
        (float("nan"), "NaN"),
    ],
)
def test_metadata_of_assets_and_checks(speak: Speak, value: Any, plain: Any) -> None:
    flow, pipes = speak()
    pipes.asset("main/daily", data_version="7", metadata={"of the day": value})
    pipes.check("fine", passed=True, value=value)
    made, check = heard(flow, pipes)
    assert isinstance(made, Materialization)
    assert isinstance(check, AssetCheck)
    assert (made.asset_key, made.data_version, made.metadata["of the day"].plain) == (
        "main/daily",
        "7",
        plain,
    )
    assert check.metadata["value"].plain == plain


def test_an_asset_tells_what_it_was_made_from(speak: Speak) -> None:
    flow, pipes = speak()
    pipes.asset("main/daily", upstream=["main/raw", "main/rates"])
    (made,) = heard(flow, pipes)
    assert [(each.type, each.value) for each in made.metadata.values()] == [
        ("asset", "main/raw"),
        ("asset", "main/rates"),
    ]


def test_numbers_of_numpy_are_numbers(speak: Speak) -> None:
    import numpy

    flow, pipes = speak()
    pipes.asset("a", rows=numpy.int64(3), share=numpy.float32(0.5), each=numpy.arange(2))
    (made,) = heard(flow, pipes)
    assert {name: each.plain for name, each in made.metadata.items()} == {
        "rows": 3,
        "share": 0.5,
        "each": [0, 1],
    }


def test_a_check_belongs_to_the_asset_that_was_told_last(speak: Speak) -> None:
    flow, pipes = speak()
    pipes.check("before", passed=False, severity="WARN")
    pipes.asset("main/daily")
    pipes.check("after", passed=True)
    pipes.check("other", passed=True, asset="main/other")
    checks = [each for each in heard(flow, pipes) if isinstance(each, AssetCheck)]
    assert [(each.asset_key, each.check_name, each.severity) for each in checks] == [
        ("before", "before", "WARN"),
        ("main/daily", "after", "ERROR"),
        ("main/other", "other", "ERROR"),
    ]


def test_the_only_asset_of_the_flow_needs_no_key(speak: Speak) -> None:
    flow, pipes = speak(asset_keys=["main/daily"])
    pipes.asset(rows=3)
    pipes.check("fine", passed=True)
    pipes.asset("main/other")
    made, check, told = heard(flow, pipes)
    assert made.asset_key == check.asset_key == "main/daily"
    assert isinstance(told, LogLine)
    assert "'main/other' is left out" in told.message


def test_an_asset_without_a_key_is_told_and_no_error(speak: Speak) -> None:
    flow, pipes = speak()
    pipes.asset(rows=3)
    (told,) = heard(flow, pipes)
    assert told.level == "WARNING"


def test_any_payload_is_sent_or_told(speak: Speak) -> None:
    class Unfriendly:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    circle: list[Any] = []
    circle.append(circle)
    flow, pipes = speak()
    for payload in ({"files": ["a.csv"]}, {1, 2}, "\ud800", circle, {(1, 2): 3}, Unfriendly()):
        pipes.message(payload)
    said = heard(flow, pipes)
    sent = [each.payload for each in said if isinstance(each, CustomMessage)]
    assert sent == [{"files": ["a.csv"]}, [1, 2], "\ud800"]
    assert [type(each).__name__ for each in said[3:]] == ["LogLine"] * 3


def test_what_the_flow_gives_can_be_read(speak: Speak) -> None:
    _, pipes = speak()
    assert pipes.listening
    assert pipes.extras == {"day": "2026-11-27"}
    given = (pipes.partition_key, pipes.run_id, pipes.flow_name, pipes.retry_number)
    assert given == ("eu", "run-1", "a flow", 2)


def test_extras_that_cannot_be_read_are_an_error_where_they_are_asked_for(tmp_path: Path) -> None:
    """A default in their place would make other data."""
    flow = LocalFlow(tmp_path / "flow")
    (tmp_path / "flow" / "context.json").unlink()
    pipes = TaskPipes(flow.given.environment)
    try:
        pipes.asset("still/told", rows=1)
        with pytest.raises(RuntimeError, match="cannot be read: FileNotFoundError"):
            pipes.extras.get("day", "today")
    finally:
        pipes.stop()
    assert "Materialization" in flow.finish().kinds


def test_logging_of_others_comes_with_their_names_and_stays_as_it_was(speak: Speak) -> None:
    flow, pipes = speak()
    handlers = list(logging.getLogger().handlers)
    ours = logging.getLogger("theirs.module")
    ours.warning("careful")
    ours.debug("not wanted by its level")
    quiet = logging.getLogger("theirs.quiet")
    quiet.propagate = False
    quiet.error("heard all the same")
    noisy = logging.getLogger("py4j.clientserver")
    noisy.setLevel(logging.INFO)
    noisy.info("Received command c on object id p0")
    said = [(each.message, each.level, each.logger) for each in heard(flow, pipes)]
    assert said == [
        ("careful", "WARNING", "theirs.module"),
        ("heard all the same", "ERROR", "theirs.quiet"),
    ]
    assert logging.getLogger().handlers == handlers


def test_it_can_be_used_after_it_was_closed(speak: Speak) -> None:
    flow, pipes = speak()
    for number in range(2):
        with pipes:
            pipes.log.info("line %s", number)
    assert flow.finish().warnings == []
    assert flow.kinds == ["Opened", "LogLine", "Closed", "LogLine", "Closed"]
    assert {each.attempt for each in flow.heard} == {1}


def test_an_exception_of_the_block_is_told_with_its_causes(speak: Speak) -> None:
    flow, pipes = speak()

    def fail() -> None:
        try:
            {}["cause"]
        except KeyError as error:
            raise ValueError("no such day") from error

    with pytest.raises(ValueError, match="no such day"), pipes:
        fail()
    ended = flow.finish().messages[-1].exception
    assert (ended.name, ended.cause.name) == ("ValueError", "KeyError")
    assert ended.message == "ValueError: no such day\n"
    assert "fail()" in ended.trace


def test_it_sends_each_second_and_keeps_lines_of_a_second_together(speak: Speak) -> None:
    flow, pipes = speak()
    until(lambda: list(flow.folder.iterdir()))
    for number in range(20):
        pipes.log.info("line %s", number)
    until(lambda: len(list(flow.folder.iterdir())) == 2)
    assert [name.name.partition("-")[2] for name in sorted(flow.folder.iterdir())] == ["1.json", "2.json"]
    flow.listen(over=False)
    assert len(flow.lines) == 20


def test_the_flow_says_how_often_it_sends(speak: Speak) -> None:
    """Many tasks that send each second are more than a flow can read in a second."""
    slow_flow, slow = speak(interval=60)
    quick_flow, quick = speak()
    for flow in (slow_flow, quick_flow):
        until(lambda flow=flow: flow.chunks == ["1"])
    for number, wanted in enumerate((["1", "2"], ["1", "2", "3"])):
        slow.log.info("line %s", number)
        quick.log.info("line %s", number)
        until(lambda wanted=wanted: quick_flow.chunks == wanted)
    assert slow_flow.chunks == ["1"]
    # A chunk holds all that was said since the one before.
    assert slow.flush(20)
    assert slow_flow.chunks == ["1", "2"]
    slow_flow.listen(over=False)
    assert slow_flow.lines == ["line 0", "line 1"]


def test_more_than_a_chunk_waits_for_no_interval(speak: Speak, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("databricks_pipes._LARGEST_CHUNK", 1000)
    flow, pipes = speak(interval=60)
    until(lambda: flow.chunks == ["1"])
    for number in range(20):
        pipes.log.info("line %s", number)
    until(lambda: len(flow.chunks) > 2)


@pytest.mark.parametrize("interval", [None, "5", True, 0, -1, float("nan"), 1e9, [1]])
def test_an_odd_interval_is_a_second(tmp_path: Path, interval: Any) -> None:
    flow = LocalFlow(tmp_path / "flow", interval=interval)
    pipes = TaskPipes(flow.given.environment)
    try:
        until(lambda: flow.chunks == ["1"])
        pipes.log.info("a line")
        until(lambda: flow.chunks == ["1", "2"])
    finally:
        pipes.stop()


def test_attempts_are_kept_apart(tmp_path: Path) -> None:
    flow = LocalFlow(tmp_path / "flow")
    for attempt in ("first", "second"):
        pipes = TaskPipes(flow.given.environment)
        pipes.log.info(attempt)
        pipes.stop()
    flow.finish()
    told = [(each.attempt, each.message.message) for each in flow.heard if isinstance(each.message, LogLine)]
    assert sorted(message for _, message in told) == ["first", "second"]
    assert {attempt for attempt, _ in told} == {1, 2}
    assert flow.warnings == []


def test_a_folder_that_is_away_is_told_once_fails_nothing_and_loses_nothing(
    speak: Speak, capsys: pytest.CaptureFixture[str]
) -> None:
    flow, pipes = speak()
    until(lambda: list(flow.folder.iterdir()))
    flow.listen(over=False)
    flow.folder.rename(flow.root / "away")
    pipes.log.info("while it is away")
    assert not pipes.flush(20)
    pipes.log.info("still away")
    assert not pipes.flush(0.01)
    assert capsys.readouterr().err.count("cannot be written") == 1
    (flow.root / "away").rename(flow.folder)
    pipes.close()
    assert flow.finish().lines == ["while it is away", "still away"]
    assert flow.warnings == []


def take_away_the_folder(flow: LocalFlow) -> None:
    """Once the first messages are written."""
    until(lambda: list(flow.folder.iterdir()))
    flow.folder.rename(flow.root / "away")


def test_what_waits_is_bounded_and_what_is_left_out_is_counted(
    speak: Speak, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("databricks_pipes._MOST_WAITING", 3000)
    monkeypatch.setattr("databricks_pipes._LARGEST_CHUNK", 1000)
    flow, pipes = speak()
    take_away_the_folder(flow)
    for number in range(100):
        pipes.log.info("line %s", number)
    pipes.asset("never/left/out")
    (flow.root / "away").rename(flow.folder)
    pipes.close()
    lines = flow.finish().lines
    kept = [line for line in lines if line.startswith("line")]
    assert kept == [f"line {number}" for number in range(len(kept))]
    assert f"{100 - len(kept)} lines are left out" in lines[-1]
    assert "Materialization" in flow.kinds


def test_messages_that_cannot_be_written_do_not_fill_the_memory(
    speak: Speak, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where the principal of the run may not write to the volume."""
    monkeypatch.setattr("databricks_pipes._MOST_WAITING", 3000)
    monkeypatch.setattr("databricks_pipes._MOST_KEPT", 6000)
    flow, pipes = speak()
    take_away_the_folder(flow)
    for number in range(100):
        pipes.message({"number": number})
        pipes.log.info("line %s", number)
    assert not pipes.flush(20)
    assert "assets, checks and messages for the flow are left out" in capsys.readouterr().err
    (flow.root / "away").rename(flow.folder)
    pipes.close()
    assert flow.finish().warnings == []
    kept = [each.payload["number"] for each in flow.messages if isinstance(each, CustomMessage)]
    assert kept == list(range(len(kept)))
    assert 20 < len(kept) < 60
    # Lines make room for them first.
    lines = [line for line in flow.lines if line.startswith("line")]
    assert len(lines) < len(kept)
    told = [line.partition(" are left out")[0] for line in flow.lines if "left out" in line]
    assert sorted(told) == sorted(
        [f"{100 - len(lines)} lines", f"{100 - len(kept)} assets, checks and messages"]
    )
    assert flow.kinds[-1] == "Closed"


def test_output_without_line_ends_costs_as_much_a_piece_as_any_other(speak: Speak) -> None:
    """To add each piece to a text is to copy the text: a hundred times the work for ten times the pieces."""
    _, pipes = speak(include_stdio=True)

    def seconds(pieces: int) -> float:
        before = time.thread_time()
        for _ in range(pieces):
            pipes._write_output("stdout", "a piece of a line that does not end yet ")
        return time.thread_time() - before

    few = min(seconds(2_000) for _ in range(3))
    assert seconds(20_000) < 40 * few


class NoTruth:
    """As a column of Spark, or an array: it is neither true nor false."""

    def __bool__(self) -> bool:
        raise ValueError("the truth value is ambiguous")

    __str__ = __repr__ = __bool__  # type: ignore[assignment]


@pytest.mark.parametrize(
    "upstream", ["main/raw", ["main/raw"], ("main/raw",), {"main/raw"}, iter(["main/raw"])]
)
def test_one_upstream_asset_may_be_a_text(speak: Speak, upstream: Any) -> None:
    flow, pipes = speak()
    pipes.asset("main/daily", upstream=upstream)
    (made,) = heard(flow, pipes)
    assert [each.value for each in made.metadata.values()] == ["main/raw"]


@pytest.mark.parametrize(
    ("say", "kinds", "told"),
    [
        (lambda pipes: pipes.asset("a", upstream=None), ["Materialization"], ""),
        (lambda pipes: pipes.asset("a", metadata=[1]), ["LogLine", "Materialization"], "metadata [1]"),
        (lambda pipes: pipes.asset("a", upstream=5), ["LogLine", "Materialization"], "upstream 5"),
        (lambda pipes: pipes.asset("a", data_version=NoTruth()), ["LogLine"], "asset a is left out"),
        (lambda pipes: pipes.asset(NoTruth()), ["LogLine"], "asset NoTruth is left out"),
        (lambda pipes: pipes.asset("a", metadata={NoTruth(): 1}), ["LogLine"], "asset a is left out"),
        (
            lambda pipes: pipes.check("c", passed=NoTruth()),
            ["LogLine"],
            "check c is left out: ValueError: the",
        ),
        (lambda pipes: pipes.check("c", True, metadata="m"), ["LogLine", "AssetCheck"], "metadata m"),
        (lambda pipes: pipes.check(7, True, asset=8), ["AssetCheck"], ""),
        (lambda pipes: pipes.log.info(NoTruth()), ["LogLine"], "NoTruth"),
    ],
)
def test_what_cannot_be_told_is_left_out_and_fails_no_task(
    speak: Speak, say: Callable[[TaskPipes], None], kinds: list[str], told: str
) -> None:
    flow, pipes = speak()
    say(pipes)
    said = heard(flow, pipes)
    assert [type(each).__name__ for each in said] == kinds
    assert all(told in line for line in flow.lines)


def test_metadata_with_the_names_of_the_protocol_is_metadata(speak: Speak) -> None:
    column = {"raw_value": 1, "type": ["int", "null"]}
    flow, pipes = speak()
    pipes.asset("a", column=column)
    (made,) = heard(flow, pipes)
    assert made.metadata["column"].plain == column


@pytest.mark.parametrize(
    "given",
    [
        {"DAGSTER_PIPES_CONTEXT": "x", "DAGSTER_PIPES_MESSAGES": "no base64 !"},
        {"DAGSTER_PIPES_CONTEXT": "x", "DAGSTER_PIPES_MESSAGES": "eJyrVkrLz1eyUkpKLFKqBQAj1gS6"},
        {"DAGSTER_PIPES_CONTEXT": "x"},
    ],
)
def test_parameters_that_cannot_be_read_are_told_in_one_line(
    given: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    pipes = TaskPipes(given)
    pipes.log.info("nobody hears this")
    pipes.asset("a", rows=1)
    pipes.close()
    told = capsys.readouterr().err
    assert told.startswith("databricks_pipes: the flow cannot be told anything")
    assert told.count("\n") == 1
