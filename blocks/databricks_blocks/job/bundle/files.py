"""The files of a Databricks Asset Bundle, read and merged as the Databricks CLI does it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from databricks_blocks.errors import InvalidJob
from databricks_blocks.job.bundle.paths import PathKind, with_paths
from databricks_blocks.job.task_json import Json
from databricks_blocks.regular_files import LONGEST_SETTINGS, file_fault

ROOT_NAMES = ("databricks.yml", "databricks.yaml", "bundle.yml", "bundle.yaml")

TARGET_FIELDS = ("bundle", "workspace", "resources", "permissions", "presets")
"""Fields of a target that are merged over those of the bundle (databricks/cli, bundle/config/root.go)."""

_KEYED_LISTS = {"tasks": "task_key", "job_clusters": "job_cluster_key", "parameters": "name"}


class _Resources(BaseModel):
    jobs: dict[str, Json | None] | None = None


class _Part(BaseModel):
    """The parts of a bundle or a target that are read; the others are for deployments."""

    bundle: Json | None = None
    workspace: Json | None = None
    resources: _Resources | None = None


class _Target(_Part):
    variables: Json | None = None


class _BundleFile(_Part):
    include: list[str] | None = None
    variables: dict[str, Json | None] | None = None
    targets: dict[str, _Target | None] | None = None
    environments: dict[str, _Target | None] | None = None


def read_files(path: Path) -> tuple[Path, Json]:
    """Read the root file of a bundle and the files that it includes; relative paths then start at the root.

    Args:
        path: The root file, or the directory that holds it.

    Returns:
        The root file, and the configuration with targets not yet merged.

    Raises:
        InvalidJob: A file is missing or cannot be read.
    """
    root = _root_file(path)
    configuration = _read(root, root.parent)
    for file in _included(root, configuration.get("include") or []):
        configuration = _merged(configuration, _read(file, root.parent), str(file))
    return root, configuration


def merge_target(configuration: Json, name: str, target: Mapping[str, Any], source: str) -> Json:
    """Put the settings of a target over those of the bundle."""
    result = dict(configuration)
    for field in TARGET_FIELDS:
        if target.get(field) is not None:
            place = f"{source}: targets.{name}.{field}"
            result[field] = _merged(result.get(field) or {}, target[field], place)
    if target.get("run_as") is not None:
        result["run_as"] = target["run_as"]
    result["variables"] = dict(configuration.get("variables") or {})
    for variable, value in (target.get("variables") or {}).items():
        if variable not in result["variables"]:
            raise InvalidJob(f"{source}: targets.{name}.variables.{variable}: there is no such variable.")
        known = result["variables"][variable] or {}
        override = value if _is_definition(value) else {"default": value}
        result["variables"][variable] = {
            **{key: item for key, item in known.items() if key not in {"default", "lookup"}},
            **override,
        }
    return result


def keyed_lists_merged(job: Json) -> Json:
    """Merge tasks, clusters and parameters that have the same key (databricks/cli, merge_job_*.go)."""
    result = dict(job)
    for field, key in _KEYED_LISTS.items():
        if isinstance(job.get(field), list):
            found: dict[str, Any] = {}
            for number, item in enumerate(job[field]):
                named = isinstance(item, dict) and isinstance(item.get(key), str)
                name = item[key] if named else f"{field}[{number}]"
                found[name] = _merged(found[name], item, field) if name in found else item
            result[field] = list(found.values())
    return result


def _root_file(path: Path) -> Path:
    if path.exists() and not path.is_dir():
        return path
    found = [path / name for name in ROOT_NAMES if (path / name).is_file()]
    if len(found) != 1:
        what = "more than one of" if found else "none of"
        raise InvalidJob(f"{path} holds {what} {', '.join(ROOT_NAMES)}: name the file of the bundle.")
    return found[0]


def _included(root: Path, patterns: list[str]) -> list[Path]:
    """The files that a bundle includes, each once, in the order of the patterns."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        if pattern.startswith("/") or ".." in Path(pattern).parts:
            raise InvalidJob(f"{root}: include: `{pattern}` leads out of the directory of the bundle.")
        files = sorted(root.parent.glob(pattern))
        if not files and not any(sign in pattern for sign in "*?["):
            raise InvalidJob(f"{root}: include: there is no file `{pattern}`.")
        found |= dict.fromkeys(file for file in files if file != root)
    return list(found)


def _read(file: Path, root: Path) -> Json:
    """Read one file; its paths are relative to its own directory."""
    content = _load_yaml(file)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InvalidJob(f"{file} has to be a YAML mapping.")
    try:
        _BundleFile.model_validate(content)
    except ValidationError as error:
        raise InvalidJob.from_validation(error, str(file)) from error
    directory = file.parent.relative_to(root).as_posix()
    targets = content.get("targets") or content.get("environments") or {}
    for part in [content, *targets.values()]:
        jobs = ((part or {}).get("resources") or {}).get("jobs") or {}
        for name, job in jobs.items():
            jobs[name] = with_paths(job or {}, partial(_from_root, directory))
    return content


def _from_root(directory: str, path: str, kind: PathKind) -> str:
    relative = posixpath.normpath(posixpath.join(directory, path))
    # The leading dot marks a package of the bundle; without it, it is one of an index.
    return f"./{relative}" if kind == "artifact" and not relative.startswith("../") else relative


def _load_yaml(file: Path) -> Any:
    """Read YAML 1.2, where `12:30` is a text and no number; dates stay texts as well."""
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import SafeConstructor
    from ruamel.yaml.error import YAMLError

    class Constructor(SafeConstructor):
        """Reads dates as texts, since JSON has no dates."""

    Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = Constructor
    if fault := file_fault(file, longest=LONGEST_SETTINGS):
        raise InvalidJob(f"{file} cannot be read: {fault}.")
    try:
        return yaml.load(file)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidJob(f"{file} cannot be read: {error}") from error
    except YAMLError as error:
        raise InvalidJob(f"{file} is no YAML: {error}") from error


def _is_definition(value: Any) -> bool:
    return (
        isinstance(value, dict) and bool(value) and set(value) <= {"default", "lookup", "type", "description"}
    )


def _merged(base: Any, over: Any, place: str) -> Any:
    """Merge as the CLI does: objects by name, lists appended, else the second value (libs/dyn/merge)."""
    if base is None or over is None:
        return over if base is None else base
    if isinstance(base, dict) and isinstance(over, dict):
        result = dict(base)
        for name, value in over.items():
            result[name] = _merged(result.get(name), value, f"{place}.{name}")
        return result
    if isinstance(base, list) and isinstance(over, list):
        return [*base, *over]
    if isinstance(base, dict | list) or isinstance(over, dict | list):
        raise InvalidJob(f"{place}: {_kind(over)} cannot be merged into {_kind(base)}.")
    return over


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else f"`{value}`"
