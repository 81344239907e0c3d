"""The output of a program, as `runs/get-output` returns it; and the last words of a process."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from databricks_local.runtime.dbutils.secret_values import Redactor

MAX_LOG_BYTES = 5 * 1024 * 1024
"""Docs: get-output, the last 5 MB of `logs`."""

MAX_SECRET_BYTES = 128 * 1024

MAX_LAST_BYTES = 20_000
"""How much of the end of the log of a lost process is shown."""


def end_of_log(log: Path, redactor: Redactor, limit: int = MAX_LOG_BYTES) -> tuple[str, bool]:
    """The end of a log without secrets, and whether there was more before it; empty if there is no log."""
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return "", False
    with log.open("rb") as file:
        # Read more than is returned, so that a secret at the cut is recognised as a whole.
        file.seek(max(size - limit - MAX_SECRET_BYTES, 0))
        text = redactor.redact(file.read().decode("utf-8", "replace"))
    if size > limit + MAX_SECRET_BYTES:
        text = text[MAX_SECRET_BYTES:]
    content = text.encode()
    return content[-limit:].decode("utf-8", "ignore"), size > limit


def end_of_logs(logs: Sequence[Path], redactor: Redactor, limit: int = MAX_LOG_BYTES) -> tuple[str, bool]:
    """The end of logs one after the other, together no longer than that of one."""
    ends = [end_of_log(log, redactor, limit) for log in logs]
    content = "".join(text for text, _ in ends).encode()
    truncated = len(content) > limit or any(more for _, more in ends)
    return content[-limit:].decode("utf-8", "ignore"), truncated


async def last_words(log: Path, redactor: Redactor) -> str:
    """The last that a process wrote, which can be much."""
    text, _ = await asyncio.to_thread(end_of_log, log, redactor, MAX_LAST_BYTES)
    return text.strip()
