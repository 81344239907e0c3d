"""Tasks that run SQL on a warehouse: how they are read out of request bodies. Pure."""

import posixpath

from databricks_local.api import errors
from databricks_local.api.bodies import Json, read_choice, read_object, read_required_string, read_strings
from databricks_local.api.errors import invalid_parameter
from databricks_local.jobs.programs import SOURCES
from databricks_local.jobs.specs import SqlSpec

KINDS = ("query", "file", "alert", "dashboard")
UNSERVED = ("alert", "dashboard")


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
