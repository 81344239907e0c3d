"""What the routes of a workspace share."""

from dataclasses import dataclass

from deployments.local.workspace.database import Database
from deployments.local.workspace.files import WorkspaceFiles
from deployments.local.workspace.job_store import JobStore
from deployments.local.workspace.launcher import Launcher
from deployments.local.workspace.run_json import Links
from deployments.local.workspace.runner import Runner
from deployments.local.workspace.services import Services
from deployments.local.workspace.store import Clock, RunStore

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
