"""What tests of the helper share: a flow that listens to a folder of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from databricks_blocks.pipes.channel import Entry
from databricks_blocks.pipes.parameters import TaskParameters
from databricks_blocks.pipes.protocol import LogLine, StreamText, context_data
from databricks_blocks.pipes.reader import DirectoryReader
from databricks_blocks.pipes.received import Received

HELPER = Path(__file__).parents[3] / "notebooks"


def until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """Wait for something; the machine may be slow."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
    return found


@dataclass
class LocalFlow:
    """A flow run that code can speak to, and what was heard."""

    root: Path
    include_stdio: bool = False
    interval: float = 1.0
    asset_keys: list[str] | None = None
    heard: list[Received] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    reader: DirectoryReader = field(default_factory=DirectoryReader)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        context = context_data(
            run_id="run-1",
            job_name="a flow",
            retry_number=2,
            extras={"day": "2026-11-27"},
            partition_key="eu",
            asset_keys=self.asset_keys,
        )
        (self.root / "context.json").write_text(json.dumps(context))

    @property
    def folder(self) -> Path:
        return self.root / "messages"

    @property
    def given(self) -> TaskParameters:
        context = str(self.root / "context.json")
        return TaskParameters(context, str(self.folder), self.include_stdio, self.interval)

    def listen(self, *, over: bool = True) -> list[Received]:
        """Read what has come, as the flow does, and delete it."""
        entries = [
            Entry(path.name, path.stat().st_size, path.stat().st_mtime_ns // 1_000_000, is_directory=False)
            for path in self.folder.iterdir()
        ]
        self.reader.begin(entries, over=over)
        while (entry := self.reader.next()) is not None:
            self.reader.take((self.folder / entry.name).read_bytes())
        look = self.reader.end()
        for name in look.delete:
            (self.folder / name).unlink()
        self.heard += look.received
        self.warnings += look.warnings
        return self.heard

    @property
    def chunks(self) -> list[str]:
        """Numbers of the chunks that wait to be read."""
        return sorted(path.stem.partition("-")[2] for path in self.folder.iterdir())

    def finish(self) -> LocalFlow:
        """Listen until nothing is left, when the code has ended."""
        self.listen()
        self.listen()
        last = self.reader.finish()
        self.heard += last.received
        self.warnings += last.warnings
        return self

    @property
    def messages(self) -> list[Any]:
        return [each.message for each in self.heard]

    @property
    def lines(self) -> list[str]:
        return [each.message for each in self.messages if isinstance(each, LogLine)]

    def output(self, stream: str) -> list[str]:
        texts = [each for each in self.messages if isinstance(each, StreamText) and each.stream == stream]
        return [line for text in texts for line in text.text.split("\n")]

    @property
    def kinds(self) -> list[str]:
        return [type(each).__name__ for each in self.messages]

    def run(self, source: str, *arguments: str, python: str = sys.executable, **environment: str) -> str:
        """Run a program that speaks; returns what it printed, and what it told on stderr."""
        program = self.root / "program.py"
        program.write_text(textwrap.dedent(source))
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [python, str(program), *arguments],
            env={**inherited, "PYTHONPATH": str(HELPER), **environment},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        return f"{done.stdout}{done.stderr}exit code {done.returncode}"
