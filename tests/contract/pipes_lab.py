"""What tests of pipes share: code with the unmodified `dagster-pipes`, and a reader that listens to it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import DatabricksTask
from databricks_blocks.pipes.bootstrap import Bootstrap, Caller, bootstrap
from databricks_blocks.pipes.channel import Channel, open_channel
from databricks_blocks.pipes.looking import discard, look, prepare
from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.pipes.protocol import LogLine, StreamText
from databricks_blocks.pipes.reader import DirectoryReader
from databricks_blocks.pipes.received import Received
from databricks_blocks.run.launchers import launcher_of

from .workspace_lab import TERMINAL, Lab, until

VOLUME_PLACE = "UnityCatalogVolumes"
CALLER = Caller("a-flow-run", "a flow")


def code(body: str, *, loader: str = "", place: str = VOLUME_PLACE, before: str = "") -> str:
    """A program that opens pipes, and does what `body` says with `pipes`."""
    params = f"params_loader={loader}, " if loader else ""
    lines = [
        "import os, sys, time",
        "from dagster_pipes import *",
        before,
        f"with open_dagster_pipes({params}context_loader=Pipes{place}ContextLoader(),",
        f"        message_writer=Pipes{place}MessageWriter(interval=0.2)) as pipes:",
        textwrap.indent(textwrap.dedent(body), "    "),
    ]
    return "\n".join(lines)


WAITS = """
    pipes.log.info("hello %s", pipes.get_extra("word"))
    for _ in range(600):
        if os.path.exists(pipes.get_extra("go")):
            break
        time.sleep(0.1)
    else:
        raise TimeoutError("nobody has heard the hello")
    pipes.report_asset_materialization({"rows": 3}, asset_key="main/daily")
    pipes.report_custom_message({"done": True})
"""
"""Says hello, and goes on when it was heard."""


@dataclass
class Listener:
    """A job whose code speaks, and what was heard of it."""

    lab: Lab
    job: JobSpecification
    pipes: Pipes
    token: str
    run_id: int = 0
    heard: dict[str, list[Received]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @cached_property
    def channel(self) -> Channel:
        return open_channel(self.lab.sdk, self.pipes)

    @cached_property
    def piped(self) -> Bootstrap:
        return bootstrap(self.job, self.pipes, CALLER, token=self.token)

    @cached_property
    def readers(self) -> dict[str, DirectoryReader]:
        return {task.task_key: DirectoryReader(hint=task.hint) for task in self.piped.session.tasks}

    def start(self) -> int:
        prepare(self.channel, self.piped.session)
        launcher = launcher_of(self.lab.sdk, self.piped.specification, lambda _: self.token)
        self.run_id = launcher.start(0)
        return self.run_id

    def look(self, *, over: bool = False) -> None:
        for task in self.piped.session.tasks:
            found = look(self.channel, task.directory, self.readers[task.task_key], over=over)
            self.heard.setdefault(task.task_key, []).extend(found.received)
            self.warnings += found.warnings
            assert discard(self.channel, task.directory, found) is None

    def run(self) -> dict[str, Any]:
        return self.lab.get("/api/2.2/jobs/runs/get", run_id=self.run_id).json()

    def hears(self, text: str, key: str = "only") -> None:
        """Listen until a line was heard; the task may not have ended before."""

        def heard() -> bool:
            self.look()
            run = self.run()
            if text in self.lines(key):
                return True
            assert run["state"]["life_cycle_state"] not in TERMINAL, run
            return False

        until(heard, 60)

    def to_the_end(self) -> dict[str, Any]:
        """Listen until the run has ended and all was heard."""

        def ended() -> dict[str, Any] | None:
            run = self.run()
            over = run["state"]["life_cycle_state"] in TERMINAL
            self.look(over=over)
            return run if over and all(reader.is_done for reader in self.readers.values()) else None

        run: dict[str, Any] = until(ended, 60)
        return run

    def finish(self) -> None:
        for task in self.piped.session.tasks:
            found = self.readers[task.task_key].finish()
            self.heard.setdefault(task.task_key, []).extend(found.received)
            self.warnings += found.warnings
        self.channel.clean(self.piped.session.directory)

    def lines(self, key: str = "only") -> list[str]:
        return [each.message.message for each in self.heard.get(key, []) if isinstance(each.message, LogLine)]

    def output(self, stream: str, key: str = "only") -> list[str]:
        texts = (each.message for each in self.heard[key] if isinstance(each.message, StreamText))
        return [line for text in texts if text.stream == stream for line in text.text.split("\n")]

    def kinds(self, key: str = "only") -> list[str]:
        return [type(each.message).__name__ for each in self.heard[key]]


def task_of(kind: str, body: dict[str, Any], key: str = "only", **fields: Any) -> DatabricksTask:
    return DatabricksTask(task_key=key, body={kind: body}, **fields)


Listen = Callable[..., Listener]


def listening(lab: Lab, folder: str) -> Iterator[Listen]:
    """Make listeners whose messages go through a folder; tokens are numbered."""
    made: list[Listener] = []

    def listen(
        *tasks: DatabricksTask, name: str, pipes: dict[str, Any] | None = None, **job: Any
    ) -> Listener:
        place = {} if pipes and "dbfs" in pipes else {"volume": folder}
        wanted = Pipes(**{**place, "extras": {"word": "Ada", "go": f"{folder}/go-{name}"}, **(pipes or {})})
        listener = Listener(lab, JobSpecification(name=name, tasks=list(tasks), **job), wanted, name)
        made.append(listener)
        return listener

    yield listen
    for listener in made:
        listener.channel.clean(listener.piped.session.directory)
