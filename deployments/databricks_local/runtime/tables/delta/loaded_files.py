"""The files whose rows COPY INTO has put into a table, as the commits of the table note them."""

import json
from pathlib import Path

from databricks_local.runtime.tables.delta.log import DeltaLog

NOTE = "copyInto"
"""The field of a commit that names the files whose rows it has."""


def loaded_files(table: Path) -> set[str]:
    """The files that were loaded.

    Args:
        table: The directory of the table.
    """
    log = DeltaLog(table)
    found: set[str] = set()
    for version in log.versions():
        text = log.path_of(version).read_text(encoding="utf-8")
        if f'"{NOTE}"' in text:
            lines = (json.loads(line) for line in text.splitlines() if f'"{NOTE}"' in line)
            found.update(key for line in lines for key in line.get("commitInfo", {}).get(NOTE, ()))
    return found
