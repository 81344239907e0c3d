"""Paths in plain characters for Sail, which writes Delta tables elsewhere if there are others in their path.

A table below `my folder` would be written below `my%20folder`, and its log would be in two places.
"""

import hashlib
import re
import shutil
import tempfile
from pathlib import Path

_PLAIN = re.compile(r"[A-Za-z0-9_.=-]*", re.ASCII)


class Aliases:
    """Links to directories whose names have other than plain characters."""

    def __init__(self) -> None:
        self._directory: Path | None = None
        self._targets: dict[str, Path] = {}

    def plain(self, place: Path) -> Path:
        """The same place by a path in plain characters. The directory with the last odd name is there."""
        odd = next((each for each in (place, *place.parents) if not _PLAIN.fullmatch(each.name)), None)
        if odd is None:
            return place
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="databricks-local-"))
        alias = self._directory / hashlib.sha256(str(odd).encode()).hexdigest()[:16]
        if str(alias) not in self._targets:
            alias.symlink_to(odd)
            self._targets[str(alias)] = odd
        return alias / place.relative_to(odd)

    def original(self, path: str) -> str:
        """The path that was replaced by one in plain characters."""
        for alias, target in self._targets.items():
            if path == alias or path.startswith(f"{alias}/"):
                return str(target) + path.removeprefix(alias)
        return path

    def close(self) -> None:
        """Remove the links."""
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
