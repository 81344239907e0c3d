"""The names by which the leftovers of a flow run are recognised: each holds the flow run's whole id."""

from __future__ import annotations

import re
from uuid import UUID

_ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_FORMS = {
    "tables": re.compile("run_([0-9a-f]{32})"),
    "staged files": re.compile(f"({_ID})"),
    "output folder": re.compile(rf"\.(?:shw|green-energy)-({_ID})"),
}


def flow_run_named(what: str, name: str) -> UUID | None:
    """Read the id of the flow run in the name of a leftover.

    Args:
        what: `tables` (a schema, or what names of tables begin with), `staged files` or `output folder`.
        name: The name, without a path.

    Returns:
        The id; `None` if this is not exactly the name that a flow run gives.
    """
    found = _FORMS[what].fullmatch(name)
    return UUID(found[1]) if found else None


def ids_in(text: str) -> set[UUID]:
    """Find what may be ids of flow runs anywhere in a text."""
    return {UUID(found) for found in re.findall(_ID, text)}
