"""Prefect flows that run Databricks jobs as one run each, show their tasks and repair what failed.

What most users need can be imported from here. Each name is loaded when it is first used, so that
`import databricks_flows` itself costs nothing.

Examples:
    >>> from databricks_flows import JobCluster, JobSpecification, notebook_task, run_databricks_job
    >>> load = notebook_task("load", "/Shared/load", new_cluster=JobCluster().specification())
    >>> job = JobSpecification(name="nightly", tasks=[load])

    In a flow, `await run_databricks_job(job, "workspace")` runs it; `workspace` is the name of a block.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from databricks_blocks.errors import (
        AssetChecksFailed,
        DatabricksJobError,
        DatabricksRunFailed,
        InvalidJob,
    )
    from databricks_blocks.job.cluster import JobCluster
    from databricks_blocks.job.specification import JobSpecification
    from databricks_blocks.job.tasks import DatabricksTask, notebook_task
    from databricks_blocks.pipes.pipes import Pipes
    from databricks_blocks.run.policy import RunPolicy
    from databricks_blocks.run.repair_policy import RepairPolicy
    from databricks_blocks.run.results import DatabricksRunResult, TaskResult
    from databricks_blocks.sql.results import SqlResult

    from databricks_flows.green_energy.analysis import analyse_green_energy
    from databricks_flows.green_energy.load import load_green_energy
    from databricks_flows.job.cancelling import cancel_databricks_runs
    from databricks_flows.job.subflow import run_databricks_job
    from databricks_flows.load.csv_files import load_csv_files
    from databricks_flows.load.outcomes import FilesNotLoaded
    from databricks_flows.pipes.open_session import PipesSession, open_pipes
    from databricks_flows.renewable.analysis import renewable_analysis
    from databricks_flows.tasks.copy_into import copy_into
    from databricks_flows.tasks.sql import databricks_sql
    from databricks_flows.tasks.upload_files import aupload_files, upload_files
    from databricks_flows.tasks.uploads import FilesNotUploaded
    from databricks_flows.tasks.waiting import wait_for_partition, wait_for_query

__all__ = [
    "AssetChecksFailed",
    "DatabricksJobError",
    "DatabricksRunFailed",
    "DatabricksRunResult",
    "DatabricksTask",
    "FilesNotLoaded",
    "FilesNotUploaded",
    "InvalidJob",
    "JobCluster",
    "JobSpecification",
    "Pipes",
    "PipesSession",
    "RepairPolicy",
    "RunPolicy",
    "SqlResult",
    "TaskResult",
    "analyse_green_energy",
    "aupload_files",
    "cancel_databricks_runs",
    "copy_into",
    "databricks_sql",
    "load_csv_files",
    "load_green_energy",
    "notebook_task",
    "open_pipes",
    "renewable_analysis",
    "run_databricks_job",
    "upload_files",
    "wait_for_partition",
    "wait_for_query",
]

_MODULES = {
    "AssetChecksFailed": "databricks_blocks.errors",
    "DatabricksJobError": "databricks_blocks.errors",
    "DatabricksRunFailed": "databricks_blocks.errors",
    "DatabricksRunResult": "databricks_blocks.run.results",
    "DatabricksTask": "databricks_blocks.job.tasks",
    "FilesNotLoaded": "databricks_flows.load.outcomes",
    "FilesNotUploaded": "databricks_flows.tasks.uploads",
    "InvalidJob": "databricks_blocks.errors",
    "JobCluster": "databricks_blocks.job.cluster",
    "JobSpecification": "databricks_blocks.job.specification",
    "Pipes": "databricks_blocks.pipes.pipes",
    "PipesSession": "databricks_flows.pipes.open_session",
    "RepairPolicy": "databricks_blocks.run.repair_policy",
    "RunPolicy": "databricks_blocks.run.policy",
    "SqlResult": "databricks_blocks.sql.results",
    "TaskResult": "databricks_blocks.run.results",
    "analyse_green_energy": "databricks_flows.green_energy.analysis",
    "aupload_files": "databricks_flows.tasks.upload_files",
    "cancel_databricks_runs": "databricks_flows.job.cancelling",
    "copy_into": "databricks_flows.tasks.copy_into",
    "databricks_sql": "databricks_flows.tasks.sql",
    "load_csv_files": "databricks_flows.load.csv_files",
    "load_green_energy": "databricks_flows.green_energy.load",
    "notebook_task": "databricks_blocks.job.tasks",
    "open_pipes": "databricks_flows.pipes.open_session",
    "renewable_analysis": "databricks_flows.renewable.analysis",
    "run_databricks_job": "databricks_flows.job.subflow",
    "upload_files": "databricks_flows.tasks.upload_files",
    "wait_for_partition": "databricks_flows.tasks.waiting",
    "wait_for_query": "databricks_flows.tasks.waiting",
}
"""The module that each name is loaded from."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value  # found at once from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
