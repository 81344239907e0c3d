"""Tasks in the JSON of the Jobs API: walk, change and merge them; the arguments stay unchanged. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Json = dict[str, Any]

_TASK_REFERENCE = re.compile(r"\{\{\s*tasks\.(?:`([^`]+)`|(\w+))\.", re.ASCII)


def nested_task(task: Mapping[str, Any]) -> Json | None:
    """The task that a for-each task repeats."""
    loop = task.get("for_each_task")
    nested = loop.get("task") if isinstance(loop, dict) else None
    return nested if isinstance(nested, dict) else None


def with_nested(task: Json) -> Iterator[Json]:
    """A task, followed by the task that it repeats if it is a for-each task."""
    yield task
    nested = nested_task(task)
    if nested is not None:
        yield nested


def changed_task(task: Json, change: Callable[[Json], Json]) -> Json:
    """Change a task, and the task that it repeats if it is a for-each task."""
    changed = change(task)
    nested = nested_task(changed)
    if nested is None:
        return changed
    return {**changed, "for_each_task": {**changed["for_each_task"], "task": change(nested)}}


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Json:
    """Merge two JSON objects: nested objects are merged, other values are taken from the second."""
    result = dict(base)
    for name, value in over.items():
        known = result.get(name)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            result[name] = merged(known, value)
        else:
            result[name] = value
    return result


def referenced_tasks(value: Any) -> set[str]:
    """Find the keys of the tasks that dynamic value references such as `{{tasks.KEY.values.NAME}}` name.

    Names of other characters than letters, digits and underscores stand in backticks (docs: dynamic value
    references).
    """
    if isinstance(value, str):
        return {quoted or plain for quoted, plain in _TASK_REFERENCE.findall(value)}
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        return set().union(*map(referenced_tasks, value))
    return set()
