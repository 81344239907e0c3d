"""Puts together the stores of jobs and runs, the runner and the launcher."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from databricks_local.api.links import Links
from databricks_local.clusters.registry import ClusterRegistry
from databricks_local.execution.executor import Executor
from databricks_local.execution.mounts import Mounts
from databricks_local.files.workspace_files import WorkspaceFiles
from databricks_local.git.checkouts import Checkouts
from databricks_local.jobs.store import JobStore
from databricks_local.runs.clock import TurnableClock
from databricks_local.runs.drive import Work
from databricks_local.runs.launcher import Launcher, Options
from databricks_local.runs.runner import Runner
from databricks_local.runs.store import RunStore, random_id
from databricks_local.runs.timetable import Timetable
from databricks_local.sql.service import Sql
from databricks_local.storage.database import Database
from databricks_local.tasks.code import file_source
from databricks_local.tasks.compute import check_clusters
from databricks_local.tasks.dbt import with_dbt
from databricks_local.tasks.sql import with_sql
from databricks_local.tasks.work import do_work

USER = "local@dbflow.example"
"""The one user of a local workspace."""

WORKSPACE_ID = 7_405_600_000_000_001
DATABASE_NAME = "workspace.sqlite"


@dataclass(frozen=True)
class Jobs:
    """Jobs and runs of a workspace."""

    database: Database
    runs: RunStore
    jobs: JobStore
    runner: Runner
    launcher: Launcher
    timetable: Timetable


def open_jobs(
    database: Database,
    executor: Executor,
    files: WorkspaceFiles,
    mounts: Mounts,
    files_below: Callable[[str, float], frozenset[str]],
    clusters: ClusterRegistry,
    checkouts: Checkouts,
    links: Links,
    clock: TurnableClock,
    user: str,
    options: Options,
    work: Work,
) -> Jobs:
    """Load the jobs and runs of a workspace. Call it in the event loop.

    Args:
        database: Where they are kept.
        executor: Runs notebooks.
        files: The notebooks.
        mounts: Where Python files are.
        files_below: The files of volumes that came before a time, for triggers that wait for some.
        clusters: The all-purpose clusters.
        checkouts: Makes checkouts of repositories.
        links: Where the workspace is.
        clock: Milliseconds since 1970.
        user: The user of the workspace.
        options: How to behave where the behaviour of Databricks is not known.
        work: Does what tasks are for.
    """
    runs = RunStore(clock, journal=database)
    jobs = JobStore(clock, random_id, database, partial(check_clusters, clusters))
    jobs.load(database)
    runs.load(database)
    source = partial(file_source, places=mounts.places)
    runner = Runner(executor, files.notebook_source, source, checkouts, clusters, runs, clock, links, work)
    launcher = Launcher(runs, jobs, runner, user, options)
    return Jobs(database, runs, jobs, runner, launcher, Timetable(clock, jobs, runs, launcher, files_below))


def work_of(sql: Sql, places: Mapping[str, str], authorities: str) -> Work:
    """What does the work of tasks of all kinds.

    Args:
        sql: The warehouses.
        places: Where the paths of the workspace are on disk.
        authorities: The file of the certificate authorities that clients trust; empty without TLS.
    """
    return with_dbt(with_sql(do_work, sql), sql, places, authorities)


def database_path(root: Path) -> Path:
    """Where the database of a workspace is."""
    return root / DATABASE_NAME
