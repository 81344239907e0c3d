"""Paths in plain characters for Sail, which takes others in a path for parts of a URI or of a pattern.

A table below `my folder` would be written below `my%20folder`, and its log would be in two places. A file
`a[1].csv` would be a pattern for `a1.csv`.
"""

import hashlib
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

_PLAIN = re.compile(r"[A-Za-z0-9_.=-]*", re.ASCII)
SCHEME = re.compile(r"[A-Za-z][\w+.\-]*:")
"""What a URI begins with."""


class PlainPaths:
    """Links to places whose names have other than plain characters. Many threads may use it."""

    def __init__(self, directory: Path | None = None) -> None:
        """Set up.

        Args:
            directory: Where the links are put. `None`, or one with odd characters itself: a temporary one.
        """
        plain = directory is not None and all(_PLAIN.fullmatch(part) for part in directory.parts[1:])
        self._directory = directory if plain else None
        self._targets: dict[str, Path] = {}
        self._lock = threading.Lock()

    def plain(self, place: Path) -> Path:
        """The same place by a path in plain characters.

        Args:
            place: The place. If its last odd name is not there, it cannot be linked, and stays as it is.
        """
        odd = next((each for each in (place, *place.parents) if not _PLAIN.fullmatch(each.name)), None)
        if odd is None or not odd.exists():
            return place
        with self._lock:
            return self._link(odd) / place.relative_to(odd)

    def _link(self, odd: Path) -> Path:
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="databricks-local-"))
        # Names on a disk may be no text. The ends of a name say how a file is read, as `.csv.gz`.
        ends = "".join(odd.suffixes[-2:])
        name = hashlib.sha256(os.fsencode(odd)).hexdigest()[:16]
        alias = self._directory / (name + ends if _PLAIN.fullmatch(ends) else name)
        if str(alias) not in self._targets:
            self._directory.mkdir(parents=True, exist_ok=True)
            alias.symlink_to(odd)
            self._targets[str(alias)] = odd
        return alias

    def around(self, rewrite: Callable[[str], str]) -> Callable[[str], str]:
        """A function that rewrites as another one does, into a URI in plain characters.

        Args:
            rewrite: Gives a path or URI as the server reads it.
        """

        def in_plain_characters(path: str) -> str:
            place = rewrite(path)
            if SCHEME.match(place) and not place.startswith("file:"):
                return place
            here = Path("/" + place.removeprefix("file:").lstrip("/"))
            plain = self.plain(here)
            return place if plain == here else f"file://{plain}"

        return in_plain_characters

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
