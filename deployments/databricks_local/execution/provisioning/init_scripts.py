"""Runs the `init_scripts` of a cluster before its Spark starts (docs: what are init scripts)."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from databricks_local.runtime.environment import LibraryEnvironment
from databricks_local.runtime.spark_paths import path_rewriter

_ELSEWHERE = re.compile(r"(?!dbfs:|file:)[A-Za-z][\w+.\-]*:")
"""The scheme of a storage of a cloud, such as `s3:` or `abfss:`."""


def run_init_scripts(
    scripts: Sequence[str], cluster_id: str, libraries: Path, places: Mapping[str, str]
) -> str:
    """Run scripts, one after the other, up to the first that fails.

    Args:
        scripts: Their destinations, in the workspace, on a volume, on DBFS, or `file:`.
        cluster_id: The cluster.
        libraries: Where `pip` in a script installs to: the libraries of the cluster, never this environment.
        places: Where the workspace's paths are for this process.

    Returns:
        Why the cluster does not start; empty if all is well.
    """
    if not scripts:
        return ""
    libraries.mkdir(parents=True, exist_ok=True)
    # Docs: environment variables of init scripts.
    environment = {
        **os.environ,
        "DB_CLUSTER_ID": cluster_id,
        "DB_IS_DRIVER": "TRUE",
        "DB_DRIVER_IP": "127.0.0.1",
        **LibraryEnvironment(libraries).for_any_pip(libraries),
    }
    for script in scripts:
        if _ELSEWHERE.match(script):
            return (
                f"Cluster scoped init script {script} failed: this storage is not served here. Put the "
                "script into the workspace, on a volume or on DBFS, or name a file of this machine (file:)"
            )
        place = path_rewriter(places)(_absolute(script)).removeprefix("file://")
        if not Path(place).is_file():
            return f"Cluster scoped init script {script} failed: the file does not exist"
        command = ["bash", place]
        status = subprocess.call(command, env=environment, stdin=subprocess.DEVNULL)  # noqa: S603 - the purpose
        if status:
            return f"Cluster scoped init script {script} failed: Script exit status is non-zero"
    return ""


def _absolute(script: str) -> str:
    """The path of a script. Those of the workspace leave out its name."""
    known = script.startswith(("dbfs:", "file:", "/Volumes/", "/Workspace/")) or not script.startswith("/")
    return script if known else f"/Workspace{script}"
