"""Reads the `git_source` of runs and jobs. Pure."""

from collections.abc import Sequence

from databricks_local.api.bodies import Json, read_object, read_required_string, read_string
from databricks_local.api.errors import invalid_parameter
from databricks_local.jobs.specs import (
    DbtSpec,
    ForEachSpec,
    GitSpec,
    NotebookSpec,
    PythonFileSpec,
    SqlSpec,
    TaskSpec,
)

PROVIDERS = (
    "github", "gitlab", "bitbucketcloud", "gitlabenterpriseedition", "bitbucketserver",
    "azuredevopsservices", "githubenterprise", "awscodecommit",
)  # fmt: skip
KINDS = ("branch", "tag", "commit")


def read_git_source(body: Json) -> GitSpec | None:
    """Read the `git_source` of a request; None if there is none.

    Raises:
        ApiError: If Databricks would refuse it.
    """
    raw = read_object(body, "git_source")
    if raw is None:
        return None
    if read_string(raw, "git_provider").lower() not in PROVIDERS:
        # Source of the words: databricks/cli, its test server.
        raise invalid_parameter(f"git_source.git_provider must be one of: {','.join(PROVIDERS)}")
    given = [kind for kind in KINDS if read_string(raw, f"git_{kind}")]
    if len(given) != 1:
        # Docs: git_source, each excludes the others; the words are not documented.
        raise invalid_parameter("git_source must have exactly one of git_branch, git_tag and git_commit.")
    reference = read_string(raw, f"git_{given[0]}")
    return GitSpec(read_required_string(raw, "git_url"), given[0], reference, raw)


def check_sources(tasks: Sequence[TaskSpec], git: GitSpec | None) -> None:
    """Refuse tasks with the source GIT if there is no `git_source`."""
    for task in tasks:
        body = task.body.task.body if isinstance(task.body, ForEachSpec) else task.body
        if isinstance(body, NotebookSpec | PythonFileSpec | SqlSpec | DbtSpec) and body.git and git is None:
            raise invalid_parameter(f"Task {task.key} has the source GIT, but there is no git_source.")
