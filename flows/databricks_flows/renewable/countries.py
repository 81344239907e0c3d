"""Checks the countries and regions that an analysis is asked for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from databricks_blocks.csv.faults import InputError

from databricks_flows.renewable.share_files import (
    DATA_DIRECTORY,
    ShareFile,
    entities,
    find_share_files,
)


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
        raise InputError(unknown_countries_message(sorted(missing), known))


def unknown_countries_message(missing: Sequence[str], known: Iterable[str]) -> str:
    """Write the message about unknown countries, with similar names."""
    by_folded = {name.casefold(): name for name in known}
    parts = []
    for country in missing:
        folded = country.casefold()
        near = difflib.get_close_matches(folded, by_folded, n=3, cutoff=0.6)
        near += [name for name in sorted(by_folded) if folded and folded in name and name not in near]
        names = ", ".join(f"`{by_folded[name]}`" for name in near[:3])
        parts.append(f"`{country}` (nearest: {names})" if names else f"`{country}`")
    return f"unknown country {', '.join(parts)}; names are those of the Entity column"
