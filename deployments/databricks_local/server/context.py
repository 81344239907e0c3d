"""What the routes of a workspace share."""

from dataclasses import dataclass

from databricks_local.files.workspace_files import WorkspaceFiles
from databricks_local.jobs.store import JobStore
from databricks_local.runs.launcher import Launcher
from databricks_local.runs.run_json import Links
from databricks_local.runs.runner import Runner
from databricks_local.runs.store import Clock, RunStore
from databricks_local.server.services import Services
from databricks_local.storage.database import Database

USER = "local@dbflow.example"
"""The one user of a local workspace."""

WORKSPACE_ID = 7_405_600_000_000_001


@dataclass(frozen=True)
class Workspace:
    """A workspace: its state, its files, and what runs its runs."""

    database: Database
    store: RunStore
    jobs: JobStore
    launcher: Launcher
    files: WorkspaceFiles
    runner: Runner
    links: Links
    clock: Clock
    services: Services
    user: str = USER
