"""What runs need of the machine: the interface that `execution.Executor` has, and tests replace."""

from collections.abc import Callable, Sequence
from typing import Protocol

from databricks_local.clusters.library_specs import Library
from databricks_local.execution.executor import Cluster, Code
from databricks_local.execution.following import OnCall, TaskResult
from databricks_local.jobs.programs import ProgramSpec
from databricks_local.runs.models import ClusterSpec, NotebookSpec
from databricks_local.runtime.outputs import CellResult


class TaskExecutor(Protocol):
    """Starts clusters, and runs notebooks on them."""

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
