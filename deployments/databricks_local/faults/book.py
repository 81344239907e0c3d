"""The fault rules, which the API under `/local/faults` adds, shows and removes."""

import json
import re
from collections.abc import Mapping
from itertools import count
from typing import Any

from databricks_local.api.bodies import Json, read_choice, read_integer, read_string
from databricks_local.api.errors import invalid_parameter
from databricks_local.faults.rules import (
    UNLIMITED,
    Effect,
    HttpFault,
    Rule,
    Schedule,
    TaskEffect,
    TaskFault,
    When,
    first_http,
    first_task,
    glob_expression,
)

MAX_RULES = 1_000
MAX_SECONDS = 3_600.0
MAX_COUNT = 1_000_000_000
STATUSES = range(200, 600)
WITHOUT_BODY = (204, 304)
_SCHEDULE = frozenset({"count", "offset", "probability", "seed"})
_HTTP = _SCHEDULE | {
    "path", "path_regex", "method", "effect", "when", "status", "body", "content_type", "retry_after",
    "delay_seconds",
}  # fmt: skip
_TASK = _SCHEDULE | {"task_key", "run_name", "effect", "error", "after_seconds"}


class FaultBook:
    """The rules, in the order in which they were added. Used from the event loop only."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._http: dict[int, Rule[HttpFault]] = {}
        self._task: dict[int, Rule[TaskFault]] = {}
        self._given: dict[int, Json] = {}

    def add(self, body: Json) -> int:
        """Add a rule.

        Args:
            body: The rule. With `path` or `path_regex` it is about requests, otherwise about tasks.

        Returns:
            Its id.

        Raises:
            ApiError: If it is not a rule.
        """
        if len(self._given) >= MAX_RULES:
            raise invalid_parameter(f"There are {MAX_RULES} faults already.")
        schedule = _read_schedule(body)
        if "path" in body or "path_regex" in body:
            http = _read_http(body)
            fault_id = next(self._ids)
            self._http[fault_id] = Rule(fault_id, http, schedule)
        else:
            task = _read_task(body)
            fault_id = next(self._ids)
            self._task[fault_id] = Rule(fault_id, task, schedule)
        self._given[fault_id] = body
        return fault_id

    def show(self) -> list[Json]:
        """The rules as they were given, and how often each matched and happened."""
        shown = []
        for fault_id, body in self._given.items():
            rule = self._http.get(fault_id) or self._task[fault_id]
            shown.append({**body, "fault_id": fault_id, "seen": rule.seen, "applied": rule.applied})
        return shown

    def remove(self, fault_id: int) -> None:
        """Remove a rule.

        Raises:
            ApiError: If there is none of this id.
        """
        if self._given.pop(fault_id, None) is None:
            raise invalid_parameter(f"Fault {fault_id} does not exist.")
        self._http.pop(fault_id, None)
        self._task.pop(fault_id, None)

    def clear(self) -> None:
        """Remove all rules."""
        for rules in (self._http, self._task, self._given):
            rules.clear()

    def of_request(self, method: str, path: str) -> HttpFault | None:
        """The fault of a request."""
        return first_http(self._http.values(), method, path)

    def of_task(self, run_name: str, task_key: str) -> TaskFault | None:
        """The fault of an attempt at a task."""
        return first_task(self._task.values(), run_name, task_key)


def _read_schedule(body: Json) -> Schedule:
    probability = _number(body, "probability", 1.0, 1.0)
    # With a probability, the default is no limit.
    times = read_integer(body, "count", UNLIMITED if "probability" in body else 1)
    offset = read_integer(body, "offset")
    if not (times == UNLIMITED or 1 <= times <= MAX_COUNT):
        raise invalid_parameter(f"count must be {UNLIMITED} or a number from 1, but is {times}.")
    if not 0 <= offset <= MAX_COUNT:
        raise invalid_parameter(f"offset must be 0 or a positive number, but is {offset}.")
    return Schedule(times, offset, probability, read_integer(body, "seed"))


def _read_http(body: Json) -> HttpFault:
    _only(body, _HTTP)
    effect = Effect(read_choice(body, "effect", tuple(Effect), _implied_effect(body)))
    content, content_type = _read_answer(body)
    status = read_integer(body, "status", 200 if "body" in body else 0)
    if status and status not in STATUSES:
        raise invalid_parameter(f"status must be between 200 and 599, but is {status}.")
    if status in WITHOUT_BODY and content:
        raise invalid_parameter(f"An answer with status {status} has no body.")
    lacks_status = effect is Effect.ANSWER and not status
    if lacks_status or (effect is Effect.DELAY and not body.get("delay_seconds")):
        raise invalid_parameter("A fault needs a status, an effect or delay_seconds.")
    return HttpFault(
        path=_read_path(body),
        method=read_string(body, "method").upper(),
        effect=effect,
        when=When(read_choice(body, "when", tuple(When), When.BEFORE)),
        status=status,
        body=content,
        content_type=_header(body, "content_type", content_type),
        retry_after=_header(body, "retry_after", ""),
        delay_seconds=_number(body, "delay_seconds", 0.0, MAX_SECONDS),
    )


def _implied_effect(body: Json) -> Effect:
    return Effect.ANSWER if "status" in body or "body" in body else Effect.DELAY


def _read_path(body: Json) -> str:
    if "path" in body:
        return glob_expression(read_string(body, "path"))
    expression = read_string(body, "path_regex")
    try:
        re.compile(expression)
    except (re.error, OverflowError, RecursionError) as error:
        raise invalid_parameter(f"path_regex is no regular expression: {error}") from error
    return expression


def _read_answer(body: Json) -> tuple[bytes, str]:
    """The body of the answer and its type: an object is JSON, text is HTML if it looks like it."""
    content = body.get("body")
    if content is None:
        return b"", "application/json"
    if isinstance(content, str):
        is_page = content.lstrip().startswith("<")
        return content.encode(), "text/html; charset=utf-8" if is_page else "text/plain; charset=utf-8"
    return json.dumps(content).encode(), "application/json"


def _read_task(body: Json) -> TaskFault:
    _only(body, _TASK)
    if "task_key" not in body and "run_name" not in body:
        raise invalid_parameter("A fault needs a path, a path_regex, a task_key or a run_name.")
    return TaskFault(
        task_key=read_string(body, "task_key", "*"),
        run_name=read_string(body, "run_name", "*"),
        effect=TaskEffect(read_choice(body, "effect", tuple(TaskEffect), TaskEffect.FAIL)),
        error=read_string(body, "error"),
        after_seconds=_number(body, "after_seconds", 0.0, MAX_SECONDS),
    )


def _only(body: Json, known: frozenset[str]) -> None:
    # A misspelt field would make a fault that never happens, and a test that proves nothing.
    unknown = sorted(set(body) - known)
    if unknown:
        raise invalid_parameter(f"Unknown fields of a fault: {', '.join(unknown)[:200]}")


def _header(body: Json, name: str, default: str) -> str:
    value = read_string(body, name, default)
    if not (value.isascii() and value.isprintable()):
        raise invalid_parameter(f"{name} must be printable ASCII.")
    return value


def _number(body: Mapping[str, Any], name: str, default: float, most: float) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid_parameter(f"{name} must be a number.")
    # Compared before the conversion: a whole number may be too large for a float.
    if not 0 <= value <= most:
        raise invalid_parameter(f"{name} must be between 0 and {most:g}, but is {str(value)[:40]}.")
    return float(value)
