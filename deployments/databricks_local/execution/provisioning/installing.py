"""Installs libraries on clusters, each in a process that is killed when nobody waits for it any more."""

import asyncio
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from databricks_local.execution.mounts import Mounts
from databricks_local.execution.processes import Processes
from databricks_local.execution.provisioning.install_process import InstallLaunch, install_main
from databricks_local.jobs.libraries import Library
from databricks_local.runtime.environment import LibraryEnvironment

MAX_OUTPUT_CHARACTERS = 4_000
"""How much of the end of pip's output is kept; the end says why it failed."""


_USER_OF_URL = re.compile(r"://[^/\s@]+@")


_WHEEL_ROOTS = ("dbfs:", "file:", "/Volumes", "/Workspace")


class LibraryInstallationError(Exception):
    """Raised when a library that a task needs could not be installed; in Databricks' words."""


@dataclass
class ClusterLibraries:
    """The libraries of one cluster."""

    directory: Path
    installed: list[Library] = field(default_factory=list)
    installing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def site_packages(self) -> str:
        """The directory from which its tasks import them; empty if there are none."""
        return str(LibraryEnvironment(self.directory).site_packages) if self.directory.is_dir() else ""


class Installer:
    """Installs libraries by pip, in processes that see the workspace's paths."""

    def __init__(
        self, processes: Processes, directory: Path, mounts: Mounts, pip_environment: Mapping[str, str]
    ) -> None:
        self._processes = processes
        self._directory = directory
        self._mounts = mounts
        self._pip_environment = pip_environment

    async def install(self, cluster_id: str, present: ClusterLibraries, wanted: Sequence[Library]) -> None:
        """Install the missing libraries, one after the other.

        Raises:
            LibraryInstallationError: If pip cannot.
        """
        async with present.installing:
            for library in wanted:
                if library not in present.installed:
                    await self._install(cluster_id, present, library)
                    present.installed.append(library)

    async def _install(self, cluster_id: str, present: ClusterLibraries, library: Library) -> None:
        reason = misplaced(library)
        if reason:
            raise LibraryInstallationError(reason)
        log = self._directory / f"{cluster_id}-install.log"
        launch = InstallLaunch(str(present.directory), library, str(log), self._mounts, self._pip_environment)
        child = await self._processes.start(install_main, (launch,))
        try:
            message = await child.messages.get()
        finally:
            await self._processes.kill(child)
            log.unlink(missing_ok=True)
        if message is None:
            message = {"code": -1, "command": ["pip"], "output": "The process was lost."}
        if message["code"]:
            output = message["output"][-MAX_OUTPUT_CHARACTERS:].strip()
            command = shlex.join(message["command"])
            raise LibraryInstallationError(
                installation_failure(library, cluster_id, command, message["code"], output)
            )


def misplaced(library: Library) -> str:
    """Why the location of a wheel is refused; empty if it is fine. Source: dagster#21326."""
    if library.kind != "whl" or library.value.startswith(_WHEEL_ROOTS):
        return ""
    return (
        "Library installation failed for library due to user error. Error messages:\n"
        "Python wheels must be stored in UC Volumes, dbfs, s3, adls, gs or as a workspace file/local file. "
        "Make sure the URI begins with 'dbfs:', 'file:', 's3:', 'abfss:', 'gs:', 'wasbs:', '/Volumes', or "
        f"'/Workspace'but the URI is '{library.value}')"
    )


def installation_failure(library: Library, cluster_id: str, command: str, code: int, output: str) -> str:
    """The message for a library that pip could not install. Source: dagster#21326, dbacademy#7."""
    return (
        f"Library installation failed for library due to user error for {library}\n Error messages:\n"
        f"Library installation attempted on the driver node of cluster {cluster_id} and failed. Please refer "
        "to the following error message to fix the library or contact Databricks support. Error Code: "
        "DRIVER_LIBRARY_INSTALLATION_FAILURE. Error Message: org.apache.spark.SparkException: "
        f"Process List({_without_passwords(command)}) exited with code {code}. {output}"
    )


def _without_passwords(command: str) -> str:
    """The command line without passwords. Pip hides them in its own output."""
    return _USER_OF_URL.sub("://****@", command)
