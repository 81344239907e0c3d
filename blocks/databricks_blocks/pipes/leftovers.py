"""Finds the folders that sessions of pipes left behind, and whose they are."""

from __future__ import annotations

import json
import re
from uuid import UUID

from databricks_blocks.pipes.bootstrap import CONTEXT_FILE, NAME_LENGTH
from databricks_blocks.pipes.channel import Channel
from databricks_blocks.pipes.protocol import context_data

_SESSION = re.compile(rf"[0-9a-f]{{{NAME_LENGTH}}}")
_FIELDS = frozenset(context_data(run_id="", job_name=None, retry_number=0, extras={}))


def sessions_in(channel: Channel, folder: str) -> dict[str, UUID]:
    """Find the sessions in a folder of messages: one request, and two for each session.

    Args:
        channel: Where the folder is.
        folder: Its path.

    Returns:
        Their paths, and the flow runs that their contexts name. What has no context is not certainly ours.

    Raises:
        DatabricksJobError: The workspace refuses, or is away.
    """
    found = {}
    for entry in channel.list(folder):
        if entry.is_directory and _SESSION.fullmatch(entry.name):
            directory = f"{folder}/{entry.name}"
            if owner := _owner(channel, directory):
                found[directory] = owner
    return found


def _owner(channel: Channel, directory: str) -> UUID | None:
    for entry in channel.list(directory):
        if not entry.is_directory and entry.name.endswith(CONTEXT_FILE):
            content = channel.get(f"{directory}/{entry.name}")
            return None if content is None else owner_in(content)
    return None


def owner_in(context: bytes) -> UUID | None:
    """Read the flow run in a context.

    Args:
        context: A file.

    Returns:
        Its id; `None`: this is no context that a flow has written.
    """
    try:
        fields = json.loads(context)
        return UUID(fields["run_id"]) if fields.keys() == _FIELDS else None
    except (ValueError, TypeError, AttributeError):
        return None
