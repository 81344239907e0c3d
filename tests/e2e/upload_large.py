"""Uploads a file, and prints the peak of the memory, in MiB.

python -m tests.e2e.upload_large FILE FOLDER
"""

from __future__ import annotations

import sys

from databricks_flows.tasks.upload_files import upload_files
from prefect import flow

from .peak_memory import peak_mebibytes


@flow
def upload(file: str, folder: str) -> None:
    """Upload a file."""
    upload_files(file, folder)


if __name__ == "__main__":
    upload(*sys.argv[1:])
    sys.stdout.write(f"{peak_mebibytes():.0f}\n")
