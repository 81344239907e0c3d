"""What is said over pipes: parameters and context that code gets, and the messages that it sends. Pure.

The protocol is that of Dagster Pipes, version 0.1, so that code which uses the package `dagster-pipes` needs
no change.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from databricks_blocks.pipes.metadata import Metadata

VERSION = "0.1"
CONTEXT = "DAGSTER_PIPES_CONTEXT"
"""Name of the widget, or of the environment variable, that says where the context is."""
MESSAGES = "DAGSTER_PIPES_MESSAGES"
"""Name of the widget, or of the environment variable, that says where messages go."""
CONTEXT_ARGUMENT = "--dagster-pipes-context"
MESSAGES_ARGUMENT = "--dagster-pipes-messages"

Severity = Literal["ERROR", "WARN"]


@dataclass(frozen=True)
class RemoteException:
    """An exception of the code on Databricks.

    Attributes:
        message: As Python prints it, with the name of its class.
        stack: The frames, as Python prints them.
        name: Name of its class.
        cause: The exception that it was raised from.
        context: The exception that was being handled when it was raised.
    """

    message: str
    stack: tuple[str, ...] = ()
    name: str = ""
    cause: RemoteException | None = None
    context: RemoteException | None = None

    @property
    def trace(self) -> str:
        """The exception and those before it, as Python prints them."""
        before, link = self.cause, "The above exception was the direct cause of the following exception:"
        if before is None:
            before, link = self.context, "During handling of the above exception, another exception occurred:"
        own = "".join(
            ["Traceback (most recent call last):\n" if self.stack else "", *self.stack, self.message]
        )
        return f"{before.trace.rstrip()}\n\n{link}\n\n{own}" if before else own


@dataclass(frozen=True, kw_only=True)
class Message:
    """What every message may have.

    Attributes:
        timestamp: When it was said, in seconds of the epoch; only our own writer tells.
        logger: Name of the logger; only our own writer tells.
    """

    timestamp: float | None = None
    logger: str = ""


@dataclass(frozen=True)
class Opened(Message):
    """The code began to speak: the first message of each attempt."""

    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Closed(Message):
    """The code has said all; with the exception that ended it, if there was one."""

    exception: RemoteException | None = None


@dataclass(frozen=True)
class LogLine(Message):
    """A line for the log; `level` is Python's name of it, and may be one of the user's own."""

    message: str
    level: str = "INFO"


@dataclass(frozen=True)
class Materialization(Message):
    """The code made an asset."""

    asset_key: str
    data_version: str | None = None
    metadata: Mapping[str, Metadata] = field(default_factory=dict)


@dataclass(frozen=True)
class AssetCheck(Message):
    """The code checked an asset."""

    asset_key: str
    check_name: str
    passed: bool
    severity: Severity = "ERROR"
    metadata: Mapping[str, Metadata] = field(default_factory=dict)


@dataclass(frozen=True)
class CustomMessage(Message):
    """Any JSON."""

    payload: Any


@dataclass(frozen=True)
class StreamText(Message):
    """What was written to a stream such as `stdout`: any number of lines, maybe the middle of one."""

    stream: str
    text: str


@dataclass(frozen=True)
class Malformed:
    """A line that is no message.

    Attributes:
        reason: What is wrong.
        line: The beginning of the line.
    """

    reason: str
    line: str


AnyMessage = Opened | Closed | LogLine | Materialization | AssetCheck | CustomMessage | StreamText


def encode_param(value: Any) -> str:
    """Write a parameter for code: JSON, compressed, as base64.

    Args:
        value: Any JSON.

    Examples:
        >>> from databricks_blocks.pipes.protocol import decode_param, encode_param
        >>> decode_param(encode_param({"path": "/Volumes/main/ops/pipes/context.json"}))
        {'path': '/Volumes/main/ops/pipes/context.json'}
    """
    return base64.b64encode(zlib.compress(json.dumps(value).encode())).decode()


def decode_param(text: str) -> Any:
    """Read what `encode_param` wrote.

    Raises:
        ValueError: It did not write this.
    """
    try:
        return json.loads(zlib.decompress(base64.b64decode(text, validate=True)))
    except zlib.error as error:
        raise ValueError(f"not a parameter of pipes: {error}") from error


def context_data(
    *,
    run_id: str,
    job_name: str | None,
    retry_number: int,
    extras: Mapping[str, Any],
    partition_key: str = "",
    asset_keys: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Make the context of code. It has all fields of the protocol: code asks for each without a default.

    Args:
        run_id: Id of the flow run.
        job_name: Name of the flow.
        retry_number: How often the flow run was retried.
        extras: What the user passes to the code; JSON.
        partition_key: The partition that the code shall work on; empty: none.
        asset_keys: The only assets that the code may report; the first is the default if it is the only one.
            `None`: any asset.
    """
    of_each = None if asset_keys is None else dict.fromkeys(asset_keys)
    return {
        "asset_keys": None if asset_keys is None else list(asset_keys),
        "code_version_by_asset_key": of_each,
        "provenance_by_asset_key": of_each,
        "partition_key": partition_key or None,
        "partition_key_range": {"start": partition_key, "end": partition_key} if partition_key else None,
        "partition_time_window": None,
        "run_id": run_id,
        "job_name": job_name,
        "retry_number": retry_number,
        "extras": dict(extras),
    }


def asset_key_parts(key: str) -> list[str]:
    r"""Split the key of an asset: its parts stand between slashes, and `\/` is a slash of a part.

    Examples:
        >>> from databricks_blocks.pipes.protocol import asset_key_parts
        >>> asset_key_parts(r"main/sales\/eu/daily")
        ['main', 'sales/eu', 'daily']
    """
    parts, escaped = [""], False
    for character in key:
        if escaped or character not in "\\/":
            parts[-1] += character
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            parts.append("")
    return parts if key else []
