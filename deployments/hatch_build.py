"""What the wheel holds besides the folders that pyproject.toml names."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WheelHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts `databricks_pipes` where `import` finds it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the module to a wheel.

        An editable installation finds it in its folder; `force-include` in pyproject.toml would put a copy
        before that, which would be out of date.

        Args:
            version: `standard` or `editable`.
            build_data: What is built.
        """
        if version != "editable":
            build_data["force_include"]["notebooks/databricks_pipes.py"] = "databricks_pipes.py"
