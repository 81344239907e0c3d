"""Whatever happens between writers and reader: nothing is heard twice, or out of order, or lost."""

from __future__ import annotations

from databricks_blocks.pipes.channel import Entry
from databricks_blocks.pipes.looking import discard, look
from databricks_blocks.pipes.reader import DirectoryReader
from hypothesis import given, settings
from hypothesis import strategies as st

from .pipes_lab import CLOSED, OPENED, PLACE, Place, log

EVENTS = st.lists(
    st.sampled_from(
        ["chunk", "chunk", "chunk", "look", "look", "half", "hidden", "stuck", "attempt", "crash"]
    ),
    max_size=60,
)


class Storage(Place):
    """A directory that answers with halves, shows new files late, and does not delete."""

    half = hidden = False

    def list(self, directory: str) -> list[Entry]:
        entries = super().list(directory)
        newest = max((entry.modified for entry in entries), default=0)
        return [entry for entry in entries if not (self.hidden and entry.modified == newest)]

    def get(self, path: str, start: int = 0, most: int | None = None) -> bytes | None:
        content = super().get(path, start, most)
        return content[: len(content) // 2] if content and self.half else content


class Story:
    """Attempts that write one line a chunk, one after the other."""

    def __init__(self) -> None:
        self.place = Storage()
        self.attempt, self.number = 1, 0
        self.written: dict[str, tuple[int, int]] = {}
        self.overwritten: set[tuple[int, int]] = set()
        self.heard: dict[tuple[int, int], int] = {}
        self.readers = 0

    def happen(self, event: str) -> None:
        if event == "chunk":
            self.write()
        elif event == "attempt":
            self.attempt, self.number = self.attempt + 1, 0
            self.write()
        elif event == "crash":
            # What was handed on is deleted in these stories, so that a new reader finds only what is new.
            self.look()
            self.place.reader = DirectoryReader(resumed=True)
            self.readers += 1
        else:
            self.place.half, self.place.hidden = event == "half", event == "hidden"
            self.place.cannot_delete = event == "stuck"
            self.look()
            self.place.half = self.place.hidden = self.place.cannot_delete = False

    def write(self, *more: str) -> None:
        self.number += 1
        name = f"{self.number}.json"
        line = (self.attempt, self.number)
        if name in self.written and self.written[name] not in self.heard:
            self.overwritten.add(self.written[name])
        self.written[name] = line
        first = [OPENED] if self.number == 1 else []
        self.place.write(name, *first, log(f"{self.attempt} {self.number}"), *more)

    def look(self, *, over: bool = False) -> None:
        found = look(self.place, PLACE, self.place.reader, over=over)
        discard(self.place, PLACE, found)
        before = len(self.place.lines)
        self.place.received += found.received
        self.place.warnings += found.warnings
        for text in self.place.lines[before:]:
            attempt, number = map(int, text.split())
            assert (attempt, number) not in self.heard, "heard twice"
            self.heard[attempt, number] = len(self.heard)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(EVENTS)
def test_nothing_is_lost_doubled_or_out_of_order(events: list[str]) -> None:
    story = Story()
    story.write()
    for event in events:
        story.happen(event)
    story.write(CLOSED)
    for _ in range(4):
        story.look(over=True)
    assert story.place.reader.is_done
    story.place.reader.finish()
    every = {
        (attempt, number)
        for attempt in range(1, story.attempt + 1)
        for number in range(1, 100)
        if (attempt, number) in story.heard or (attempt, number) in story.written.values()
    }
    assert set(story.heard) == every - story.overwritten
    assert list(story.heard) == sorted(story.heard), "out of order"
    assert story.place.files == {}
    if not story.readers:
        # An attempt whose first chunk was overwritten cannot be told from the one before.
        begun = [heard for heard, said in story.place.attempts if said.endswith(" 1")]
        assert len(set(begun)) == len(begun)
