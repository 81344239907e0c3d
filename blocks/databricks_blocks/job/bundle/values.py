"""Resolve references in a Databricks Asset Bundle, such as `${var.catalog}`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from databricks_blocks.errors import InvalidJob
from databricks_blocks.job.task_json import Json

_REFERENCE = re.compile(r"\$\{([a-zA-Z_][\w\-]*(?:\.[\w\-]+|\[\d+\])*)\}", re.ASCII)
_STEP = re.compile(r"[\w\-]+", re.ASCII)

_REMEDIES = {
    "resources": "only a deployment knows it: write the value into the file, or make it a variable",
    "artifacts": "only a deployment knows it: write the value into the file",
    "workspace": "the file does not say it: set it below `workspace`, or give the name of the user",
    "bundle": "the file does not say it: set it below `bundle`",
    "var": "the variable has no such part",
    "variables": "the variable has no such part",
}
"""What to do about a reference, by its first name; with other first names it is no reference of a bundle."""


class BundleValues:
    """Resolves the references of a bundle."""

    def __init__(self, configuration: Json, variables: Mapping[str, Any], source: str) -> None:
        self._tree: Json = dict(configuration)
        self._source = source
        self._variables = variables

    def resolved(self, value: Any, place: str, seen: tuple[str, ...] = ()) -> Any:
        """Replace all references in a value.

        Args:
            value: A value of the configuration.
            place: Where the value is, for messages.
            seen: The references that are being resolved, to find circles.

        Raises:
            InvalidJob: A reference is unknown, or refers to itself.
        """
        if isinstance(value, dict):
            return {key: self.resolved(item, f"{place}.{key}", seen) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolved(item, f"{place}[{number}]", seen) for number, item in enumerate(value)]
        if not isinstance(value, str):
            return value
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return self._value(whole[1], place, seen)
        return _REFERENCE.sub(lambda match: as_text(self._value(match[1], place, seen)), value)

    def _value(self, reference: str, place: str, seen: tuple[str, ...]) -> Any:
        if reference.partition(".")[0] not in _REMEDIES:
            return f"${{{reference}}}"
        if reference in seen:
            circle = " → ".join(f"${{{name}}}" for name in (*seen, reference))
            raise InvalidJob(f"{self._source}: {place}: the references lead in a circle: {circle}.")
        return self.resolved(self._found(reference, place), place, (*seen, reference))

    def _found(self, reference: str, place: str) -> Any:
        names = steps = _STEP.findall(reference)
        if steps[0] in {"var", "variables"} and len(steps) > 1:
            value = self._variable(steps[1], reference, place)
            steps = steps[2:] if steps[0] == "var" or steps[2:3] != ["value"] else steps[3:]
        else:
            value = self._tree
        for step in steps:
            value = _child(value, step)
        if value is None:
            remedy = _REMEDIES[names[0]]
            raise InvalidJob(f"{self._source}: {place}: ${{{reference}}} cannot be resolved: {remedy}.")
        return value

    def _variable(self, name: str, reference: str, place: str) -> Any:
        if name in self._variables:
            return self._variables[name]
        definitions = self._tree.get("variables") or {}
        if name not in definitions:
            raise InvalidJob(
                f"{self._source}: {place}: ${{{reference}}}: there is no variable `{name}` in `variables`."
            )
        definition = definitions[name] or {}
        if definition.get("default") is not None:
            return definition["default"]
        why = "is looked up in the workspace" if definition.get("lookup") else "has no default"
        raise InvalidJob(f"{self._source}: {place}: variable `{name}` {why}: give its value.")


def _child(value: Any, step: str) -> Any:
    if isinstance(value, list) and step.isdigit() and int(step) < len(value):
        return value[int(step)]
    return value.get(step) if isinstance(value, dict) else None


def as_text(value: Any) -> str:
    """Write a value as YAML does."""
    return str(value).lower() if isinstance(value, bool) else str(value)
