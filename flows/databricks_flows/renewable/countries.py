"""The countries and regions that an analysis is asked for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from databricks_blocks.csv.faults import InputError

from databricks_flows.renewable.share_files import ShareFile, entities


def check_countries(files: Sequence[ShareFile], countries: Sequence[str]) -> None:
    """Refuse countries that no file knows.

    Reads no further than to the last of them.

    Raises:
        InputError: A country is in none of the files; the message offers the nearest names.
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
    """Say which countries are unknown, and which names come near."""
    by_folded = {name.casefold(): name for name in known}
    parts = []
    for country in missing:
        folded = country.casefold()
        near = difflib.get_close_matches(folded, by_folded, n=3, cutoff=0.6)
        near += [name for name in sorted(by_folded) if folded and folded in name and name not in near]
        names = ", ".join(f"`{by_folded[name]}`" for name in near[:3])
        parts.append(f"`{country}` (nearest: {names})" if names else f"`{country}`")
    return f"unknown country {', '.join(parts)}; names are those of the Entity column"
