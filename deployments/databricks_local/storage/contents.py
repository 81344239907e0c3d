"""Reads what was kept, of which nothing may keep a server from starting."""

import json
import logging

from databricks_local.api.bodies import Json

_LOG = logging.getLogger("databricks_local")


def read_content(kind: str, name: str, data: str) -> Json:
    """The content of a record; empty if it cannot be read.

    Args:
        kind: The kind of the record.
        name: Its id.
        data: What was kept.
    """
    try:
        content = json.loads(data)
    except ValueError as error:
        _LOG.warning("the record of %s %s cannot be read: %s", kind, name, error)
        return {}
    return content if isinstance(content, dict) else {}
