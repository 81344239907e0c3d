"""The output of a program, as `runs/get-output` returns it."""

from pathlib import Path

from databricks_local.runtime.dbutils.secret_values import Redactor

MAX_LOG_BYTES = 5 * 1024 * 1024
"""Docs: get-output, the last 5 MB of `logs`."""

MAX_SECRET_BYTES = 128 * 1024


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
