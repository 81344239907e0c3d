"""Whole lines of stdout and stderr, each once."""

from __future__ import annotations

import re

import pytest
from databricks_blocks.pipes.protocol import StreamText
from databricks_blocks.pipes.streams import StreamLines

# Texts of chunks: o and e name the stream; between chunks stands |.
CASES = [
    ("o:a\n", "o:a"),
    ("o:a o:b\n", "o:ab"),
    ("o:a | o:b\nc", "o:ab o:c"),
    ("o:a\nb\nc\n", "o:a,b,c"),
    ("o:a\r\nb", "o:a o:b"),
    ("o:\n\n", "o:,"),
    ("e:x\n o:x\n", "e:x"),
    ("o:x\n e:x\n", "e:x"),
    ("e:x\n | o:x\n", "e:x"),
    ("o:x\n | e:x\n", "o:x"),
    ("o:x\nx\n e:x\n", "o:x e:x"),
    ("e:x\n | o:x\nx\n", "e:x o:x"),
    ("e:x\n | o:a\n | o:x\n", "e:x o:a o:x"),
    ("o:a\n e:b\n o:b\n o:c\n", "o:a e:b o:c"),
    ("e:no end | o:no end", "e:no end"),
    ("o:1%\r2%\r | o:\r3%\ndone\n", "o:3%,done"),
    ("o:a\r | o:\nb\n", "o:a,b"),
    ("o:1%\r2%\r", "o:2%"),
]


def texts(chunk: str) -> list[StreamText]:
    names = {"o": "stdout", "e": "stderr"}
    parts = re.split(r" (?=[oe]:)", chunk)
    return [StreamText(names[part[0]], part[2:]) for part in parts]


def told(said: str, *, has_copies: bool) -> str:
    lines = StreamLines(has_copies)
    heard: list[StreamText | None] = []
    for chunk in said.split(" | "):
        heard += lines.take(texts(chunk))
    heard += lines.rest()
    return " ".join(
        f"{'eo'[text.stream == 'stdout']}:{text.text}".replace("\n", ",")
        for text in heard
        if text is not None
    )


@pytest.mark.parametrize(("said", "heard"), CASES)
def test_whole_lines_without_the_copies_of_stderr(said: str, heard: str) -> None:
    assert told(said, has_copies=True) == heard


def test_a_writer_without_copies_keeps_equal_lines() -> None:
    assert told("o:x\n e:x\n", has_copies=False) == "o:x e:x"


def test_a_line_that_never_ends_is_told_in_parts() -> None:
    lines = StreamLines(has_copies=False)
    (text,) = lines.take([StreamText("stdout", "x" * 150_000)])
    assert text is not None
    assert text.text == "x" * 150_000
    assert lines.rest() == []
