"""Messages in order, each once, attempts told apart, nothing lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from databricks_blocks.errors import DatabricksUnreachable
from databricks_blocks.pipes.looking import discard, look, pause_between_looks
from databricks_blocks.pipes.protocol import AssetCheck, Closed, CustomMessage, LogLine, Opened, StreamText
from databricks_blocks.pipes.reader import DirectoryReader

from .pipes_lab import CLOSED, OPENED, PLACE, Place, log, said, stream


def test_a_chunk_is_read_handed_on_and_deleted() -> None:
    place = Place()
    place.write(1, OPENED, log("a"), log("b"))
    place.look()
    assert place.lines == ["a", "b"]
    assert place.files == {}
    assert place.requests == ["list", "get 1.json", "delete 1.json"]
    place.requests.clear()
    place.look()
    assert place.requests == ["list"]


def test_chunks_come_in_the_order_of_their_numbers() -> None:
    place = Place()
    for number in range(1, 12):
        place.write(number, *([OPENED] if number == 1 else []), log(str(number)))
    place.look()
    assert place.lines == [str(number) for number in range(1, 12)]


def test_a_chunk_waits_for_the_one_before_it() -> None:
    place = Place()
    place.write(1, OPENED, log("a"))
    place.write(3, log("c"), modified=5_000_000)
    for _ in range(10):
        place.look()
    assert place.lines == ["a"]
    place.write(2, log("b"), modified=4_000_000)
    place.look()
    assert place.lines == ["a", "b", "c"]
    assert place.warnings == []


def test_a_chunk_that_is_missing_at_the_end_is_told_and_passed_over() -> None:
    place = Place()
    place.write(1, OPENED, log("a"))
    place.write(4, log("d"), CLOSED)
    place.look()
    place.look(over=True)
    assert place.lines == ["a"]
    assert not place.reader.is_done
    place.look(over=True)
    assert place.lines == ["a", "d"]
    assert place.reader.is_done
    (warning,) = place.warnings
    assert warning.startswith("chunks 2 to 3 are missing before 4.json")


# What is in the directory when another attempt has begun; f: of the first attempt, s: of the second.
@pytest.mark.parametrize(
    ("read_before", "first", "second", "heard", "missing"),
    [
        (5, 5, 2, "f1 f2 f3 f4 f5 s1 s2", ""),
        (2, 2, 2, "f1 f2 s1 s2", ""),
        (2, 2, 5, "f1 f2 s1 s2 s3 s4 s5", ""),
        (2, 5, 2, "f1 f2 f3 f4 f5 s1 s2", ""),
        (1, 5, 2, "f1 f3 f4 f5 s1 s2", "chunk 2 is"),
        (0, 5, 2, "f3 f4 f5 s1 s2", "chunks 1 to 2 are"),
        (3, 5, 4, "f1 f2 f3 f5 s1 s2 s3 s4", "chunk 4 is"),
        (0, 2, 3, "s1 s2 s3", ""),
        (1, 1, 1, "f1 s1", ""),
    ],
)
def test_attempts_that_share_a_directory(
    read_before: int, first: int, second: int, heard: str, missing: str
) -> None:
    place = Place()
    for number in range(1, first + 1):
        place.write(number, *([OPENED] if number == 1 else []), log(f"f{number}"))
        if number <= read_before:
            place.look()
    for number in range(1, second + 1):
        place.write(number, *([OPENED] if number == 1 else []), log(f"s{number}"))
    place.look()
    assert " ".join(place.lines) == heard
    texts = [warning for warning in place.warnings if "missing before" in warning]
    assert [text.startswith(missing) for text in texts] == ([True] if missing else [])
    numbers = {line[0]: attempt for attempt, line in place.attempts}
    assert len(set(numbers.values())) == len(numbers)
    assert place.files == {}


def test_an_attempt_that_was_killed_before_the_next_one_is_told() -> None:
    place = Place()
    place.write(1, OPENED, log("a"))
    place.look()
    place.write(1, OPENED, log("b"), CLOSED)
    place.look(over=True)
    place.finish()
    assert place.attempts == [(1, "a"), (2, "b")]
    (warning,) = place.warnings
    assert warning.startswith("attempt 1 never said `closed`")


def test_one_process_that_opens_twice_has_two_attempts() -> None:
    place = Place()
    place.write(1, OPENED, log("a"), CLOSED, OPENED, log("b"), CLOSED)
    place.look(over=True)
    place.finish()
    assert place.attempts == [(1, "a"), (2, "b")]
    assert place.warnings == []


def test_half_a_chunk_is_read_again_when_it_is_whole() -> None:
    whole = "\n".join([OPENED, log("a"), log("b")]).encode()
    for length in range(len(whole)):
        place = Place()
        place.write_bytes(1, whole[:length])
        place.look()
        # Cut between lines, half of a chunk is one; but then a newline is its end.
        cut = whole[:length].decode().count("}}") and whole[length:].startswith(b"\n")
        if not cut:
            assert place.received == [], length
            place.write_bytes(1, whole)
            place.look()
            assert place.lines == ["a", "b"], length
            assert place.warnings == []


def test_half_an_answer_is_read_again() -> None:
    place = Place()
    place.write(1, OPENED, log("a"))
    place.write(2, log("b"))
    reader = place.reader
    reader.begin(place.list(PLACE), over=False)
    assert reader.next() is not None
    reader.take(place.files["1.json"][0][:20])
    assert reader.next() is None
    assert reader.end().received == ()
    place.look()
    assert place.lines == ["a", "b"]


def test_an_answer_that_stays_half_deletes_nothing() -> None:
    """Not the file is half there, but the way to it is bad; the other half would be lost."""

    class Bad(Place):
        def get(self, path: str, start: int = 0, most: int | None = None) -> bytes | None:
            content = super().get(path, start, most)
            return content and content[: len(content) // 2]

    place = Bad()
    place.write(1, OPENED, log("a"))
    for over in (False, False, False, False, True, True, True):
        place.look(over=over)
    assert place.received == []
    assert list(place.files) == ["1.json"]
    assert not place.reader.is_done
    place.finish()
    assert place.warnings[0] == "1.json could not be read"


def test_a_file_that_could_not_be_deleted_and_is_not_listed_for_a_while_is_not_read_again() -> None:
    place = Place(cannot_delete=True)
    place.write(1, OPENED, log("a"))
    place.look()
    there, place.files = place.files, {}
    place.look()
    place.files, place.cannot_delete = there, False
    place.look()
    assert place.lines == ["a"]
    assert place.files == {}


def test_a_chunk_that_is_gone_is_looked_for_again() -> None:
    place = Place()
    place.write(1, OPENED, log("a"))
    place.reader.begin(place.list(PLACE), over=False)
    assert place.reader.next() is not None
    place.reader.take(None)
    assert place.reader.next() is None
    assert place.reader.end().delete == ()
    place.look()
    assert place.lines == ["a"]


@pytest.mark.parametrize(
    ("line", "warned"),
    [
        ("no json", "no JSON"),
        ("[1]", "it has no method"),
        ('{"method": 1}', "it has no method"),
        (said("report_weather", sky="blue"), "method `report_weather` is not known"),
        ('{"method": "log", "params": [1]}', "params of `log` are no object"),
        (said("log", level="INFO"), "`log` needs a text in `message`"),
        (
            said("report_asset_check", asset_key="a", check_name="c", passed="yes"),
            "true or false in `passed`",
        ),
        (said("report_custom_message", payload=json.loads("[" * 200 + "]" * 200)), "nested too deeply"),
        ("[" * 100_000, "no JSON"),
        ('{"a": ' + "9" * 10_000 + "}", "no JSON"),
    ],
)
def test_a_line_that_is_no_message_is_told_and_passed_over(line: str, warned: str) -> None:
    place = Place()
    place.write(1, OPENED, log("a"), line, log("b"), CLOSED)
    place.look()
    place.look()
    place.look()
    assert place.lines == ["a", "b"]
    (warning,) = [text for text in place.warnings if "line 3" in text]
    assert warned in warning
    assert len(warning) < 500


def test_many_bad_lines_do_not_flood_the_log() -> None:
    place = Place()
    place.write(1, OPENED, *[said("unknown")] * 1000, CLOSED)
    place.look()
    assert len(place.warnings) == 21
    assert place.warnings[-1] == "980 more warnings are left out"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\n", b"half of a li", b'{"method": "log", "par'])
def test_what_is_no_chunk_for_long_stops_nobody(content: bytes) -> None:
    place = Place()
    place.write(1, OPENED, log("a"))
    place.write_bytes(2, content)
    place.write(3, log("c"), CLOSED)
    for _ in range(3):
        place.look()
    assert place.lines == ["a", "c"]
    assert place.warnings[0].startswith("2.json is only half there")
    assert place.files == {}


def test_unknown_fields_severities_types_and_versions_are_told_but_read() -> None:
    check = json.loads(said("report_asset_check", asset_key="a", check_name="c", passed=True, severity="BAD"))
    check["params"]["metadata"] = {"x": {"raw_value": 1, "type": "hologram"}}
    check |= {"more": 1, "__dagster_pipes_version": "0.2"}
    check["params"]["further"] = 2
    place = Place()
    place.write(1, OPENED, json.dumps(check))
    place.look()
    (read,) = [each.message for each in place.received if isinstance(each.message, AssetCheck)]
    assert (read.severity, read.metadata["x"].plain) == ("ERROR", 1)
    assert len(place.warnings) == 3
    for text in ("version '0.2'", "type 'hologram'", "severity 'BAD'"):
        assert text in " ".join(place.warnings)


def test_nan_and_large_chunks_are_read() -> None:
    place = Place()
    text = "x" * 3_000_000
    place.write(1, OPENED, said("report_custom_message", payload={"nan": float("nan")}), log(text))
    place.look()
    (custom,) = [each.message for each in place.received if isinstance(each.message, CustomMessage)]
    assert str(custom.payload["nan"]) == "nan"
    assert place.lines == [text]


def test_what_could_not_be_deleted_is_not_read_again() -> None:
    place = Place(cannot_delete=True)
    place.write(1, OPENED, log("a"))
    place.look()
    place.requests.clear()
    place.look()
    assert place.lines == ["a"]
    assert place.requests == ["list", "delete 1.json"]
    place.write(1, OPENED, log("b"))
    place.cannot_delete = False
    place.look()
    assert place.attempts == [(1, "a"), (2, "b")]


def test_what_was_read_before_the_workspace_went_away_comes_with_the_next_look() -> None:
    class Flaky(Place):
        fails = True

        def get(self, path: str, start: int = 0, most: int | None = None) -> bytes | None:
            if self.fails and path.endswith("2.json"):
                raise DatabricksUnreachable("away")
            return super().get(path, start, most)

    place = Flaky()
    place.write(1, OPENED, log("a"))
    place.write(2, log("b"))
    with pytest.raises(DatabricksUnreachable):
        look(place, PLACE, place.reader, over=False)
    place.fails = False
    place.look()
    assert place.lines == ["a", "b"]
    assert place.files == {}


def test_a_deletion_that_fails_is_no_error_of_the_flow() -> None:
    class Stuck(Place):
        def delete(self, path: str) -> None:
            raise DatabricksUnreachable("away")

    place = Stuck()
    place.write(1, OPENED, log("a"))
    found = look(place, PLACE, place.reader, over=False)
    assert str(discard(place, PLACE, found)) == "away"


def test_a_long_backlog_is_read_in_parts() -> None:
    place = Place()
    for number in range(1, 121):
        place.write(number, *([OPENED] if number == 1 else []), log(str(number)))
    looks = [place.look() for _ in range(3)]
    assert [found.more for found in looks] == [True, True, False]
    assert place.lines == [str(number) for number in range(1, 121)]


def test_a_reader_that_goes_on_after_a_crash_misses_nothing_and_warns_of_nothing() -> None:
    place = Place(DirectoryReader(resumed=True))
    place.write(7, log("g"))
    place.write(8, log("h"), CLOSED)
    place.look()
    place.write(1, OPENED, log("again"), CLOSED)
    place.look(over=True)
    place.finish()
    assert place.attempts == [(1, "g"), (1, "h"), (2, "again")]
    assert place.warnings == []


def test_a_message_has_the_same_key_whoever_reads_it_and_another_one_in_another_attempt() -> None:
    place = Place(cannot_delete=True)
    place.write(1, OPENED, log("a"))
    place.look()
    again = Place(DirectoryReader(resumed=True), files=dict(place.files))
    again.look()
    keys = [each.key for each in place.received]
    assert [each.key for each in again.received] == keys
    place.write(1, OPENED, log("a"))
    place.look()
    assert len({each.key for each in place.received}) == 4


def test_a_message_has_the_time_of_its_chunk_or_its_own() -> None:
    place = Place()
    own = {**json.loads(log("b")), "timestamp": 1_700_000_000.25, "logger": "sales"}
    place.write(1, OPENED, log("a"), json.dumps(own), modified=1_800_000_000_000)
    place.look()
    opened, first, second = place.received
    assert isinstance(opened.message, Opened)
    assert first.time == datetime(2027, 1, 15, 8, 0, 0, 2, UTC)
    assert second.time == datetime(2023, 11, 14, 22, 13, 20, 250_000, UTC)
    assert isinstance(second.message, LogLine)
    assert second.message.logger == "sales"


def test_the_chunks_of_our_own_writer_are_kept_apart_by_the_name_of_its_process() -> None:
    """Iterations of a for-each task speak at once."""
    place = Place()
    place.write("aa-1.json", OPENED, log("a1"))
    place.write("bb-1.json", OPENED, log("b1"))
    place.look()
    place.write("bb-2.json", log("b2"), CLOSED)
    place.write("aa-2.json", log("a2"), CLOSED)
    place.look(over=True)
    place.finish()
    assert place.attempts == [(1, "a1"), (2, "b1"), (2, "b2"), (1, "a2")]
    assert place.warnings == []


def test_other_files_are_left_alone() -> None:
    place = Place()
    for name in ("context.json", "0.json", "1.json.tmp", "a-b-1.json", "-1.json"):
        place.write(name, log("no"))
    place.look()
    assert place.received == []
    assert len(place.files) == 5


def test_what_comes_after_closed_is_told_but_the_streams_end_later() -> None:
    place = Place()
    place.write(1, OPENED, stream("a\nb"), CLOSED, stream("c\n"))
    place.write(2, log("late"), log("later"))
    place.look(over=True)
    place.finish()
    assert place.warnings == ["attempt 1 goes on after it said `closed`"]
    texts = [each.message.text for each in place.received if isinstance(each.message, StreamText)]
    assert texts == ["a", "bc"]


def test_our_own_writer_goes_on_after_closed_with_the_next_cell_of_a_notebook() -> None:
    place = Place()
    place.write("a-1.json", OPENED, log("cell 1"), CLOSED)
    place.write("a-2.json", log("cell 2"), CLOSED)
    place.look(over=True)
    place.finish()
    assert place.attempts == [(1, "cell 1"), (1, "cell 2")]
    assert place.warnings == []


def test_our_own_writer_that_is_killed_in_a_later_cell_is_told() -> None:
    place = Place()
    place.write("a-1.json", OPENED, log("cell 1"), CLOSED, log("cell 2"))
    place.look(over=True)
    place.finish()
    (warning,) = place.warnings
    assert warning.startswith("attempt 1 never said `closed`")


def test_a_line_without_an_end_comes_at_the_end() -> None:
    place = Place()
    place.write(1, OPENED, stream("no end"), CLOSED)
    place.look(over=True)
    assert [type(each.message) for each in place.received] == [Opened, Closed]
    place.finish()
    assert isinstance(place.received[-1].message, StreamText)
    assert place.received[-1].message.text == "no end"


def test_silence_is_told_with_what_the_code_needs() -> None:
    place = Place(DirectoryReader(hint="Its code has to call open_dagster_pipes(…)."))
    for _ in range(2):
        assert not place.reader.is_done
        place.look(over=True)
    assert place.reader.is_done
    place.finish()
    assert place.warnings == ["nothing was heard of it. Its code has to call open_dagster_pipes(…)."]


def test_the_budget_of_looks() -> None:
    assert [pause_between_looks(running) for running in (1, 10, 50, 100)] == [2.0, 2.0, 10.0, 20.0]


def test_a_closed_exception_reads_like_a_trace_of_python() -> None:
    cause = {"message": "KeyError: 'a'\n", "stack": ["  File x\n"], "name": "KeyError", "cause": None}
    end: dict[str, Any] = {
        "message": "ValueError: b\n",
        "stack": ["  File y\n"],
        "name": "ValueError",
        "cause": cause,
    }
    place = Place()
    place.write(1, OPENED, said("closed", exception=end))
    place.look()
    closed = place.received[-1].message
    assert isinstance(closed, Closed)
    assert closed.exception is not None
    assert closed.exception.trace == (
        "Traceback (most recent call last):\n  File x\nKeyError: 'a'\n\n"
        "The above exception was the direct cause of the following exception:\n\n"
        "Traceback (most recent call last):\n  File y\nValueError: b\n"
    )


@pytest.mark.parametrize("lines", [(), (OPENED, log("a"))], ids=["silent", "open"])
def test_code_that_was_cancelled_is_blamed_for_nothing(lines: tuple[str, ...]) -> None:
    place = Place()
    if lines:
        place.write(1, *lines)
    place.look()
    assert place.reader.finish(cut_off=True).warnings == ()
