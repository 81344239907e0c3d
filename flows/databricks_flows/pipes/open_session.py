"""`open_pipes`: a session for code that is launched in any other way than by `run_databricks_job`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from databricks_blocks.pipes.bootstrap import Caller, PipedTask, session
from databricks_blocks.pipes.parameters import arguments_of
from databricks_blocks.pipes.pipes import Pipes, PipesResult
from databricks_blocks.run.launchers import fingerprint, idempotency_token
from databricks_blocks.run_log import telling_the_story
from databricks_blocks.workspace.block import named_client
from databricks_blocks.workspace.polling import DEFAULT_POLLING
from prefect.runtime import flow_run

from databricks_flows.job.call_claims import claim_occurrence
from databricks_flows.job.call_identity import CallIdentity, current_call_identity
from databricks_flows.pipes.listening import SECONDS_TO_DRAIN
from databricks_flows.pipes.session_pipes import SessionPipes
from databricks_flows.pipes.stages import piece_of_code
from databricks_flows.shared.uninterrupted import uninterrupted

NO_NAMES = ("",)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True)
class PipesSession:
    """Where code speaks, and what it has said.

    Attributes:
        extras: Values that the code gets.

    Examples:
        >>> import asyncio
        >>> from databricks_flows import Pipes, PipesSession, open_pipes
        >>> from prefect import flow
        >>> def launch(session: PipesSession) -> list[str]:
        ...     return ["train.py", *session.arguments]
        >>> @flow
        ... async def train() -> str:
        ...     async with open_pipes(Pipes(volume="/Volumes/main/ops/pipes"), "workspace") as session:
        ...         return launch(session)[1]
        >>> asyncio.run(train())
        '--dagster-pipes-context'
    """

    extras: Mapping[str, Any]
    _tasks: tuple[PipedTask, ...]
    _pipes: SessionPipes

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for the only piece of code."""
        return self.environment_of()

    @property
    def parameters(self) -> dict[str, str]:
        """Widgets of a notebook (`base_parameters`, `notebook_params`), or job parameters."""
        return self.environment_of()

    @property
    def arguments(self) -> list[str]:
        """Arguments of a program."""
        return arguments_of(self.environment_of())

    def environment_of(self, name: str = "") -> dict[str, str]:
        """Environment variables or widgets of one of several pieces of code.

        Args:
            name: Its name, as it was given to `open_pipes`.

        Raises:
            KeyError: There is none of this name.
        """
        tasks = {task.task_key: task for task in self._tasks}
        if not name and len(tasks) == 1:
            return self._tasks[0].parameters.environment
        if not name:
            raise KeyError(f"name the piece of code; there are: {', '.join(tasks)}")
        if name not in tasks:
            raise KeyError(f"no piece of code is called `{name}`; there are: {', '.join(tasks)}")
        return tasks[name].parameters.environment

    def arguments_of(self, name: str) -> list[str]:
        """Arguments of one of several programs.

        Args:
            name: Its name, as it was given to `open_pipes`.
        """
        return arguments_of(self.environment_of(name))

    @property
    def result(self) -> PipesResult:
        """What the code has said so far; all of it after the session."""
        return self._pipes.result


@asynccontextmanager
async def open_pipes(
    pipes: Pipes, workspace: str = "", *, names: Sequence[str] = NO_NAMES, key: str = ""
) -> AsyncIterator[PipesSession]:
    """Listen to code that you launch by yourself, inside a flow.

    Give the code `session.environment`, `session.parameters` or `session.arguments`, and leave the session
    when it has ended. Its lines go to the log of the flow run. If the process of the flow is killed, a retry
    of the flow finds the messages in its session.

    Args:
        pipes: How the code tells what it does.
        workspace: Name of the Databricks Workspace block; empty: the workspace of the environment.
        names: Names of the pieces of code, if there are several; each speaks for itself.
        key: Tells sessions apart that are equal in all else, and that must not be exchanged in a retry.

    Yields:
        The session.

    Raises:
        DatabricksRunRefused: There is no such volume, or no permission.
        DatabricksUnreachable: The workspace does not answer.
        TypeError: `names` is a text, and no list of names.
        ValueError: A name cannot be used, or is there twice.
        RuntimeError: There is no flow run.

    Examples:
        >>> import asyncio
        >>> from databricks_flows import Pipes, open_pipes
        >>> from prefect import flow
        >>> @flow
        ... async def train() -> int:
        ...     async with open_pipes(Pipes(volume="/Volumes/main/ops/pipes"), "workspace") as session:
        ...         parameters = session.parameters  # launch your notebook with them, and wait for its end
        ...     return len(session.result.assets)
        >>> asyncio.run(train())
        0
    """
    keys = _checked(names)
    call = await current_call_identity()
    if not call.flow_run_ids:
        raise RuntimeError("open_pipes works inside a flow; call the task, which opens it, in a flow.")
    client = await asyncio.to_thread(named_client, workspace)
    token = await _token(call, [pipes.model_dump(mode="json"), client.config.host, keys, key])
    caller = Caller(str(call.flow_run_ids[0]), flow_run.flow_name, call.flow_run_count - 1)
    opened = session(pipes, caller, keys, token=token)
    listening = SessionPipes(client, pipes, opened)
    with telling_the_story():
        await listening.prepare(call, DEFAULT_POLLING)
    listening.take(dict.fromkeys(keys, piece_of_code(is_over=False)))
    listening.begin()
    try:
        yield PipesSession(pipes.extras, opened.tasks, listening)
    except BaseException:
        # Nobody knows whether the code has ended: what it says from now on is for a retry.
        with telling_the_story():
            await uninterrupted(listening.break_off())
        raise
    listening.take(dict.fromkeys(keys, piece_of_code(is_over=True)))
    with telling_the_story():
        await uninterrupted(listening.finish(SECONDS_TO_DRAIN))


def _checked(names: Sequence[str]) -> list[str]:
    """Check the names of pieces of code, which are names of folders, too."""
    if names == NO_NAMES:
        return list(names)
    if isinstance(names, str):
        raise TypeError(f"names of open_pipes is a list of names: names=[{names!r}]")
    if not names:
        raise ValueError("names of open_pipes is empty: leave it out for one piece of code")
    if wrong := [name for name in names if not (isinstance(name, str) and _NAME.fullmatch(name))]:
        raise ValueError(
            f"a name in open_pipes has 1 to 100 letters, digits, `-` and `_`: {', '.join(map(repr, wrong))}"
        )
    if doubles := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"a name in open_pipes is there twice: {', '.join(doubles)}")
    return list(names)


async def _token(call: CallIdentity, facts: Any) -> str:
    """Name the session so that a retry of the flow finds it; equal sessions are counted."""
    identity = fingerprint(["open_pipes", facts, call.names, call.in_one_process])
    occurrence = await claim_occurrence(call, identity, "pipes")
    return idempotency_token(call.root_id, identity, occurrence)
