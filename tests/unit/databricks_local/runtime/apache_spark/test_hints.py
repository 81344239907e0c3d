"""What is said in errors of Spark beside its own words."""

import pytest
from databricks_local.runtime.apache_spark.hints import NEEDS_DELTA, explain_spark, hint_for
from databricks_local.runtime.spark_context import INSTEAD_OF_RDDS
from databricks_local.runtime.traces import error_line
from pyspark.errors.exceptions.connect import AnalysisException


@pytest.mark.parametrize(
    ("condition", "message", "hint"),
    [
        ("DATA_SOURCE_NOT_FOUND", "Failed to find the data source: delta. Make sure", NEEDS_DELTA),
        ("DATA_SOURCE_NOT_FOUND", "Failed to find the data source: DELTA. Make sure", NEEDS_DELTA),
        ("DATA_SOURCE_NOT_FOUND", "Failed to find the data source: delta_of_mine. Make sure", ""),
        ("UNSUPPORTED_FEATURE.TABLE_OPERATION", "`t` does not support UPDATE TABLE", NEEDS_DELTA),
        ("UNSUPPORTED_FEATURE.TIME_TRAVEL", "Time travel on the relation `t`", NEEDS_DELTA),
        ("JVM_ATTRIBUTE_NOT_SUPPORTED", "Attribute `rdd` is not supported", INSTEAD_OF_RDDS),
        ("UNRESOLVED_COLUMN", "delta", ""),
        (None, "delta", ""),
    ],
)
def test_hints(condition: str | None, message: str, hint: str) -> None:
    assert hint_for(condition, message) == hint
    assert "\n" not in hint


def test_the_hint_is_in_the_line_and_the_trace_of_java_is_not() -> None:
    error = AnalysisException(
        "[UNSUPPORTED_FEATURE.TABLE_OPERATION] `t` does not support UPDATE TABLE.",
        errorClass="UNSUPPORTED_FEATURE.TABLE_OPERATION",
        messageParameters={},
        server_stacktrace="org.apache.spark.sql.AnalysisException\n\tat X.java",
        display_server_stacktrace=True,
    )
    explain_spark(error)
    assert error_line(error) == (
        "AnalysisException: [UNSUPPORTED_FEATURE.TABLE_OPERATION] `t` does not support UPDATE TABLE. "
        f"{NEEDS_DELTA}"
    )
    assert "X.java" in str(error)


def test_other_errors_are_left_alone() -> None:
    for error in (ImportError("no", name="pyspark"), ValueError("delta")):
        explain_spark(error)
        assert str(error) in ("no", "delta")
