"""Whole lines from the pieces in which stdout and stderr come. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from databricks_blocks.pipes.protocol import StreamText

_STDOUT, _STDERR = "stdout", "stderr"
_LONGEST = 100_000
"""Characters after which a line is taken without its end."""


@dataclass
class StreamLines:
    """The streams of one attempt.

    `dagster-pipes` sends each line of stderr twice: the `tee` that captures stderr prints into the stdout
    that is captured as well. The copy is left out. The two may come in chunks next to each other.

    Of a line that was written over, as progress bars are, the last state is taken, as a terminal shows it.

    Attributes:
        has_copies: Whether lines of stderr come in stdout, too.
    """

    has_copies: bool
    _begun: dict[str, str] = field(default_factory=dict)
    _lone_stderr: Counter[str] = field(default_factory=Counter)
    _lone_stdout: Counter[str] = field(default_factory=Counter)

    def take(self, texts: Sequence[StreamText]) -> list[StreamText | None]:
        """Take the texts of one chunk, in order.

        Returns:
            For each text the lines that end in it, without the last newline; `None`: none does.
        """
        return self._told(texts, [self._lines(text) for text in texts])

    def rest(self) -> list[StreamText]:
        """The lines that have no end, when nothing more will come."""
        ends = [StreamText(stream, "\n") for stream, begun in self._begun.items() if begun]
        return [text for text in self.take(ends) if text is not None]

    def _lines(self, text: StreamText) -> list[str]:
        *lines, begun = (self._begun.get(text.stream, "") + text.text).split("\n")
        if len(begun) > _LONGEST:
            lines, begun = [*lines, begun], ""
        # The return that ends it may be half of the end of the line.
        self._begun[text.stream] = begun[begun.rfind("\r", 0, -1) + 1 :]
        return [line.removesuffix("\r").rpartition("\r")[2] for line in lines]

    def _told(self, texts: Sequence[StreamText], lines: list[list[str]]) -> list[StreamText | None]:
        if self.has_copies:
            lines = self._without_copies(texts, lines)
        return [
            replace(text, text="\n".join(own)) if own else None
            for text, own in zip(texts, lines, strict=True)
        ]

    def _without_copies(self, texts: Sequence[StreamText], lines: list[list[str]]) -> list[list[str]]:
        streams = [text.stream for text in texts]
        of_stderr = Counter(
            line for stream, own in zip(streams, lines, strict=True) if stream == _STDERR for line in own
        )
        copies = of_stderr + self._lone_stderr
        seen: Counter[str] = Counter()

        def is_copy(line: str) -> bool:
            if copies[line] > 0:
                copies[line] -= 1
                return True
            seen[line] += 1
            return False

        told = [
            [line for line in own if not is_copy(line)] if stream == _STDOUT else own
            for stream, own in zip(streams, lines, strict=True)
        ]
        # Lines of stderr whose copy was told already, with the chunk before.
        lone = copies & of_stderr
        known = lone & self._lone_stdout
        self._lone_stderr, self._lone_stdout = lone - known, seen

        def is_known(line: str) -> bool:
            if known[line] > 0:
                known[line] -= 1
                return True
            return False

        return [
            [line for line in own if not is_known(line)] if stream == _STDERR else own
            for stream, own in zip(streams, told, strict=True)
        ]
