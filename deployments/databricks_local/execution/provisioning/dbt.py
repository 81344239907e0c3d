"""Installs dbt-databricks from the package index: once for each user, apart from all else.

It pins packages that the workspace has in other versions, so that it has a folder of its own, and is run by a
Python that sees nothing else.
"""

import os
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from databricks_local.execution.children import begin, send
from databricks_local.execution.mounts import Mounts
from databricks_local.execution.provisioning.cache import InstallationError, cache_of, install_in

REQUIREMENTS = ("dbt-databricks>=1.11,<1.12", "dbt-core<1.12")
"""What is installed. A newer dbt-core has parts that are not in the package index."""


def dbt_directory(environment: Mapping[str, str]) -> Path:
    """Where dbt is installed for a user, by the version of Python.

    Example:
        >>> dbt_directory({"XDG_CACHE_HOME": "/cache"}).parent.name
        'databricks-local'
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return cache_of(environment) / f"dbt-databricks-1.11-python-{version}"


def install_command(target: Path) -> list[str]:
    """The command that installs dbt."""
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--target", str(target)]
    return [*pip, *REQUIREMENTS]


def install_dbt_main(connection: Connection, log: str, mounts: Mounts, pip: Mapping[str, str]) -> None:
    """Install dbt, and report why that failed, or an empty text.

    Args:
        connection: The line to the server.
        log: The file for what is written.
        mounts: The paths of the process.
        pip: Variables of pip.
    """
    begin([log], mounts)
    try:
        install_in(dbt_directory(os.environ), install_command, {**os.environ, **pip})
    except InstallationError as error:
        send(connection, {"error": str(error)})
        return
    send(connection, {"error": ""})
