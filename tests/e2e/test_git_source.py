"""The analysis with notebooks that Databricks takes from a repository, not from the workspace."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from databricks_blocks.errors import DatabricksJobError

from .conftest import Stack, analyse

ROOT = Path(__file__).parents[2]


def git(directory: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    command = ["git", "-C", str(directory), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose notebooks are those of the package, but for the name of one file."""
    folder = tmp_path / "repository" / "analysis"
    folder.mkdir(parents=True)
    for name in ("join_data.py", "transform_data.py"):
        (folder / name).write_text((ROOT / "notebooks" / name).read_text(encoding="utf-8"))
    git(folder.parent, "init", "--quiet", "--initial-branch=main")
    git(folder.parent, "add", "--all")
    git(folder.parent, "commit", "--quiet", "-m", "the notebooks")
    return folder.parent


def run_of(stack: Stack, url: str) -> dict[str, Any]:
    run_id = urlsplit(url).path.rpartition("/")[2]
    return stack.databricks().jobs.get_run(int(run_id)).as_dict()


@pytest.mark.parametrize("launch", ["submit", "run_now"])
def test_the_notebooks_come_from_a_commit_of_the_repository(
    clean_stack: Stack, repository: Path, tmp_path: Path, launch: Literal["submit", "run_now"]
) -> None:
    source = {"git_url": repository.as_uri(), "git_provider": "gitHub", "git_branch": "main"}
    result = analyse(
        tmp_path / "out",
        countries=["Switzerland"],
        notebook_directory="analysis",
        git_source=source,
        launch=launch,
    )
    assert result.rows == 37
    run = run_of(clean_stack, result.databricks_run_url)
    assert run["git_source"]["git_snapshot"] == {"used_commit": git(repository, "rev-parse", "HEAD")}
    assert {task["notebook_task"]["source"] for task in run["tasks"]} == {"GIT"}


def test_a_folder_that_is_not_in_the_repository_is_told(
    clean_stack: Stack, repository: Path, tmp_path: Path
) -> None:
    source = {"git_url": repository.as_uri(), "git_provider": "gitHub", "git_branch": "main"}
    with pytest.raises(DatabricksJobError, match="there is no notebook elsewhere/join_data in commit"):
        analyse(
            tmp_path / "out",
            notebook_directory="elsewhere",
            git_source=source,
            max_repairs=0,
            keep_after_failure=0,
        )
