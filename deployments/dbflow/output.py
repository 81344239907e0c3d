"""What a command prints. A terminal that was closed, or a pipe that nobody reads, is no error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Literal, cast

from databricks_blocks.safe_text import printable
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text


class _Output:
    """A standard stream. Once it cannot be written to, everything for it is thrown away.

    A command must come to its end, and clean up, when nobody sees it any more.
    """

    def __init__(self, name: Literal["stdout", "stderr"]) -> None:
        self._name = name

    @property
    def _stream(self) -> Any:
        stream = getattr(sys, self._name)
        return getattr(stream, "rich_proxied_file", stream)  # while rich shows bars

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except OSError:
            self._throw_away()
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._throw_away()

    def _throw_away(self) -> None:
        # Also what the stream still holds, which Python would write at the end of the process.
        with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class SafeConsole(Console):
    """Prints texts that are not ours, such as names and errors, without the escapes of a terminal in them."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Style a text; what cannot be seen is made visible before its width is measured."""
        return super().render_str(printable(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render anything; whatever the way of a text was, none is printed raw."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)


output = cast(IO[str], _Output("stdout"))
console = SafeConsole(file=output)
errors = SafeConsole(file=cast(IO[str], _Output("stderr")))
