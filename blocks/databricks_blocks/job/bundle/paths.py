"""Paths of the files that a job of a Databricks Asset Bundle names. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, Literal

from databricks_blocks.job.task_json import Json, with_nested

PathKind = Literal["notebook", "file", "artifact"]

_PATHS = (
    ("notebook_task", "notebook_path"),
    ("spark_python_task", "python_file"),
    ("dbt_task", "project_directory"),
    ("sql_task", "file", "path"),
    ("alert_task", "workspace_path"),
)
"""Where tasks name files of the bundle (databricks/cli, job_paths_visitor.go)."""

_LIBRARIES: dict[str, PathKind] = {"whl": "artifact", "jar": "artifact", "requirements": "file"}


def with_paths(job: Json, change: Callable[[str, PathKind], str]) -> Json:
    """Change the relative paths in a job.

    Args:
        job: Settings of the job; paths in a git source are left as they are.
        change: Gets a path and the kind of file, and gives the new path.
    """
    if job.get("git_source"):
        return job
    changed = deepcopy(job)
    for task in objects(changed.get("tasks")):
        for part in with_nested(task):
            for holder, name, kind in _path_fields(part):
                if _is_relative(holder.get(name)):
                    holder[name] = change(holder[name], kind)
    for environment in objects(changed.get("environments")):
        spec = environment.get("spec")
        if isinstance(spec, dict) and isinstance(spec.get("dependencies"), list):
            spec["dependencies"] = [_dependency(line, change) for line in spec["dependencies"]]
    return changed


def _path_fields(task: Json) -> Iterator[tuple[Json, str, PathKind]]:
    for *parents, name in _PATHS:
        holder: Any = task
        for parent in parents:
            holder = holder.get(parent) if isinstance(holder, dict) else None
        if isinstance(holder, dict):
            yield holder, name, "notebook" if name == "notebook_path" else "file"
    for library in objects(task.get("libraries")):
        for name, kind in _LIBRARIES.items():
            yield library, name, kind


def _dependency(line: Any, change: Callable[[str, PathKind], str]) -> Any:
    """A line of an environment: a file of requirements, a package of the bundle, or something of an index."""
    if isinstance(line, str) and line.startswith("-r ") and _is_relative(line[3:].strip()):
        return "-r " + change(line[3:].strip(), "file")
    if _is_relative(line) and (line.startswith(".") or line.endswith((".whl", ".jar"))):
        return change(line, "artifact")
    return line


def objects(value: Any) -> list[Json]:
    """The objects in a list. Other values are left for the validation to report."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _is_relative(value: Any) -> bool:
    return isinstance(value, str) and not value.startswith(("/", "${", "~", "dbfs:")) and "://" not in value
