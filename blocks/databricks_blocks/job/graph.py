"""The graph of a job's tasks. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter


def cycles(upstream: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Tasks that wait for each other: for each cycle its keys in the order of running, the first repeated.

    Args:
        upstream: What each task waits for.
    """
    remaining = {key: set(keys) for key, keys in upstream.items()}
    found: list[list[str]] = []
    while True:
        try:
            TopologicalSorter(remaining).prepare()
        except CycleError as error:
            cycle: list[str] = error.args[1]
            found.append(cycle)
            remaining = {key: keys - set(cycle) for key, keys in remaining.items() if key not in cycle}
        else:
            return found


def in_order(upstream: Mapping[str, Collection[str]]) -> list[str]:
    """The tasks, each after those that it waits for."""
    return [key for key in TopologicalSorter(upstream).static_order() if key in upstream]
