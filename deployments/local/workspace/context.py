"""What the routes of a workspace share."""

from dataclasses import dataclass

from deployments.local.workspace.files import WorkspaceFiles
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

    store: RunStore
    files: WorkspaceFiles
    runner: Runner
    links: Links
    clock: Clock
    services: Services
    user: str = USER
