"""A directory of messages in memory, and what writers put into it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from databricks_blocks.pipes.channel import Entry
from databricks_blocks.pipes.looking import discard, look
from databricks_blocks.pipes.protocol import LogLine
from databricks_blocks.pipes.reader import DirectoryReader
from databricks_blocks.pipes.received import Look, Received

PLACE = "/Volumes/main/ops/pipes/token/only"


def said(method: str, **params: Any) -> str:
    """A line, as the package writes it."""
    return json.dumps({"__dagster_pipes_version": "0.1", "method": method, "params": params})


OPENED = said("opened", extras={})
CLOSED = said("closed")


def log(text: str) -> str:
    return said("log", message=text, level="INFO")


def stream(text: str, name: str = "stdout") -> str:
    return said("log_external_stream", stream=name, text=text, extras={})


@dataclass
class Place:
    """A directory, and a reader that looks at it. Each file is younger than those put there before."""

    reader: DirectoryReader = field(default_factory=DirectoryReader)
    files: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    clock: int = 1_000_000
    received: list[Received] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    cannot_delete: bool = False

    def write(self, name: str | int, *lines: str, modified: int | None = None) -> None:
        self.write_bytes(name, "\n".join(lines).encode(), modified=modified)

    def write_bytes(self, name: str | int, content: bytes, *, modified: int | None = None) -> None:
        self.clock += 1000
        name = f"{name}.json" if isinstance(name, int) else name
        self.files[name] = (content, self.clock if modified is None else modified)

    # The methods of a channel.

    def list(self, directory: str) -> list[Entry]:
        self.requests.append("list")
        return [Entry(name, len(content), at) for name, (content, at) in sorted(self.files.items())]

    def get(self, path: str, start: int = 0, most: int | None = None) -> bytes | None:
        self.requests.append(f"get {path.rpartition('/')[2]}")
        file = self.files.get(path.rpartition("/")[2])
        return None if file is None else file[0][start:][:most]

    def delete(self, path: str) -> None:
        self.requests.append(f"delete {path.rpartition('/')[2]}")
        if not self.cannot_delete:
            self.files.pop(path.rpartition("/")[2], None)

    def put(self, path: str, content: bytes) -> None:
        self.write_bytes(path.rpartition("/")[2], content)

    def make(self, directory: str) -> None:
        """It is there."""

    def clean(self, directory: str) -> None:
        self.files.clear()

    def look(self, *, over: bool = False) -> Look:
        found = look(self, PLACE, self.reader, over=over)
        self.received += found.received
        self.warnings += found.warnings
        assert discard(self, PLACE, found) is None
        return found

    def finish(self) -> None:
        found = self.reader.finish()
        self.received += found.received
        self.warnings += found.warnings

    @property
    def lines(self) -> Sequence[str]:
        return [each.message.message for each in self.received if isinstance(each.message, LogLine)]

    @property
    def attempts(self) -> Sequence[tuple[int, str]]:
        return [
            (each.attempt, each.message.message)
            for each in self.received
            if isinstance(each.message, LogLine)
        ]
