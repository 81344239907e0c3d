"""Runs git, without the user's settings, and only with repositories on this machine."""

import asyncio
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from databricks_local.api.errors import invalid_parameter

GIT_SECONDS = 120
MAX_COMPLAINT = 1_000

_REFERENCE = re.compile(r"(?!-)[\w./@+-]{1,250}")


class GitError(Exception):
    """Raised when git fails; carries what it said."""


@dataclass(frozen=True)
class GitRepository:
    """A repository whose git directory is outside of its files.

    Attributes:
        directory: The git directory, usually `.git`.
        tree: The files.
    """

    directory: Path
    tree: Path

    async def clone(self, source: str, *options: str) -> None:
        """Clone a repository of this machine.

        Raises:
            GitError: If git fails.
        """
        separate = f"--separate-git-dir={self.directory}"
        await run_git("clone", "--quiet", separate, *options, "--", source, str(self.tree))
        (self.tree / ".git").unlink()

    async def run(self, *arguments: str) -> str:
        """Run git in it.

        Raises:
            GitError: If it fails or takes too long.
        """
        return await run_git(f"--git-dir={self.directory}", f"--work-tree={self.tree}", *arguments)


async def run_git(*arguments: str) -> str:
    """Run git without the user's configuration, and with local repositories only.

    Raises:
        GitError: If it fails or takes too long.
    """
    settings = {"protocol.allow": "never", "protocol.file.allow": "always", "safe.directory": "*"}
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (name, value) in enumerate(settings.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "git", *arguments, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    try:
        out, complaint = await asyncio.wait_for(process.communicate(), GIT_SECONDS)
    except TimeoutError as error:
        raise GitError(f"git took longer than {GIT_SECONDS} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise GitError(complaint.decode(errors="replace").strip()[-MAX_COMPLAINT:])
    return out.decode(errors="replace")


def local_source(url: str) -> str:
    """The path that a repository's URL names.

    Raises:
        ApiError: If it is not a directory on this machine.
    """
    scheme, separator, rest = url.partition("://")
    path = unquote(rest) if separator else url
    if (separator and scheme.lower() != "file") or not path.startswith("/"):
        raise invalid_parameter(
            f"{url[:1000]} cannot be cloned: the local workspace reaches repositories on this machine only, "
            "by an absolute path or a file:// URL."
        )
    if not _is_directory(path):
        raise invalid_parameter(f"{url[:1000]} cannot be cloned: there is no such directory.")
    return path


def _is_directory(path: str) -> bool:
    try:
        return path.isprintable() and Path(path).is_dir()
    except OSError:
        # Too long for a path.
        return False


def checked_reference(name: str) -> str:
    """Check the name of a branch, tag or commit.

    Raises:
        ApiError: If it is invalid.
    """
    if not _REFERENCE.fullmatch(name) or ".." in name:
        raise invalid_parameter(f"{name[:250]!r} is not the name of a branch, tag or commit.")
    return name
