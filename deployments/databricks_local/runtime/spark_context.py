"""A replacement for `sc`, which clusters in standard (shared) access mode do not have."""

from typing import NoReturn

REFUSAL = (
    "[JVM_ATTRIBUTE_NOT_SUPPORTED] Directly accessing the underlying Spark driver JVM using the attribute "
    "'sparkContext' is not supported on shared clusters. If you require direct access to these fields, "
    "consider using a single-user cluster."
)
"""The words are known from logs of serverless compute; we assume that shared clusters use the same."""


class NoSparkContext:
    """Refuses every use of `sc`."""

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse, as `spark.sparkContext` does; the error is an `AttributeError`, too."""
        # Imported here: the runner of notebooks starts without pyspark.
        from pyspark.errors import PySparkAttributeError

        raise PySparkAttributeError(REFUSAL)
