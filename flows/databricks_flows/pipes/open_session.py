"""`open_pipes`: a session for code that is launched in any other way than by `run_databricks_job`."""

from __future__ import annotations

import asyncio
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
from databricks_flows.pipes.stages import Speaker, Stage
from databricks_flows.shared.uninterrupted import uninterrupted

_SECONDS_TO_HEAR_THE_END = 5.0
NO_NAMES = ("",)


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
    client = await asyncio.to_thread(named_client, workspace)
    call = await current_call_identity()
    token = await _token(call, [pipes.model_dump(mode="json"), client.config.host, list(names), key])
    caller = Caller(str(call.flow_run_ids[0]), flow_run.flow_name, call.flow_run_count - 1)
    opened = session(pipes, caller, list(names), token=token)
    listening = SessionPipes(client, pipes, opened)
    with telling_the_story():
        await listening.prepare(call, DEFAULT_POLLING)
        listening.take(dict.fromkeys(names, Speaker(Stage.SPEAKING, 1)))
        listening.begin()
        seconds = _SECONDS_TO_HEAR_THE_END
        try:
            yield PipesSession(pipes.extras, opened.tasks, listening)
            seconds = SECONDS_TO_DRAIN
        finally:
            listening.take(dict.fromkeys(names, Speaker(Stage.OVER, 1)))
            await uninterrupted(listening.finish(seconds))


async def _token(call: CallIdentity, facts: Any) -> str:
    """Name the session so that a retry of the flow finds it; equal sessions are counted."""
    identity = fingerprint(["open_pipes", facts, call.names, call.in_one_process])
    occurrence = await claim_occurrence(call, identity, "pipes")
    return idempotency_token(call.root_id, identity, occurrence)
