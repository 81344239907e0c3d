"""A server of Apache Spark for tests: the one that clusters of the local workspace have."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from databricks_local.execution.engines.apache_spark import lines_of, port_in, start_java
from databricks_local.execution.engines.installation import ensure_spark


@contextmanager
def apache_spark_server(folder: Path) -> Iterator[str]:
    """Start a server, which is installed if it is not there; yields the URL for Spark sessions."""
    spark = ensure_spark(os.environ, sys.stderr.write)
    java = start_java(spark, folder, {})
    with java:
        try:
            said = []
            for line in lines_of(java):
                said.append(line.decode(errors="replace"))
                if port := port_in(line):
                    break
            else:
                raise RuntimeError(f"Apache Spark did not start:\n{''.join(said)}")
            threading.Thread(target=lambda: list(lines_of(java)), daemon=True).start()
            yield f"sc://127.0.0.1:{port}"
        finally:
            java.kill()
