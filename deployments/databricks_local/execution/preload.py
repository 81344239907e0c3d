"""Imports, once, everything that the forked processes need.

Nothing here may open a channel or start a thread of its own: that would not survive the fork.
"""

import gc
import importlib
import importlib.util
import os
from pathlib import Path

MODULES = (
    "pysail.spark",
    "pyspark.sql",
    "pyspark.sql.connect.functions",
    "pyspark.sql.connect.session",
    "databricks_local.execution.children",
    "databricks_local.execution.engines.apache_spark",
    "databricks_local.execution.engines.sail",
    "databricks_local.execution.warehouses.process",
    "sqlglot.dialects.databricks",
)


def quiet_pyspark() -> None:
    """Keep pyspark's remarks about its installation out of the output of notebooks."""
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    # Without Java there is no Spark home, and pyspark ends the process when it looks for one.
    spec = importlib.util.find_spec("pyspark")
    if spec is not None and spec.origin is not None:
        os.environ.setdefault("SPARK_HOME", str(Path(spec.origin).parent))


quiet_pyspark()
for _module in MODULES:
    importlib.import_module(_module)
# A collection after the fork would touch, and so copy, everything that was imported: some 60 ms a task.
gc.collect()
gc.freeze()
