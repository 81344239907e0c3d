"""Says in errors of Apache Spark what to do where this one lacks what Databricks has."""

import sys

NEEDS_DELTA = (
    " Apache Spark has no Delta here, since its wheel has none: use the engine sail (--engine, or the tag "
    "local_engine), or name Delta's jars in spark.driver.extraClassPath of the cluster's spark_conf."
)
WITHOUT_DELTA = "UNSUPPORTED_FEATURE.TABLE_OPERATION"
"""Of UPDATE, DELETE, MERGE and CREATE OR REPLACE TABLE on tables in other formats."""


def explain_spark(error: BaseException) -> None:
    """Say in an error of Spark that Delta is missing, if that is why."""
    # Not imported: the runner of notebooks starts without pyspark, and then the error is none of Spark.
    errors = sys.modules.get("pyspark.errors")
    if errors is None or not isinstance(error, errors.PySparkException):
        return
    if needs_delta(error.getCondition(), error.getMessage()):
        error._message = f"{error._message}{NEEDS_DELTA}"


def needs_delta(condition: str | None, message: str) -> bool:
    """Whether an error comes from the lack of Delta.

    Example:
        >>> needs_delta("DATA_SOURCE_NOT_FOUND", "Failed to find the data source: DELTA. Make sure")
        True
    """
    if condition == "DATA_SOURCE_NOT_FOUND":
        return "data source: delta." in message.lower()
    return condition == WITHOUT_DELTA
