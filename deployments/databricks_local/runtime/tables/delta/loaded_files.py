"""The files whose rows COPY INTO has put into a table, as its log notes them.

Each is a transaction of Delta: it is in the commit of the rows, and each checkpoint has it, too, so that it
is there when old commits are cleaned up. Other programs pass over it.
"""

from collections.abc import Iterable

from databricks_local.runtime.tables.delta.log import Action, Snapshot

_PREFIX = "copyInto:"


def loaded_files(snapshot: Snapshot) -> set[str]:
    """The files that were loaded.

    Args:
        snapshot: The table.
    """
    return {name.removeprefix(_PREFIX) for name in snapshot.transactions if name.startswith(_PREFIX)}


def notes_of(files: Iterable[str], version: int) -> list[Action]:
    """What notes files as loaded.

    Args:
        files: The files.
        version: The version that has their rows.
    """
    # Without a time: transactions that have one are forgotten after a while, if a table says so.
    return [{"txn": {"appId": _PREFIX + file, "version": version}} for file in files]
