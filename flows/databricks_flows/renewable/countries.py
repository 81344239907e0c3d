"""Checks the countries and regions that an analysis is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from databricks_blocks.csv.faults import InputError

from databricks_flows.renewable.share_files import (
    DATA_DIRECTORY,
    ShareFile,
    entities,
    find_share_files,
)
from databricks_flows.shared.unknown_names import unknown_names


def files_with(countries: Sequence[str] | None, directory: str) -> list[ShareFile]:
    """Find the files of an analysis, and check that they have the countries.

    Args:
        countries: Names of countries and regions. `None`: not checked.
        directory: Folder of the files; empty for the data that comes with the package.

    Raises:
        InputError: A file cannot be used, or a country is in none of the files.
    """
    files = find_share_files(Path(directory) if directory else DATA_DIRECTORY)
    if countries is not None:
        check_countries(files, countries)
    return files


def check_countries(files: Sequence[ShareFile], countries: Sequence[str]) -> None:
    """Refuse countries that are in none of the files.

    Reading stops when all countries are found.

    Raises:
        InputError: A country is in none of the files; the message suggests similar names.
    """
    missing = set(countries)
    known: set[str] = set()
    for file in files:
        for entity in entities(file):
            if entity in missing:
                missing.discard(entity)
                if not missing:
                    return
            known.add(entity)
    if missing:
        raise InputError(unknown_names("country", sorted(missing), known, "Entity"))
