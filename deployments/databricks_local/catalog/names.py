"""Names of catalogs, schemas, tables and volumes. Pure.

Unity Catalog keeps names in lower case and finds them in any case. Docs: object names are not longer than 255
characters, and have no period, space, slash, control character or DEL in them.
"""

import re

from databricks_local.api.errors import ApiError, invalid_parameter

MAX_LENGTH = 255
HIVE = "hive_metastore"

_REFUSED = re.compile(r"[./ \x00-\x1f\x7f]")
# Docs of Spark: "Valid names only contain alphabet characters, numbers and _."
_IN_HIVE = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
_PART = re.compile(r"`((?:[^`]|``)*)`|([^`.]+)")


def unquoted(name: str) -> str:
    """A name without the backticks around it, in lower case.

    Example:
        >>> unquoted("`My-Table`"), unquoted("t")
        ('my-table', 't')
    """
    if len(name) > 1 and name.startswith("`") and name.endswith("`"):
        name = name[1:-1].replace("``", "`")
    return name.lower()


def parts_of(full_name: str) -> tuple[str, ...]:
    """The parts of a name with periods between them, in lower case; each may be in backticks.

    Example:
        >>> parts_of("main.Default.`my-table`")
        ('main', 'default', 'my-table')
    """
    parts: list[str] = []
    position = 0
    while True:
        found = _PART.match(full_name, position)
        if found is None:
            return tuple(part.lower() for part in full_name.split("."))
        quoted, plain = found.groups()
        parts.append((plain if quoted is None else quoted.replace("``", "`")).lower())
        position = found.end()
        if position == len(full_name):
            return tuple(parts)
        if full_name[position] != ".":
            return tuple(part.lower() for part in full_name.split("."))
        position += 1


def checked(name: str, catalog: str) -> str:
    """A new name as it is kept.

    Args:
        name: The name.
        catalog: The catalog that it is in, or that it is.

    Raises:
        ApiError: If Unity Catalog refuses such a name.
    """
    kept = unquoted(name)
    if not kept or len(kept) > MAX_LENGTH or _REFUSED.search(kept) or not kept.isprintable():
        raise _refused(name)
    if catalog == HIVE and not _IN_HIVE.fullmatch(kept):
        raise _refused(name)
    return kept


def _refused(name: str) -> ApiError:
    return invalid_parameter(f'Invalid input: name "{name[:300]}" is not a valid name')
