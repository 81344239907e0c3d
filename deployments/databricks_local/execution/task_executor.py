"""The interface of the executor, which tests replace."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from databricks_local.execution.cluster import Cluster
from databricks_local.execution.engines.memory import SparkMemory
from databricks_local.execution.following import TaskResult
from databricks_local.jobs.libraries import Library
from databricks_local.jobs.specs import ClusterSpec, NotebookSpec, ProgramSpec
from databricks_local.runtime.dbutils.calls import OnCall
from databricks_local.runtime.outputs import CellResult


@dataclass(frozen=True)
class Code:
    """The code of a task.

    Attributes:
        source: The text of a notebook or a Python file; empty for an entry point.
        files: The directory of its repository; None if it is from the workspace.
    """

    source: str = ""
    files: Path | None = None


class TaskExecutor(Protocol):
    """Starts clusters, and runs notebooks on them.

    Attributes:
        memory: What clusters wait for before they are started.
    """

    memory: SparkMemory

    async def start_cluster(self, cluster_id: str, spec: ClusterSpec) -> Cluster:
        """Start a cluster."""

    async def stop_cluster(self, cluster: Cluster) -> None:
        """End a cluster."""

    async def install_libraries(self, cluster: Cluster, libraries: Sequence[Library]) -> None:
        """Install libraries on a cluster."""

    async def run_program(
        self,
        cluster: Cluster,
        program: ProgramSpec,
        code: Code,
        on_ready: Callable[[], None],
        on_call: OnCall,
    ) -> TaskResult:
        """Run a program to its end."""

    async def dbt_packages(self) -> str:
        """Where dbt is installed; it is, if it was not."""

    async def run_notebook(
        self,
        cluster: Cluster,
        notebook: NotebookSpec,
        code: Code,
        on_ready: Callable[[], None],
        on_cell: Callable[[CellResult], None],
        on_call: OnCall,
    ) -> TaskResult:
        """Run a notebook to its end."""
