"""Answers with the content of a result. The content is not parsed again: it may be large."""

import base64
import json
import secrets
from pathlib import Path

from databricks_local.api.bodies import Json
from databricks_local.sql.results import Links, data_field, is_inline, manifest_json, status_json
from databricks_local.sql.statement_records import StatementRecord, StatementState


def statement_json(record: StatementRecord, links: Links, now: int) -> Json:
    """A statement as the API shows it, without the content of its result."""
    shown: Json = {"statement_id": record.statement_id, "status": status_json(record, now)}
    if record.state_at(now) is StatementState.SUCCEEDED:
        shown["manifest"] = manifest_json(record)
        shown["result"] = links.result_json(record, 0, now) if record.outcome.chunks else {}
    return shown


def has_content(record: StatementRecord, now: int) -> bool:
    """Whether the content of chunks belongs into answers."""
    is_there = record.state_at(now) is StatementState.SUCCEEDED and bool(record.outcome.chunks)
    return is_there and is_inline(record)


def with_content(shown: Json, result: Json, record: StatementRecord, file: Path) -> bytes:
    """An answer with the content of a chunk in it. It reads a file: call it in a thread.

    Args:
        shown: The answer.
        result: The part of it that gets the content.
        record: The statement.
        file: The file with the content.

    Raises:
        FileNotFoundError: If the result was removed meanwhile.
    """
    content = file.read_bytes()
    name = data_field(record)
    if name == "attachment":
        content = b'"' + base64.b64encode(content) + b'"'
    place = secrets.token_hex(16)
    result[name] = place
    text = json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return text.replace(f'"{place}"'.encode(), content, 1)
