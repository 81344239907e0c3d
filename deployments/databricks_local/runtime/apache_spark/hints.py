"""Says in errors of Spark what to do where this one lacks what Databricks has."""

import sys

from databricks_local.runtime.spark_context import INSTEAD_OF_RDDS

NEEDS_DELTA = (
    "Apache Spark has no Delta here, since its wheel has none: use the engine sail (--engine, or the tag "
    "local_engine), or name Delta's jars in spark.driver.extraClassPath and "
    "io.delta.sql.DeltaSparkSessionExtension in spark.sql.extensions of the cluster's spark_conf."
)
WITHOUT_DELTA = frozenset({"UNSUPPORTED_FEATURE.TABLE_OPERATION", "UNSUPPORTED_FEATURE.TIME_TRAVEL"})
"""Of UPDATE, DELETE, MERGE, CREATE OR REPLACE TABLE and VERSION AS OF on tables in other formats."""

CONTEXT = "SparkContext"


def explain_spark(error: BaseException) -> None:
    """Say in an error what to do, if what is missing is known."""
    if isinstance(error, ImportError) and error.name == "pyspark" and f"'{CONTEXT}'" in error.msg:
        error.msg = f"{error.msg}. {INSTEAD_OF_RDDS}"
        error.args = (error.msg,)
    # Not imported: the runner of notebooks starts without pyspark, and then the error is none of Spark.
    errors = sys.modules.get("pyspark.errors")
    if errors is None or not isinstance(error, errors.PySparkException):
        return
    hint = hint_for(error.getCondition(), error.getMessage())
    if hint:
        error._message = f"{error._message} {hint}"


def hint_for(condition: str | None, message: str) -> str:
    """What to do about an error of Spark; empty if nothing is known.

    Example:
        >>> hint_for("DATA_SOURCE_NOT_FOUND", "Failed to find the data source: delta. Make") == NEEDS_DELTA
        True
    """
    if condition == "JVM_ATTRIBUTE_NOT_SUPPORTED":
        return INSTEAD_OF_RDDS
    no_source = condition == "DATA_SOURCE_NOT_FOUND" and "data source: delta." in message.lower()
    return NEEDS_DELTA if no_source or condition in WITHOUT_DELTA else ""
