"""Read a job of a Databricks Asset Bundle as settings of the Jobs API."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from databricks_blocks.errors import InvalidJob
from databricks_blocks.job.bundle.files import keyed_lists_merged, merge_target, read_files
from databricks_blocks.job.bundle.paths import PathKind, objects, with_paths
from databricks_blocks.job.bundle.values import BundleValues, as_text
from databricks_blocks.job.task_json import Json, with_nested

_NOTEBOOK_SUFFIXES = (".py", ".ipynb", ".sql", ".scala", ".r", ".R")

_BUNDLE_ONLY = {
    "permissions": "who may see and manage the job is for the deployment to say",
    "lifecycle": "it is about deployments",
    "id": "it is set by deployments",
    "url": "it is set by deployments",
}


def read_bundle(
    path: Path, *, job: str | None, target: str | None, variables: Mapping[str, Any], user_name: str | None
) -> tuple[Json, str, list[str]]:
    """Read the settings of one job out of a bundle.

    Args:
        path: The root file of the bundle, or the directory that holds it.
        job: Its name in `resources.jobs`; `None`: the only one.
        target: The target; `None`: the default one.
        variables: Values for variables of the bundle.
        user_name: Who deployed the bundle.

    Returns:
        The settings, what they are called in messages, and a note on each thing that was not taken over.

    Raises:
        InvalidJob: What the job needs of the bundle cannot be read.
    """
    root, configuration = read_files(path)
    # The Databricks CLI gives a bundle without targets an empty one of this name (its `DefineDefaultTarget`).
    targets = configuration.get("targets") or configuration.get("environments") or {"default": {}}
    chosen = _chosen_target(targets, target, root)
    configuration = merge_target(configuration, chosen, targets[chosen] or {}, str(root))
    configuration["bundle"] = {**(configuration.get("bundle") or {}), "target": chosen, "environment": chosen}
    configuration["workspace"] = _workspace(configuration.get("workspace") or {}, user_name)
    _known_variables(configuration, variables, root)
    values = BundleValues(configuration, variables, str(root))
    jobs = (configuration.get("resources") or {}).get("jobs") or {}
    name = _chosen_job(jobs, job, root)
    place = f"resources.jobs.{name}"
    settings = keyed_lists_merged(values.resolved(jobs[name] or {}, place))
    if configuration.get("run_as") is not None:
        settings.setdefault("run_as", values.resolved(configuration["run_as"], "run_as"))
    settings = _texts(_remote_paths(settings, values, root, place))
    notes = [
        f"`{field}` is not taken over: {why}." for field, why in _BUNDLE_ONLY.items() if field in settings
    ]
    notes += _target_notes(configuration, targets[chosen] or {})
    kept = {field: value for field, value in settings.items() if field not in _BUNDLE_ONLY}
    return {"name": name, **kept}, f"{root}: {place}", notes


def _chosen_target(targets: Mapping[str, Any], target: str | None, root: Path) -> str:
    if target is not None:
        if target not in targets:
            raise InvalidJob(f"{root}: targets: there is no `{target}`; there is {_listed(targets)}.")
        return target
    default = [name for name, value in targets.items() if (value or {}).get("default")]
    candidates = list(targets) if len(targets) == 1 else default
    if len(candidates) != 1:
        raise InvalidJob(f"{root}: targets: choose one of {_listed(targets)}; there is no single default.")
    return candidates[0]


def _chosen_job(jobs: Mapping[str, Any], job: str | None, root: Path) -> str:
    if job is None and len(jobs) == 1:
        return next(iter(jobs))
    if not jobs:
        raise InvalidJob(f"{root}: resources.jobs: the bundle has no job.")
    if job is None:
        raise InvalidJob(f"{root}: resources.jobs: choose one of {_listed(jobs)}.")
    if job not in jobs:
        raise InvalidJob(f"{root}: resources.jobs: there is no `{job}`; there is {_listed(jobs)}.")
    return job


def _known_variables(configuration: Json, variables: Mapping[str, Any], root: Path) -> None:
    unknown = [name for name in variables if name not in configuration["variables"]]
    if unknown:
        raise InvalidJob(f"{root}: variables: the bundle has no variable {_listed(dict.fromkeys(unknown))}.")


def _workspace(workspace: Json, user_name: str | None) -> Json:
    """The paths in the workspace, with the defaults of the CLI (default_workspace_root.go, ..._paths.go)."""
    root_path = str(workspace.get("root_path") or "~/.bundle/${bundle.name}/${bundle.target}")
    if root_path == "~" or root_path.startswith("~/"):
        root_path = "/Workspace/Users/${workspace.current_user.userName}" + root_path[1:]
    filled = {
        "file_path": f"{root_path}/files",
        "artifact_path": f"{root_path}/artifacts",
        "resource_path": f"{root_path}/resources",
        "state_path": f"{root_path}/state",
        **workspace,
        "root_path": root_path,
    }
    if user_name is not None:
        filled["current_user"] = {"userName": user_name, "short_name": user_name.partition("@")[0]}
    return filled


def _remote_paths(settings: Json, values: BundleValues, root: Path, place: str) -> Json:
    """Turn relative paths into the workspace paths that a deployment puts the files at.

    Built packages go to `.internal` of the artifact path (databricks/cli, bundle/libraries).
    """
    source = f"{root}: {place}"

    def remote(path: str, kind: PathKind) -> str:
        path = posixpath.normpath(path)
        if path.startswith("../"):
            raise InvalidJob(f"{source}: `{path}` is not in the directory of the bundle: move it there.")
        if kind == "artifact":
            if "*" in path:
                raise InvalidJob(
                    f"{source}: `{path}` names no single file: write the name of the built file."
                )
            return f"{folder('artifact_path', path)}/.internal/{posixpath.basename(path)}"
        if kind == "notebook" and path.endswith(_NOTEBOOK_SUFFIXES):
            path = path.rpartition(".")[0]
        return posixpath.join(folder("file_path", path), path)

    def folder(name: str, path: str) -> str:
        return str(values.resolved(f"${{workspace.{name}}}", f"{place}: path `{path}`"))

    return with_paths(settings, remote)


def _texts(settings: Json) -> Json:
    """Turn parameters into text: YAML reads numbers and booleans where the API has text."""
    for parameter in objects(settings.get("parameters")):
        if "default" in parameter:
            parameter["default"] = as_text(parameter["default"])
    for task in objects(settings.get("tasks")):
        for part in with_nested(task):
            notebook = part.get("notebook_task")
            parameters = notebook.get("base_parameters") if isinstance(notebook, dict) else None
            if isinstance(parameters, dict):
                parameters.update({name: as_text(value) for name, value in parameters.items()})
    return settings


def _target_notes(configuration: Json, target: Mapping[str, Any]) -> list[str]:
    notes = []
    mode = target.get("mode") or configuration["bundle"].get("mode")
    if mode == "development":
        notes.append("`mode: development` is not taken over: names get no prefix, and no tags are added.")
    if configuration.get("presets"):
        notes.append("`presets` are not taken over: write their prefix, tags and limits into the job.")
    if configuration["workspace"].get("host"):
        notes.append("`workspace.host` is not taken over: the job runs in the workspace of the block.")
    if configuration.get("permissions"):
        notes.append("`permissions` of the bundle are not taken over.")
    return notes


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in names)
