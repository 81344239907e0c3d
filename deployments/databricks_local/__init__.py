"""A local Databricks workspace: the REST API, and notebooks that really run, on Spark Connect.

    from databricks_local import LocalWorkspace

    with LocalWorkspace() as workspace:
        print(workspace.client().current_user.me().user_name)

`python -m databricks_local` serves one in the foreground.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from databricks_local.local_workspace import LocalWorkspace
    from databricks_local.workspace_access import Faults, WorkspaceAccess

__all__ = ["Faults", "LocalWorkspace", "WorkspaceAccess"]

_MODULES = {
    "Faults": "databricks_local.workspace_access",
    "LocalWorkspace": "databricks_local.local_workspace",
    "WorkspaceAccess": "databricks_local.workspace_access",
}


def __getattr__(name: str) -> Any:
    # Imported at first use: whoever only runs a notebook, or starts pytest, does not pay for it.
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
