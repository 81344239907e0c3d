"""A task for the Git folders of a Databricks workspace: update."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from databricks_blocks.errors import DatabricksRunRefused
from databricks_blocks.workspace.api_errors import api_errors
from databricks_blocks.workspace.block import WORKSPACE_BLOCK, named_client
from prefect import task
from prefect.cache_policies import NO_CACHE

if TYPE_CHECKING:
    from databricks.sdk.service.workspace import ReposAPI


@dataclass(frozen=True)
class RepoState:
    """What a Git folder holds.

    Attributes:
        repo_id: Id of the Git folder.
        path: Its path in the workspace.
        branch: The branch that is checked out; empty for a tag.
        head_commit_id: The commit that is checked out.
    """

    repo_id: int
    path: str
    branch: str
    head_commit_id: str


@task(cache_policy=NO_CACHE)
def update_repo(repo: str, branch: str = "", tag: str = "", workspace: str = WORKSPACE_BLOCK) -> RepoState:
    """Check out the latest commit of a branch, or a tag, in a Git folder.

    Args:
        repo: Id of the Git folder, or its path in the workspace.
        branch: Name of the branch.
        tag: Name of the tag, instead of a branch.
        workspace: Name of the Databricks Workspace block.

    Returns:
        The Git folder after the update.

    Raises:
        ValueError: Neither a branch nor a tag is given, or both are.
        DatabricksRunRefused: There is no such Git folder, branch or tag.
    """
    if bool(branch) == bool(tag):
        raise ValueError(f"Give a branch or a tag for the Git folder `{repo}`: one of them.")
    client = named_client(workspace)
    with api_errors(client.config.host, "repos"):
        repo_id = int(repo) if repo.isascii() and repo.isdigit() else _id_of(client.repos, repo)
        client.repos.update(repo_id, branch=branch or None, tag=tag or None)
        found = client.repos.get(repo_id)
    return RepoState(repo_id, found.path or "", found.branch or "", found.head_commit_id or "")


def _id_of(repos: ReposAPI, path: str) -> int:
    for repo in repos.list(path_prefix=path):
        if repo.path == path.rstrip("/") and repo.id is not None:
            return repo.id
    raise DatabricksRunRefused(f"The workspace has no Git folder at `{path}`.")
