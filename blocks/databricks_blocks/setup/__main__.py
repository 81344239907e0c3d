"""`python -m databricks_blocks.setup` saves the named blocks that the flows use by default."""

from __future__ import annotations

import sys

from databricks_blocks.setup.register import register_and_print
from databricks_blocks.setup.settings import SettingsError

if __name__ == "__main__":
    try:
        sys.exit(0 if register_and_print(sys.argv[1:]) else 1)
    except SettingsError as error:
        sys.exit(f"Error: {error}")
