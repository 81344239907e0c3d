"""Git folders, cloned from repositories on this machine."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.errors import BadRequest, DatabricksError, InvalidParameterValue, NotFound
from databricks.sdk.service.workspace import ObjectType
from databricks_local.api.errors import ApiError
from databricks_local.git.repos import Repos
from databricks_local.storage.documents import Documents

from .git_lab import commit, git
from .workspace_lab import HEADER, Lab


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    cell = {"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": [], "execution_count": None}
    document = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    notebook = HEADER + "dbutils.notebook.exit('one')\n"
    files = {"book.py": notebook, "module.py": "x = 1\n", "jupyter.ipynb": json.dumps(document)}
    commit(directory, files)
    git(directory, "tag", "v1")
    git(directory, "branch", "other")
    return directory


def test_the_life_of_a_repo(lab: Lab, origin: Path) -> None:
    repos = lab.sdk.repos
    made = repos.create(url=origin.as_uri(), provider="gitHub")
    assert made.id is not None
    assert made.path == "/Repos/local@dbflow.example/project"
    assert (made.branch, made.head_commit_id) == ("main", git(origin, "rev-parse", "HEAD"))
    listed = [item.path for item in lab.sdk.workspace.list(made.path)]
    assert [path for path in listed if path and path.endswith("/.git")] == []
    # A notebook of a git folder has no extension in the workspace.
    book = lab.sdk.workspace.get_status(f"{made.path}/book")
    assert (book.path, book.object_type) == (f"{made.path}/book", ObjectType.NOTEBOOK)
    assert listed == [f"{made.path}/{name}" for name in ("book", "jupyter", "module.py")]
    exported = lab.sdk.workspace.export(f"{made.path}/jupyter").content or ""
    assert base64.b64decode(exported).decode() == HEADER + "x = 1\n"
    commit(origin, {"book.py": HEADER + "dbutils.notebook.exit('two')\n"})
    run = lab.run(lab.task("only", f"{made.path}/book"))
    output = lab.sdk.jobs.get_run_output(run["tasks"][0]["run_id"]).notebook_output
    assert output is not None
    assert output.result == "one"
    repos.update(made.id, branch="main")
    found = repos.get(made.id)
    assert found.head_commit_id == git(origin, "rev-parse", "HEAD")
    repos.update(made.id, tag="v1")
    assert repos.get(made.id).head_commit_id == git(origin, "rev-parse", "v1")
    assert made.id in [repo.id for repo in repos.list(path_prefix="/Repos/local@")]
    assert [repo.id for repo in repos.list(path_prefix="/Repos/nobody")] == []
    with pytest.raises(DatabricksError, match="cannot be checked out"):
        repos.update(made.id, branch="none")
    with pytest.raises(InvalidParameterValue, match="Exactly one of branch and tag"):
        repos.update(made.id)
    repos.delete(made.id)
    with pytest.raises(NotFound):
        repos.get(made.id)
    with pytest.raises(NotFound):
        lab.sdk.workspace.get_status(made.path)


@pytest.mark.parametrize("path", ["/Repos/team/project", "/Workspace/Shared/deep/project"])
def test_a_path_of_ones_own(lab: Lab, origin: Path, path: str) -> None:
    made = lab.sdk.repos.create(url=str(origin), provider="gitHub", path=path)
    assert (made.path, made.id is not None) == (path, True)
    answer = lab.post("/api/2.0/repos", {"url": str(origin), "provider": "gitHub", "path": path})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    lab.sdk.repos.delete(made.id or 0)


@pytest.mark.parametrize(
    "url",
    ["https://github.com/org/project", "git@github.com:org/project.git", "ssh://host/project",
     "file://host/project", "relative/project", "/does/not/exist", "file:///does/not/exist",
     "ext::sh -c 'touch /tmp/x'", "--upload-pack=x", "file://[", "http://[::1", "/" + "x" * 5000],
)  # fmt: skip
def test_what_cannot_be_cloned(lab: Lab, url: str) -> None:
    with pytest.raises(InvalidParameterValue, match="cannot be cloned"):
        lab.sdk.repos.create(url=url, provider="gitHub")


@pytest.mark.parametrize(
    "path", ["relative/path", "/Repos", "/Repos/../../outside", "/Repos/a/\x00", "/Repos/a/" + "é" * 150]
)
def test_paths_that_lead_nowhere_good(lab: Lab, origin: Path, path: str) -> None:
    with pytest.raises(InvalidParameterValue):
        lab.sdk.repos.create(url=str(origin), provider="gitHub", path=path)


def test_a_directory_that_is_no_repository(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="Failed to clone"):
        lab.sdk.repos.create(url=str(tmp_path), provider="gitHub", path="/Repos/no/repository")
    for branch in ("none", "--upload-pack=x"):
        with pytest.raises(BadRequest):
            lab.sdk.repos.create(url=str(tmp_path), provider="gitHub", path=f"/Repos/no/{branch[2:]}")


def test_a_repository_without_a_commit_leaves_nothing(lab: Lab, tmp_path: Path, origin: Path) -> None:
    git(tmp_path, "init", "--quiet", "empty")
    path = "/Repos/team/empty"
    with pytest.raises(BadRequest, match="Failed to clone"):
        lab.sdk.repos.create(url=str(tmp_path / "empty"), provider="gitHub", path=path)
    assert list(lab.sdk.repos.list(path_prefix=path)) == []
    made = lab.sdk.repos.create(url=str(origin), provider="gitHub", path=path)
    lab.sdk.repos.delete(made.id or 0)


def test_a_path_below_a_file(lab: Lab, origin: Path) -> None:
    notebook = lab.notebook("file", "x = 1\n")
    for path in (f"{notebook}/project", f"{notebook}/deep/project"):
        answer = lab.post("/api/2.0/repos", {"url": str(origin), "provider": "gitHub", "path": path})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")


def test_a_git_folder_that_was_deleted_as_a_folder(lab: Lab, origin: Path) -> None:
    path = "/Repos/team/again"
    first = lab.sdk.repos.create(url=str(origin), provider="gitHub", path=path)
    lab.sdk.workspace.delete(path, recursive=True)
    second = lab.sdk.repos.create(url=str(origin), provider="gitHub", path=f"/Workspace{path}")
    assert [repo.id for repo in lab.sdk.repos.list(path_prefix=f"/Workspace{path}")] == [second.id]
    # The id of the first must not lead to the files of the second.
    with pytest.raises(NotFound):
        lab.sdk.repos.delete(first.id or 0)
    assert lab.sdk.workspace.get_status(f"{path}/book").object_type == ObjectType.NOTEBOOK
    lab.sdk.repos.delete(second.id or 0)


def test_two_clients_clone_to_the_same_place(tmp_path: Path, origin: Path) -> None:
    files = tmp_path / "files"
    repos = Repos(files, tmp_path / "repos", Documents(tmp_path / "objects.sqlite"), "somebody")
    path = "/Repos/team/race"

    async def create_at_once() -> list[Any]:
        urls = (str(origin), str(tmp_path), str(origin))
        attempts = [repos.create(url, "gitHub", path, "") for url in urls]
        return await asyncio.gather(*attempts, return_exceptions=True)

    answers = asyncio.run(create_at_once())
    # The others fail, and leave the folder of the first alone.
    assert [type(answer) for answer in answers] == [dict, ApiError, ApiError]
    assert (files / "Repos" / "team" / "race" / "book.py").is_file()


@pytest.mark.parametrize("repo_id", ["0", "x", "9" * 30])
def test_repos_that_are_not_there(lab: Lab, repo_id: str) -> None:
    assert lab.get(f"/api/2.0/repos/{repo_id}").status_code in (400, 404)
    assert lab.http.delete(f"/api/2.0/repos/{repo_id}").status_code in (400, 404)
