"""Checkouts for tasks with the source GIT: the files of one commit."""

import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from databricks_local.api.errors import ApiError
from databricks_local.files.workspace_files import MAX_NAME_BYTES, MAX_PATH_LENGTH, notebook_at
from databricks_local.git.repository import GitError, GitRepository, checked_reference, local_source
from databricks_local.jobs.specs import GitSpec
from databricks_local.storage.leftovers import remove_directories, remove_leftovers

REFERENCES = {"branch": "refs/remotes/origin/", "tag": "refs/tags/", "commit": ""}
"""The prefix of a reference in a clone, by the kind of reference in a `git_source`."""

_CHECKOUT = re.compile(r"[0-9a-f]{16}(\.git)?")


class CheckoutError(Exception):
    """Raised when a repository cannot be checked out, or a file is not in it; says why in one line."""


@dataclass(frozen=True)
class Checkout:
    """The files of one commit.

    Attributes:
        directory: Where they are.
        commit: The commit.
    """

    directory: Path
    commit: str

    def file(self, path: str) -> Path:
        """A file of the repository.

        Args:
            path: Relative to the repository.

        Raises:
            CheckoutError: If there is none, or the path leads out of the repository.
        """
        place = self._place(path)
        if place is None or not place.is_file():
            raise CheckoutError(f"there is no file {path[:1000]} in commit {self.commit}.")
        return place

    def notebook_source(self, path: str) -> str:
        """The source of a notebook of the repository, whose path may leave out the extension.

        Raises:
            CheckoutError: If there is none, or the path leads out of the repository.
        """
        place = self._place(path)
        source = None if place is None else notebook_at(place)
        if source is None:
            raise CheckoutError(f"there is no notebook {path[:1000]} in commit {self.commit}.")
        return source

    def _place(self, path: str) -> Path | None:
        """Where a path leads; None if that is the repository itself or outside."""
        names = [name for name in path.split("/") if name not in ("", ".")]
        # A path that ends with a slash is a folder.
        if not names or ".." in names or path.startswith("/") or path.endswith("/"):
            return None
        if not path.isprintable() or len(path) > MAX_PATH_LENGTH:
            return None
        too_long = any(len(name.encode()) > MAX_NAME_BYTES for name in names)
        return None if too_long else self.directory.joinpath(*names)


class Checkouts:
    """Makes checkouts, each in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        """Set up.

        Args:
            directory: Where they are made. What a killed server left there is removed.
        """
        self._directory = directory
        remove_leftovers(directory, _CHECKOUT)

    async def make(self, git: GitSpec, commit: str = "") -> Checkout:
        """Check out what a `git_source` names.

        Args:
            git: The `git_source`.
            commit: The commit to check out; empty for the present one of the reference.

        Raises:
            CheckoutError: If the repository or the reference cannot be found.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        place = self._directory / secrets.token_hex(8)
        repository = GitRepository(place.with_suffix(".git"), place)
        try:
            found = await _fill(repository, git, commit)
            await remove_directories(repository.directory)
        except BaseException:
            await remove_directories(place, repository.directory)
            raise
        return Checkout(place, found)


async def _fill(repository: GitRepository, git: GitSpec, commit: str) -> str:
    """Check out, and return the commit."""
    try:
        # A symbolic link becomes a file that holds its target: one could lead anywhere on this machine.
        await repository.clone(local_source(git.url), "--no-checkout", "--config", "core.symlinks=false")
        commit = await _commit(repository, git, commit)
        await repository.run("checkout", "--quiet", "--force", "--detach", commit)
    except (GitError, ApiError) as error:
        raise CheckoutError(" ".join(str(error).split())) from error
    return commit


async def _commit(repository: GitRepository, git: GitSpec, commit: str) -> str:
    reference = commit or REFERENCES[git.kind] + checked_reference(git.reference)
    try:
        found = await repository.run("rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")
    except GitError as error:
        raise CheckoutError(f"{git.kind} {commit or git.reference} is not in {git.url[:1000]}.") from error
    return found.strip()
