"""Finds the text of a Python file that a task runs."""

from collections.abc import Mapping
from pathlib import Path

from databricks_local.files.tree import leads_inside
from databricks_local.runtime.spark_paths import path_rewriter


def python_source(path: str, places: Mapping[str, str]) -> str | None:
    """The text of a Python file or notebook; None if there is none.

    Args:
        path: A path under `/Workspace` or `/Volumes`, or one that begins with `dbfs:/`.
        places: Where these are on disk.
    """
    if not path.isprintable():
        return None
    place = Path(path_rewriter(places)(path))
    # A task could have left a symbolic link that leads elsewhere.
    inside = any(leads_inside(place, Path(root).resolve()) for root in places.values())
    return place.read_bytes().decode("utf-8", "replace") if inside and place.is_file() else None
