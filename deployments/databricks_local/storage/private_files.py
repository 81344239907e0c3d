"""Files that only the user of the server may read."""

import os
from pathlib import Path


def make_private(path: Path) -> None:
    """Make a file that only its owner may read, or give one that is there this mode.

    It is made with its mode, so that others can never open it. SQLite gives its journals the same one.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)
