"""Git folders: clones of repositories on this machine, in the workspace's tree."""

import asyncio
import re
import secrets
from pathlib import Path

from databricks_local.api.bodies import Json
from databricks_local.api.errors import ApiError, invalid_parameter, path_exists
from databricks_local.files.tree import MAX_NAME_BYTES, leads_inside, remove
from databricks_local.git.repository import GitError, GitRepository, checked_reference, local_source
from databricks_local.runtime.dbutils.filesystem import in_workspace
from databricks_local.storage.documents import Documents
from databricks_local.storage.leftovers import remove_directories

KIND = "repo"
MIN_DEPTH = 2
MAX_PATH_LENGTH = 1_000
PROVIDERS = (
    "gitHub", "bitbucketCloud", "gitLab", "azureDevOpsServices", "gitHubEnterprise",
    "bitbucketServer", "gitLabEnterpriseEdition", "awsCodeCommit",
)  # fmt: skip

_NAME = re.compile(r"[^\x00-\x1f\x7f/]{1,200}")


class Repos:
    """The git folders, under `/Repos` of the workspace's files."""

    def __init__(self, files: Path, directory: Path, documents: Documents, user: str) -> None:
        self._files = files
        self._directory = directory
        self._documents = documents
        self._user = user

    async def create(self, url: str, provider: str, path: str, branch: str) -> Json:
        """Clone a repository.

        Args:
            url: A path or file URL; others are refused, since the local workspace reaches no network.
            provider: The git provider, which is only stored.
            path: The path of the git folder; empty for one below the user's own.
            branch: The branch to check out; empty for the default branch.
        """
        source = local_source(url)
        path = path or f"/Repos/{self._user}/{Path(source).name.removesuffix('.git')}"
        place = self._place(path)
        try:
            # The request that makes the directory owns it: a concurrent one must not remove it below.
            place.parent.mkdir(parents=True, exist_ok=True)
            place.mkdir()
        except (FileExistsError, NotADirectoryError) as error:
            raise path_exists(path) from error
        number = str(10**15 + secrets.randbelow(8 * 10**15))
        git = GitRepository(self._directory / number, place)
        self._directory.mkdir(exist_ok=True)
        chosen = ("--branch", checked_reference(branch)) if branch else ()
        document = {"url": url, "provider": provider or "gitHub", "path": path, "branch": branch}
        try:
            await git.clone(source, *chosen)
            document = await _checked_out(git, document)
        except BaseException as error:
            await remove_directories(place, git.directory)
            if isinstance(error, GitError):
                raise ApiError(400, "BAD_REQUEST", f"Failed to clone {url[:1000]}: {error}") from error
            raise
        await self._forget_deleted(place)
        self._documents.put(KIND, number, document)
        return self.get(number)

    def get(self, repo_id: str) -> Json:
        """A git folder, as the API shows it."""
        document = self._documents.get(KIND, repo_id)
        if document is None or not self._place(document["path"]).is_dir():
            raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Repo {repo_id[:100]} does not exist.")
        return {**document, "id": int(repo_id)}

    def all(self, prefix: str) -> list[Json]:
        """All git folders below a path, by id."""
        found = [(key, document) for key, document in self._documents.all(KIND)]
        return [
            {**document, "id": int(key)}
            for key, document in found
            if document["path"].startswith(prefix) and self._place(document["path"]).is_dir()
        ]

    async def update(self, repo_id: str, branch: str, tag: str) -> Json:
        """Check out the newest commit of a branch, or a tag."""
        document = self.get(repo_id)
        del document["id"]
        if bool(branch) == bool(tag):
            raise invalid_parameter("Exactly one of branch and tag must be specified.")
        git = GitRepository(self._directory / repo_id, self._place(document["path"]))
        wanted = checked_reference(branch or tag)
        try:
            await git.run("fetch", "--quiet", "--tags", "--force", "origin")
            target = f"refs/tags/{wanted}" if tag else f"refs/remotes/origin/{wanted}"
            await git.run("checkout", "--quiet", "--force", "--detach", target)
        except GitError as error:
            raise ApiError(
                400, "GIT_REFERENCE_NOT_FOUND", f"{wanted} cannot be checked out: {error}"
            ) from error
        document.pop("tag", None)
        # On a tag there is no branch (docs: the repo is in a detached HEAD state).
        document["branch"] = branch
        self._documents.put(KIND, repo_id, await _checked_out(git, document))
        return self.get(repo_id)

    async def delete(self, repo_id: str) -> None:
        """Remove a git folder and its files."""
        document = self.get(repo_id)
        await asyncio.to_thread(remove, self._place(document["path"]))
        await remove_directories(self._directory / repo_id)
        self._documents.delete(KIND, repo_id)

    async def _forget_deleted(self, place: Path) -> None:
        """Forget git folders that were at a place before and were deleted as plain folders."""
        for repo_id, document in list(self._documents.all(KIND)):
            if self._place(document["path"]) == place:
                await remove_directories(self._directory / repo_id)
                self._documents.delete(KIND, repo_id)

    def _place(self, path: str) -> Path:
        names = [name for name in in_workspace(path).split("/") if name]
        if not path.startswith("/") or len(names) < MIN_DEPTH or len(path) > MAX_PATH_LENGTH:
            raise invalid_parameter(f"Path ({path[:1000]}) is not one for a git folder.")
        if any(
            name in (".", "..") or not _NAME.fullmatch(name) or len(name.encode()) > MAX_NAME_BYTES
            for name in names
        ):
            raise invalid_parameter(f"Path ({path}) has an invalid name in it.")
        place = self._files.joinpath(*names)
        if not leads_inside(place, self._files.resolve()):
            raise invalid_parameter(f"Path ({path}) leads out of the workspace.")
        return place


async def _checked_out(git: GitRepository, document: Json) -> Json:
    """The document of a git folder, with its branch and commit filled in."""
    document = {**document, "head_commit_id": (await git.run("rev-parse", "--verify", "HEAD")).strip()}
    if not document["branch"]:
        name = (await git.run("rev-parse", "--abbrev-ref", "HEAD")).strip()
        document["branch"] = "" if name == "HEAD" else name
    return document
