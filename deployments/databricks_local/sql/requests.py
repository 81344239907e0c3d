"""Reads the request to execute a statement. Pure."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any

from databricks_local.api.bodies import (
    Json,
    read_choice,
    read_integer,
    read_objects,
    read_required_string,
    read_string,
)
from databricks_local.api.errors import invalid_parameter
from databricks_local.runtime.warehouse.encoding import ARROW_STREAM, CSV, JSON_ARRAY
from databricks_local.sql.tags import read_tags

INLINE, EXTERNAL_LINKS, HYBRID = "INLINE", "EXTERNAL_LINKS", "INLINE_OR_EXTERNAL_LINKS"
CONTINUE, CANCEL = "CONTINUE", "CANCEL"
MAX_TEXT_BYTES = 16 * 1024 * 1024
MIN_WAIT_SECONDS, MAX_WAIT_SECONDS = 5, 50
WAIT_SECONDS = 10
MAX_NAME = 255

_WAIT = re.compile(r"(\d{1,4})s", re.ASCII)


@dataclass(frozen=True)
class StatementRequest:
    """A statement as it was asked for.

    Attributes:
        statement: Its text.
        warehouse_id: The warehouse.
        session_id: The session of a client; empty for none.
        catalog: The catalog that it begins in; empty for the default.
        schema: The schema that it begins in.
        parameters: `name`, `value` and `type` of each parameter.
        disposition: How the result is handed out.
        format: Its format.
        row_limit: After how many rows it is cut; 0 for no limit.
        byte_limit: After how many bytes it is cut; 0 for no limit.
        wait_seconds: How long the request waits for the end.
        on_wait_timeout: What happens then.
        tags: The query tags.
    """

    statement: str
    warehouse_id: str
    session_id: str = ""
    catalog: str = ""
    schema: str = ""
    parameters: list[dict[str, Any]] = field(default_factory=list)
    disposition: str = INLINE
    format: str = JSON_ARRAY
    row_limit: int = 0
    byte_limit: int = 0
    wait_seconds: int = WAIT_SECONDS
    on_wait_timeout: str = CONTINUE
    tags: list[Json] = field(default_factory=list)

    def as_document(self) -> Json:
        """What is stored."""
        return asdict(self)


def read_statement(body: Json) -> StatementRequest:
    """Read a request to execute a statement (docs: Statement Execution API).

    Raises:
        ApiError: If Databricks would refuse it.
    """
    statement = read_required_string(body, "statement")
    if len(statement.encode()) > MAX_TEXT_BYTES:
        raise invalid_parameter("The statement is longer than 16 MiB.")
    disposition = read_choice(body, "disposition", (INLINE, EXTERNAL_LINKS, HYBRID), INLINE)
    kind = read_choice(body, "format", (JSON_ARRAY, ARROW_STREAM, CSV), JSON_ARRAY)
    if disposition == INLINE and kind != JSON_ARRAY:
        raise invalid_parameter(f"The format {kind} is not supported with the disposition INLINE.")
    return StatementRequest(
        statement=statement,
        warehouse_id=read_required_string(body, "warehouse_id"),
        session_id=read_string(body, "session_id"),
        catalog=read_name(body, "catalog"),
        schema=read_name(body, "schema"),
        parameters=_parameters(body),
        disposition=disposition,
        format=kind,
        row_limit=_limit(body, "row_limit"),
        byte_limit=_limit(body, "byte_limit"),
        wait_seconds=_wait(read_string(body, "wait_timeout")),
        on_wait_timeout=read_choice(body, "on_wait_timeout", (CONTINUE, CANCEL), CONTINUE),
        tags=read_tags(body),
    )


def read_name(body: Json, name: str) -> str:
    """The name of a catalog or schema."""
    value = read_string(body, name)
    if len(value) > MAX_NAME:
        raise invalid_parameter(f"{name} has more than {MAX_NAME} characters.")
    return value


def _wait(text: str) -> int:
    """The seconds of `wait_timeout`."""
    if not text:
        return WAIT_SECONDS
    found = _WAIT.fullmatch(text)
    seconds = int(found[1]) if found else -1
    if seconds and not MIN_WAIT_SECONDS <= seconds <= MAX_WAIT_SECONDS:
        raise invalid_parameter("wait_timeout must be 0s, or between 5s and 50s.")
    return seconds


def _limit(body: Json, name: str) -> int:
    limit = read_integer(body, name)
    if limit < 0 or (limit == 0 and body.get(name) is not None):
        raise invalid_parameter(f"{name} must be a positive number.")
    return limit


def _parameters(body: Json) -> list[dict[str, Any]]:
    parameters: dict[str, dict[str, Any]] = {}
    for given in read_objects(body, "parameters"):
        name = read_required_string(given, "name")
        if name in parameters:
            raise invalid_parameter(f"The parameter '{name[:100]}' is given more than once.")
        value = None if given.get("value") is None else read_string(given, "value")
        parameters[name] = {"name": name, "value": value, "type": read_string(given, "type")}
    return list(parameters.values())
