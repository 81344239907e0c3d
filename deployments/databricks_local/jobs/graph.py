"""The graph of the tasks of a job. Pure."""

from collections import deque
from collections.abc import Sequence

from databricks_local.jobs.specs import TaskSpec


def topological_order(specs: Sequence[TaskSpec]) -> list[TaskSpec] | None:
    """Order tasks so that each comes after those that it depends on; None if there is a cycle."""
    by_key = {spec.key: spec for spec in specs}
    missing = {spec.key: len(set(spec.depends_on)) for spec in specs}
    dependents: dict[str, list[str]] = {}
    for spec in specs:
        for name in set(spec.depends_on):
            dependents.setdefault(name, []).append(spec.key)
    free = deque(key for key, count in missing.items() if not count)
    ordered: list[TaskSpec] = []
    while free:
        key = free.popleft()
        ordered.append(by_key[key])
        for name in dependents.get(key, ()):
            missing[name] -= 1
            if not missing[name]:
                free.append(name)
    return ordered if len(ordered) == len(by_key) else None


def reachable(keys: Sequence[str], edges: dict[str, list[str]]) -> set[str]:
    """The keys that can be reached along edges, the given keys included."""
    found = set(keys)
    waiting = list(keys)
    while waiting:
        for name in edges.get(waiting.pop(), ()):
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found
