"""The context of a run, as notebooks read it through `dbutils.notebook.entry_point` and `dbruntime`."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from databricks_local.runtime.dbutils.calls import Call


@dataclass(frozen=True)
class NotebookContext:
    """What is known of a run.

    Attributes:
        facts: What is known when it begins: `apiUrl`, `apiToken`, `clusterId`, `notebookPath`.
        call: Asks the workspace for the rest, when a notebook first wants to know.
    """

    facts: Mapping[str, str] = field(repr=False)
    call: Call | None = None
    _asked: dict[str, str] = field(default_factory=dict, repr=False)

    def all(self) -> dict[str, str]:
        """All facts by name; a fact that is not known is not in it."""
        if self.call is not None and not self._asked:
            self._asked.update(self.call("task_context"))
        return {name: value for name, value in {**self._asked, **self.facts}.items() if value}


class EntryPoint:
    """`dbutils.notebook.entry_point`, which is an object of the JVM there."""

    def __init__(self, context: NotebookContext) -> None:
        self._context = context

    def getDbutils(self) -> "_JavaDbutils":  # noqa: N802
        """`dbutils` of the JVM, as far as notebooks use it for the context."""
        return _JavaDbutils(self._context)

    def getReplId(self) -> str:  # noqa: N802
        """The id of the interpreter."""
        return "ReplId-local"


class _JavaDbutils:
    def __init__(self, context: NotebookContext) -> None:
        self._context = context

    def notebook(self) -> "_JavaDbutils":
        return self

    def getContext(self) -> "_JavaContext":  # noqa: N802
        return _JavaContext(self._context)


class _Option:
    """An `Option` of Scala."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def get(self) -> str:
        if self._value is None:
            raise RuntimeError("java.util.NoSuchElementException: None.get")
        return self._value

    def getOrElse(self, default: Any) -> Any:  # noqa: N802
        return default if self._value is None else self._value

    def isDefined(self) -> bool:  # noqa: N802
        return self._value is not None

    def isEmpty(self) -> bool:  # noqa: N802
        return self._value is None

    def __str__(self) -> str:
        return "None" if self._value is None else f"Some({self._value})"


class _ScalaMap:
    """A `Map` of Scala."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> _Option:
        return _Option(self._values.get(name))

    def apply(self, name: str) -> str:
        if name not in self._values:
            raise RuntimeError(f"java.util.NoSuchElementException: key not found: {name}")
        return self._values[name]

    def contains(self, name: str) -> bool:
        return name in self._values

    def __str__(self) -> str:
        return f"Map({', '.join(f'{name} -> {value}' for name, value in self._values.items())})"


class _JavaContext:
    """The `CommandContext`: a method for each fact, which returns an `Option`."""

    def __init__(self, context: NotebookContext) -> None:
        self._context = context

    def tags(self) -> _ScalaMap:
        return _ScalaMap(tags_of(self._context.all()))

    def extraContext(self) -> _ScalaMap:  # noqa: N802
        return _ScalaMap(extra_context_of(self._context.all()))

    def toJson(self) -> str:  # noqa: N802
        return json.dumps(as_json(self._context.all()))

    def safeToJson(self) -> str:  # noqa: N802
        facts = self._context.all()
        shown = {name: value for name, value in facts.items() if name != "apiToken"}
        return json.dumps({"attributes": {**tags_of(facts), **extra_context_of(shown), **shown}})

    def __getattr__(self, name: str) -> Callable[[], _Option]:
        if name.startswith("_"):
            raise AttributeError(name)
        return partial(_option_of, self._context, name)


def _option_of(context: NotebookContext, name: str) -> _Option:
    facts = context.all()
    return _Option(facts.get(name, tags_of(facts).get(name)))


TAGS = {
    "orgId": "workspaceId", "user": "userName", "clusterId": "clusterId",
    "browserHostName": "browserHostName",
    "jobId": "jobId", "jobName": "jobName", "jobType": "jobType", "runId": "currentRunId",
    "idInJob": "currentRunId", "multitaskParentRunId": "rootRunId", "jobOwnerId": "userName",
    "taskKey": "taskKey", "taskDependencies": "taskDependencies",
}  # fmt: skip
"""The tags, and the facts that they are."""


def tags_of(facts: Mapping[str, str]) -> dict[str, str]:
    """The tags of a context."""
    return {tag: facts[name] for tag, name in TAGS.items() if name in facts}


def extra_context_of(facts: Mapping[str, str]) -> dict[str, str]:
    """The part of a context that notebooks find their own path in."""
    names = {"notebook_path": "notebookPath", "api_url": "apiUrl", "api_token": "apiToken"}
    return {key: facts[name] for key, name in names.items() if name in facts}


def as_json(facts: Mapping[str, str]) -> dict[str, Any]:
    """A context as `toJson` has it; without the token, which is not for logs."""
    shown = {name: value for name, value in facts.items() if name != "apiToken"}

    def run(name: str) -> dict[str, int] | None:
        return {"id": int(facts[name])} if facts.get(name, "").isdigit() else None

    return {
        "rootRunId": run("rootRunId"),
        "currentRunId": run("currentRunId"),
        "jobGroup": facts.get("currentRunId"),
        "tags": tags_of(facts),
        "extraContext": extra_context_of(shown),
    }
