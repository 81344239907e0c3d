"""The output of cells: text that they printed, tables that they displayed."""

import base64
import codecs
import io
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MAX_CELL_CHARACTERS = 1_000_000
"""The longest text of one cell. The page says when there was more."""

MAX_CELL_PIECES = 10_000
"""The most pieces that the text of one cell has; a cell that writes to both streams in turn makes many."""

STREAMS = ("stdout", "stderr")
MAX_TABLE_ROWS = 1_000


@dataclass
class Output:
    """One piece of output.

    Attributes:
        kind: `stdout`, `stderr`, `text` (a value), `table`, `html` or `image`.
        text: The text, for every kind but a table; of an image, the PNG in base64.
        columns: A table's header.
        rows: A table's cells as text; None stays null.
        truncated: Whether something was left out.
    """

    kind: str
    text: str = ""
    columns: list[str] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    truncated: bool = False


@dataclass
class CellResult:
    """The result of one cell.

    Attributes:
        index: Its number among the cells with results, from 0.
        language: What ran it.
        source: Its text.
        title: The title that the notebook gives it.
        outputs: What it printed and displayed, in order.
        error: The last line of the exception that ended it, or empty.
        seconds: How long it took.
    """

    index: int
    language: str
    source: str
    title: str = ""
    outputs: list[Output] = field(default_factory=list)
    error: str = ""
    seconds: float = 0.0

    def __post_init__(self) -> None:
        # Threads of the notebook may write at the same time.
        self._writing = threading.RLock()
        # The text of the last piece as it grows. To add to a string each time would copy it each time.
        self._growing: list[str] = []
        self._room = MAX_CELL_CHARACTERS
        self._pieces = 0

    def add_text(self, kind: str, text: str) -> None:
        """Append text; it is joined to the previous piece of the same kind."""
        with self._writing:
            last = self.outputs[-1] if self.outputs else None
            is_new = last is None or last.kind != kind or not self._growing
            if is_new and self._pieces == MAX_CELL_PIECES:
                self._room = 0
            if not self._room:
                self._mark_truncated()
                return
            if last is None or is_new:
                self.settle()
                last = Output(kind)
                self.outputs.append(last)
                self._pieces += 1
            kept = text[: self._room]
            self._room -= len(kept)
            self._growing.append(kept)
            last.truncated |= len(kept) < len(text)

    def settle(self) -> None:
        """Put the text that came so far into the outputs."""
        with self._writing:
            if self._growing:
                written = next(each for each in reversed(self.outputs) if each.kind in STREAMS)
                written.text = "".join(self._growing)
                self._growing = []

    def _mark_truncated(self) -> None:
        for output in reversed(self.outputs):
            if output.kind in STREAMS:
                output.truncated = True
                return

    def as_dict(self) -> dict[str, Any]:
        """The result as plain JSON types."""
        self.settle()
        return asdict(self)

    @staticmethod
    def from_dict(data: dict[str, Any]) -> "CellResult":
        """Read back what `as_dict` wrote."""
        return CellResult(**{**data, "outputs": [Output(**output) for output in data["outputs"]]})


class _Sink(io.RawIOBase):
    """Decodes the bytes that are written to it; multi-byte characters may come in parts."""

    name = "<cell>"

    def __init__(self, receive: Callable[[str], None], descriptor: int) -> None:
        self._receive = receive
        self._descriptor = descriptor
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer", /) -> int:
        content = bytes(data)
        text = self._decoder.decode(content)
        if text:
            self._receive(text)
        return len(content)

    def fileno(self) -> int:
        # Programs that the notebook starts write to the driver's log, as on a cluster, not into a cell.
        return self._descriptor


def text_stream(receive: Callable[[str], None], descriptor: int) -> io.TextIOWrapper:
    """A replacement for `sys.stdout` or `sys.stderr` that passes on what is written to it.

    Args:
        receive: Called with each piece of text.
        descriptor: The result of `fileno()`, for child processes.
    """
    sink = _Sink(receive, os.dup(descriptor))
    # Without a buffer, so that nothing is held back.
    return io.TextIOWrapper(sink, encoding="utf-8", errors="replace", write_through=True)


def table_of(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Output:
    """Make a table of values; at most `MAX_TABLE_ROWS` rows of it."""
    kept = [[None if value is None else str(value) for value in row] for row in rows[:MAX_TABLE_ROWS]]
    return Output(
        "table", columns=[str(name) for name in columns], rows=kept, truncated=len(rows) > MAX_TABLE_ROWS
    )


def bundle_output(data: Mapping[str, Any]) -> Output:
    """The richest form of a value that a page can show, of its forms by MIME type, as IPython makes them."""
    if "text/html" in data:
        return Output("html", text=str(data["text/html"]))
    if "image/svg+xml" in data:
        return Output("html", text=str(data["image/svg+xml"]))
    if "image/png" in data:
        image = data["image/png"]
        return Output("image", text=base64.b64encode(image).decode() if isinstance(image, bytes) else image)
    return Output("text", text=str(data.get("text/markdown", data.get("text/plain", ""))))


FORMS = {"text/html": "_repr_html_", "image/svg+xml": "_repr_svg_", "image/png": "_repr_png_"}
"""The methods by which objects show themselves in notebooks (docs: IPython, rich display)."""


def displayed(value: Any) -> Output:
    """What `display(value)` shows: a table for data frames, otherwise the value's own form."""
    if hasattr(value, "limit") and hasattr(value, "collect"):
        return table_of(value.columns, value.limit(MAX_TABLE_ROWS + 1).collect())
    if hasattr(value, "itertuples") and hasattr(value, "columns"):
        head = value.head(MAX_TABLE_ROWS + 1)
        return table_of(list(head.columns), list(head.itertuples(index=False, name=None)))
    own = {form: getattr(value, method) for form, method in FORMS.items() if hasattr(value, method)}
    shown = {form: content for form, method in own.items() if (content := method()) is not None}
    return bundle_output(shown or {"text/plain": str(value)})


def is_rich(value: Any) -> bool:
    """Whether the value of a cell is shown by more than its text. A Spark data frame is not computed."""
    return not hasattr(value, "collect") and any(hasattr(value, method) for method in FORMS.values())
