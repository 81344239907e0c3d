"""The modules from which files and libraries import `dbutils` and `spark` on Databricks.

`from databricks.sdk.runtime import dbutils, spark` takes them from `dbruntime` (source: databricks-sdk-py,
runtime/__init__.py); `from pyspark.dbutils import DBUtils` is the older way (docs: Databricks Utilities).
"""

import importlib
import sys
from types import ModuleType
from typing import Any

from databricks_local.runtime.dbutils.utilities import DBUtils


def provide_modules(spark: Any, dbutils: DBUtils) -> None:
    """Add the modules to this process."""
    names = {"spark": spark, "dbutils": dbutils, "sql": spark.sql, "table": spark.table}

    class UserNamespaceInitializer:
        """Gives the SDK the names of a notebook."""

        @staticmethod
        def getOrCreate() -> "UserNamespaceInitializer":  # noqa: N802
            return UserNamespaceInitializer()

        def get_namespace_globals(self) -> dict[str, Any]:
            return names

    runtime = ModuleType("dbruntime")
    vars(runtime)["UserNamespaceInitializer"] = UserNamespaceInitializer
    utilities = ModuleType("pyspark.dbutils")
    # Called with the session, as on Databricks; there is one `dbutils` in a process.
    vars(utilities)["DBUtils"] = lambda _spark=None: dbutils
    sys.modules["dbruntime"], sys.modules["pyspark.dbutils"] = runtime, utilities
    vars(importlib.import_module("pyspark"))["dbutils"] = utilities
