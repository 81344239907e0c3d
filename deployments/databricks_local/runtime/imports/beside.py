"""Modules beside a notebook or script: read anew in each run, and sent to the cluster with functions."""

import importlib.machinery
import sys
from collections.abc import Collection
from importlib.abc import PathEntryFinder
from pathlib import Path
from types import ModuleType
from typing import Any


class _SourceLoader(importlib.machinery.SourceFileLoader):
    """Leaves no byte code in the folder, which is one of the workspace, and uses none."""

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        """Write nothing."""

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module, and have it pickled as a whole: the cluster cannot import it."""
        super().exec_module(module)
        cloudpickle: Any = sys.modules.get("pyspark.cloudpickle")
        if cloudpickle is not None:
            cloudpickle.register_pickle_by_value(module)


def import_from(folders: Collection[Path]) -> None:
    """Load modules below these folders in this manner, in whatever way they come to `sys.path`."""
    roots = [folder.resolve() for folder in folders]
    extensions = importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES
    sources = _SourceLoader, importlib.machinery.SOURCE_SUFFIXES
    find_in = importlib.machinery.FileFinder.path_hook(extensions, sources)

    def hook(path: str) -> PathEntryFinder:
        # An entry may be relative, as in sys.path.append("../lib").
        place = Path(path).resolve()
        if not any(place.is_relative_to(root) for root in roots):
            raise ImportError(path)
        return find_in(path)

    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.clear()
