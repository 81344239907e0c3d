"""The message about names that are not in the data."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def unknown_names(what: str, missing: Sequence[str], known: Iterable[str], column: str) -> str:
    """Write the message about unknown names, with similar ones.

    Args:
        what: What they are names of.
        missing: The unknown names.
        known: The names that there are.
        column: The column that has the names.

    Examples:
        >>> from databricks_flows.shared.unknown_names import unknown_names
        >>> unknown_names("fruit", ["aple"], ["apple", "pear"], "Fruit")
        'unknown fruit `aple` (nearest: `apple`); names are those of the Fruit column'
    """
    by_folded = {name.casefold(): name for name in known}
    parts = []
    for name in missing:
        folded = name.casefold()
        near = difflib.get_close_matches(folded, by_folded, n=3, cutoff=0.6)
        near += [other for other in sorted(by_folded) if folded and folded in other and other not in near]
        names = ", ".join(f"`{by_folded[other]}`" for other in near[:3])
        parts.append(f"`{name}` (nearest: {names})" if names else f"`{name}`")
    return f"unknown {what} {', '.join(parts)}; names are those of the {column} column"
