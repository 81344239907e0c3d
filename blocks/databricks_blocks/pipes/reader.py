"""Reads the messages of one task: in order, each once, attempts told apart, nothing lost. Pure.

`listening` asks for the listing and the chunks; this decides which, and what they say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from databricks_blocks.pipes.channel import Entry
from databricks_blocks.pipes.chunks import (
    Chunk,
    Position,
    Step,
    any_lines,
    next_step,
    read_name,
    whole_lines,
)
from databricks_blocks.pipes.message_lines import read_line
from databricks_blocks.pipes.protocol import AnyMessage, Closed, Malformed, Opened, StreamText
from databricks_blocks.pipes.received import Look, Received, moment
from databricks_blocks.pipes.streams import StreamLines
from databricks_blocks.safe_text import one_line

_MOST_CHUNKS = 50
_MOST_BYTES = 2 << 20
"""Chunks and bytes that are read at one look, so that a long backlog keeps nobody waiting."""
_MOST_WARNINGS = 20
_LONGEST_WARNING = 1000
_LOOKS_AT_HALF_A_CHUNK = 3
_LOOKS_AT_THE_END = 2
"""Looks after which what is missing, or is half there, stays so; when the task has ended, fewer."""


@dataclass
class _Attempt:
    number: int
    streams: StreamLines
    is_open: bool = False
    is_closed: bool = False
    is_told_after_end: bool = False
    latest: Received | None = None


@dataclass
class _Writer:
    position: Position
    unread: list[Chunk] = field(default_factory=list)
    attempt: _Attempt | None = None
    waits: int = 0
    is_postponed: bool = False


class DirectoryReader:
    """Reads the directory of one task."""

    def __init__(self, *, resumed: bool = False, hint: str = "") -> None:
        """Begin to read.

        Args:
            resumed: Whether an earlier process may have read from the directory.
            hint: What the code has to do, for the warning that nothing was heard.
        """
        self._resumed = resumed
        self._hint = hint
        self._writers: dict[str, _Writer] = {}
        self._told: dict[str, Entry] = {}
        self._tries: dict[Entry, int] = {}
        self._attempts = 0
        self._is_over = False
        self._looks_at_the_end = 0
        self._step: Step | None = None
        self._read = 0
        self._bytes = 0
        self._files_read = 0
        self._names: list[str] = []
        self._received: list[Received] = []
        self._warnings: list[str] = []
        self._delete: list[str] = []

    @property
    def has_heard(self) -> bool:
        """Whether anything was heard."""
        return self._attempts > 0

    @property
    def files_read(self) -> int:
        """How many files were read since the beginning."""
        return self._files_read

    @property
    def unread(self) -> int:
        """How many files with messages the last listing showed that are not read."""
        return sum(len(writer.unread) for writer in self._writers.values())

    @property
    def still_there(self) -> tuple[str, ...]:
        """Files that were read and that the listing shows unchanged; right after `begin`."""
        return tuple(self._delete)

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to be expected of a task that has ended."""
        attempts = [writer.attempt for writer in self._writers.values() if writer.attempt]
        if self._looks_at_the_end < (1 if self._attempts else _LOOKS_AT_THE_END):
            return False
        return not self.unread and not any(attempt.is_open for attempt in attempts)

    def begin(self, listing: Sequence[Entry], *, over: bool) -> None:
        """Begin a look.

        Args:
            listing: What is in the directory.
            over: Whether the task has ended, so that nothing more is written.
        """
        self._is_over, self._read, self._bytes = over, 0, 0
        if not over:
            self._looks_at_the_end = 0
        # What could not be deleted the last time.
        self._delete = [entry.name for entry in listing if self._told.get(entry.name) == entry]
        for writer in self._writers.values():
            writer.unread, writer.is_postponed = [], False
        for entry in listing:
            chunk = read_name(entry)
            if chunk is not None and self._told.get(entry.name) != entry:
                self._writer(chunk.writer).unread.append(chunk)

    def next(self) -> Entry | None:
        """The file to read now; `None`: none."""
        if self._is_full:
            return None
        steps = [step for writer in self._writers.values() if (step := self._next_of(writer))]
        self._step = min(steps, key=lambda step: step.chunk.entry.modified, default=None)
        return self._step.chunk.entry if self._step else None

    def take(self, content: bytes | None) -> None:
        """Take what is in the file that `next` named; `None`: it is gone."""
        if self._step is None:
            raise ValueError("take() comes after a next() that named a file")
        step, self._step, self._read = self._step, None, self._read + 1
        self._files_read += 1
        self._bytes += len(content or b"")
        writer, entry = self._writer(step.chunk.writer), step.chunk.entry
        lines = None if content is None else whole_lines(content, entry.size)
        if lines is None:
            tries = self._tries[entry] = self._tries.get(entry, 0) + 1
            enough = tries >= (_LOOKS_AT_THE_END if self._is_over else _LOOKS_AT_HALF_A_CHUNK)
            # Half an answer is a fault on the way: deleted now, the other half would be lost.
            if content is None or len(content) != entry.size or not enough:
                writer.is_postponed = True
                return
            lines = any_lines(content)
            self._warn(f"{entry.name} is only half there, or no chunk of messages; its lines: {len(lines)}")
        self._tries.pop(entry, None)
        self._note(writer, step)
        self._deliver(writer, entry, lines)
        writer.unread.remove(step.chunk)
        writer.position, writer.waits = writer.position.after(step), 0
        self._told[entry.name] = entry
        self._delete.append(entry.name)
        self._names.append(entry.name)

    def end(self) -> Look:
        """End a look, and hand out what it has brought."""
        more = self._is_full
        if not more:
            self._looks_at_the_end += self._is_over
            for writer in self._writers.values():
                writer.waits += self._is_over and bool(writer.unread)
        return self._handed_out(more=more)

    def finish(self, *, cut_off: bool = False) -> Look:
        """Say at the end what is missing; the task has run, and has ended.

        Args:
            cut_off: Whether the task was cancelled, so that it is no wonder that something is missing.
        """
        for writer in self._writers.values():
            self._end_attempt(writer)
            for chunk in writer.unread:
                self._warn(f"{chunk.entry.name} could not be read")
        if cut_off:
            self._warnings = []
        elif not self._attempts and not self._resumed:
            self._warn(f"nothing was heard of it. {self._hint}".rstrip())
        return self._handed_out()

    def _handed_out(self, *, more: bool = False) -> Look:
        warnings, left_out = self._warnings[:_MOST_WARNINGS], len(self._warnings) - _MOST_WARNINGS
        if left_out > 0:
            warnings.append(f"{left_out} more warnings are left out")
        received, delete, read = tuple(self._received), tuple(self._delete), tuple(self._names)
        look = Look(received, tuple(warnings), delete, more, read)
        self._received, self._warnings, self._delete, self._names = [], [], [], []
        return look

    @property
    def _is_full(self) -> bool:
        return self._read >= _MOST_CHUNKS or self._bytes >= _MOST_BYTES

    def _writer(self, name: str) -> _Writer:
        return self._writers.setdefault(name, _Writer(Position(None if self._resumed else 1)))

    def _next_of(self, writer: _Writer) -> Step | None:
        if writer.is_postponed:
            return None
        skip = self._is_over and writer.waits >= _LOOKS_AT_THE_END - 1
        return next_step(writer.unread, writer.position, skip_missing=skip)

    def _note(self, writer: _Writer, step: Step) -> None:
        if step.begins:
            self._end_attempt(writer)
        if step.missing:
            first, last = step.missing[0], step.missing[-1]
            which = f"chunk {first} is" if first == last else f"chunks {first} to {last} are"
            self._warn(
                f"{which} missing before {step.chunk.entry.name}: overwritten by another attempt before it "
                "was read, or lost by its writer"
            )

    def _deliver(self, writer: _Writer, entry: Entry, lines: list[str]) -> None:
        written = datetime.fromtimestamp(entry.modified / 1000, UTC)
        received: list[Received] = []
        for number, line in enumerate(lines, start=1):
            message, notes = read_line(line)
            for note in notes:
                self._warn(f"{entry.name}, line {number}: {note}")
            if isinstance(message, Malformed):
                self._warn(f"{entry.name}, line {number}: {message.reason}: {message.line}")
                continue
            time = written + timedelta(microseconds=number)
            if message.timestamp is not None:
                time = moment(message.timestamp) or time
            # The streams of an attempt are kept apart, so what was received belongs to the attempt before.
            if isinstance(message, Opened):
                self._hand_on(writer, received)
                received = []
            attempt = self._attempt(writer, message)
            key = f"{entry.name}@{entry.modified}#{number}"
            received.append(Received(message, attempt.number, entry.name, number, time, key))
        self._hand_on(writer, received)

    def _attempt(self, writer: _Writer, message: AnyMessage) -> _Attempt:
        """The attempt that a message belongs to."""
        if isinstance(message, Opened):
            self._end_attempt(writer)
        if writer.attempt is None:
            self._attempts += 1
            # Only our own writer has a name, and its streams have no copies.
            nameless = writer is self._writers.get("")
            writer.attempt = _Attempt(self._attempts, StreamLines(has_copies=nameless))
        attempt = writer.attempt
        if isinstance(message, Opened):
            attempt.is_open = True
        elif isinstance(message, Closed):
            attempt.is_open, attempt.is_closed = False, True
        # What was captured of the streams is sent last.
        elif attempt.is_closed and not isinstance(message, StreamText):
            self._note_more(writer, attempt)
        return attempt

    def _note_more(self, writer: _Writer, attempt: _Attempt) -> None:
        """Note that an attempt goes on after `closed`, which our own writer says at the end of each cell."""
        if writer is not self._writers.get(""):
            attempt.is_open = True
        elif not attempt.is_told_after_end:
            attempt.is_told_after_end = True
            self._warn(f"attempt {attempt.number} goes on after it said `closed`")

    def _hand_on(self, writer: _Writer, received: list[Received]) -> None:
        attempt = writer.attempt
        if attempt is None or not received:
            return
        texts = [each.message for each in received if isinstance(each.message, StreamText)]
        told = iter(attempt.streams.take(texts))
        for each in received:
            message = next(told) if isinstance(each.message, StreamText) else each.message
            if message is not None:
                self._received.append(replace(each, message=message))
        attempt.latest = received[-1]

    def _end_attempt(self, writer: _Writer) -> None:
        attempt, writer.attempt = writer.attempt, None
        if attempt is None:
            return
        if latest := attempt.latest:
            for number, text in enumerate(attempt.streams.rest()):
                key = f"{latest.key}+{number}"
                self._received.append(replace(latest, message=text, key=key))
        if attempt.is_open:
            self._warn(
                f"attempt {attempt.number} never said `closed`: its process was killed, or leaves out the "
                "`with` block; what it said in its last 12 s may be missing"
            )

    def _warn(self, text: str) -> None:
        self._warnings.append(one_line(text)[:_LONGEST_WARNING])
