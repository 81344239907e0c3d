"""`sc`, which clusters in standard (shared) access mode do not have: it says so when it is used."""

from typing import NoReturn

REFUSAL = (
    "[JVM_ATTRIBUTE_NOT_SUPPORTED] Directly accessing the underlying Spark driver JVM using the attribute "
    "'sparkContext' is not supported on shared clusters. If you require direct access to these fields, "
    "consider using a single-user cluster."
)
"""Known of serverless compute, from logs; that shared clusters say it like this is inferred."""


class NoSparkContext:
    """Stands where `sc` would be."""

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse, as `spark.sparkContext` does; the error is an `AttributeError`, too."""
        # Imported here: the runner of notebooks starts without pyspark.
        from pyspark.errors import PySparkAttributeError

        raise PySparkAttributeError(REFUSAL)
