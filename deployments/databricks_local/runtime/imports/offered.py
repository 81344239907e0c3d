"""What notebooks install, for their functions that run in the process of the cluster."""

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType


class OfferedLibraries(MetaPathFinder):
    """Finds, after everything else, modules in the places that notebooks have offered."""

    def __init__(self, offers: Path) -> None:
        """Set up.

        Args:
            offers: The directory of the offers: files that hold the path of libraries.
        """
        self._offers = offers

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module; those in packages are found by the package."""
        if path is not None or not self._offers.is_dir():
            return None
        newest_first = sorted(self._offers.iterdir(), key=lambda offer: -offer.stat().st_mtime_ns)
        places = [place for offer in newest_first if Path(place := offer.read_text()).is_dir()]
        return PathFinder.find_spec(fullname, places, target)


def look_in(offers: str) -> None:
    """Find modules in what notebooks offer, in this process."""
    sys.meta_path.append(OfferedLibraries(Path(offers)))


def offer(offers: str, libraries: str) -> None:
    """Offer the libraries of this process to the cluster.

    Args:
        offers: The directory of the offers.
        libraries: The path of the libraries.
    """
    place = Path(offers)
    place.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}-{os.getpid()}")
    part.write_text(libraries)
    part.replace(place / str(os.getpid()))
