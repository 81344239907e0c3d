"""Tasks that run SQL or dbt on a warehouse: how they are read out of request bodies. Pure."""

import posixpath
import shlex

from databricks_local.api import errors
from databricks_local.api.bodies import (
    Json,
    read_choice,
    read_object,
    read_required_string,
    read_string,
    read_string_list,
    read_strings,
)
from databricks_local.api.errors import invalid_parameter
from databricks_local.jobs.bodies.programs import SOURCES
from databricks_local.jobs.specs import DbtSpec, SqlSpec

KINDS = ("query", "file", "alert", "dashboard")
UNSERVED = ("alert", "dashboard")
MAX_COMMANDS = 10
"""Docs: dbt_task.commands."""


def parse_sql(task: Json, *, git: bool) -> SqlSpec:
    """Read a `sql_task`.

    Args:
        task: Its JSON.
        git: Whether the repository is the default source of files.
    """
    given = [kind for kind in KINDS if read_object(task, kind) is not None]
    if len(given) != 1:
        raise invalid_parameter(f"A sql_task needs one of {', '.join(KINDS)}.")
    kind = given[0]
    if kind in UNSERVED:
        raise errors.not_served(f"sql_task.{kind}")
    warehouse_id = read_required_string(task, "warehouse_id")
    parameters = read_strings(task, "parameters")
    if kind == "query":
        return SqlSpec(warehouse_id, read_required_string(task["query"], "query_id"), parameters=parameters)
    path, from_git = _file(task["file"], git=git)
    return SqlSpec(warehouse_id, path=path, git=from_git, parameters=parameters)


def parse_dbt(task: Json, *, git: bool) -> DbtSpec:
    """Read a `dbt_task`.

    Args:
        task: Its JSON.
        git: Whether the repository is the default source of projects.
    """
    commands = read_string_list(task, "commands")
    if not 1 <= len(commands) <= MAX_COMMANDS:
        raise invalid_parameter(f"A dbt_task needs between 1 and {MAX_COMMANDS} commands.")
    for command in commands:
        # Docs: all commands must start with dbt.
        if command.split(maxsplit=1)[:1] != ["dbt"]:
            raise invalid_parameter(f"The commands of a dbt_task must start with dbt: {command[:200]}")
        if words_of(command) is None:
            raise invalid_parameter(f"A command of this dbt_task has a quote that is open: {command[:200]}")
    warehouse_id, profiles = read_string(task, "warehouse_id"), read_string(task, "profiles_directory")
    for name in ("catalog", "schema"):
        if read_string(task, name) and not warehouse_id:
            raise invalid_parameter(f"dbt_task.{name} needs a warehouse_id.")
    if profiles and warehouse_id:
        raise invalid_parameter("dbt_task.profiles_directory is only for tasks without a warehouse_id.")
    directory, from_git = _project(task, git=git)
    catalog, schema = read_string(task, "catalog"), read_string(task, "schema")
    return DbtSpec(commands, directory, from_git, warehouse_id, catalog, schema, profiles)


def words_of(command: str) -> list[str] | None:
    """The words of a command as a shell reads them; None if they cannot be read.

    Example:
        >>> words_of("dbt run --vars '{a: 1}'"), words_of("dbt run --vars '{a: 1")
        (['dbt', 'run', '--vars', '{a: 1}'], None)
    """
    try:
        return shlex.split(command)
    except ValueError:
        return None


def _project(task: Json, *, git: bool) -> tuple[str, bool]:
    from_git = read_choice(task, "source", SOURCES, "GIT" if git else "WORKSPACE") == "GIT"
    directory = read_string(task, "project_directory")
    if from_git == directory.startswith("/"):
        wanted = "relative" if from_git else "absolute"
        raise invalid_parameter(
            f"The project_directory of this dbt_task must be {wanted}: {directory[:1000]}"
        )
    if from_git:
        return directory, True
    return posixpath.normpath(
        directory if directory.startswith("/Workspace/") else f"/Workspace{directory}"
    ), False


def _file(file: Json, *, git: bool) -> tuple[str, bool]:
    from_git = read_choice(file, "source", SOURCES, "GIT" if git else "WORKSPACE") == "GIT"
    path = read_required_string(file, "path")
    if from_git == path.startswith("/"):
        # Docs: relative in a repository, absolute in the workspace; the words are ours.
        wanted = "relative" if from_git else "absolute"
        raise invalid_parameter(f"The path of this SQL file must be {wanted}: {path[:1000]}")
    if from_git:
        return path, True
    return posixpath.normpath(path if path.startswith("/Workspace/") else f"/Workspace{path}"), False
