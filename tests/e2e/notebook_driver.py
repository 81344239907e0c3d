"""Runs notebooks on one Spark session, in a process of its own.

A request is a line of JSON on the standard input, an answer a line of JSON on the standard output:

    python -m tests.e2e.notebook_driver sail|remote
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from databricks_local.runtime import run_notebook

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def sail() -> Iterator[SparkSession]:
    """A Spark Connect session on a Sail server, as on a cluster of the local workspace."""
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    host, port = server.listening_address
    spark = SparkSession.builder.remote(f"sc://{host}:{port}").getOrCreate()
    yield spark
    # In this order: the session's end is a call to the server, which is repeated for minutes if it is gone.
    spark.stop()
    server.stop()


@contextmanager
def remote() -> Iterator[SparkSession]:
    """A Spark Connect session on the server that the environment names."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.remote(os.environ["SPARK_REMOTE"]).getOrCreate()
    yield spark
    spark.stop()


def main() -> None:
    """Answer until the standard input ends."""
    # What Spark itself prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with {"sail": sail, "remote": remote}[sys.argv[1]]() as spark:
        for line in sys.stdin:
            request = json.loads(line)
            result = run_notebook(request["source"], request["parameters"], spark, request["path"])
            answers.write(json.dumps({"exit_value": result.exit_value, "error": result.error}) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
