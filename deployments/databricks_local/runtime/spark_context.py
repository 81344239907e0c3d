"""`sqlContext`, and a replacement for `sc`, which clusters in standard (shared) access mode do not have."""

from typing import Any, NoReturn

REFUSAL = (
    "[JVM_ATTRIBUTE_NOT_SUPPORTED] Directly accessing the underlying Spark driver JVM using the attribute "
    "'sparkContext' is not supported on shared clusters. If you require direct access to these fields, "
    "consider using a single-user cluster."
)
"""The words are known from logs of serverless compute; we assume that shared clusters use the same."""

INSTEAD_OF_RDDS = (
    "Here notebooks reach Spark over Spark Connect, on both engines, and that has no RDDs: use DataFrames "
    "(spark.createDataFrame for parallelize, spark.read.text for textFile, mapInPandas for map); a function "
    "takes the variables that it uses along without a broadcast."
)


class NoSparkContext:
    """Refuses every use of `sc`."""

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse, as `spark.sparkContext` does; the error is an `AttributeError`, too."""
        # Imported here: the runner of notebooks starts without pyspark.
        from pyspark.errors import PySparkAttributeError

        raise PySparkAttributeError(f"{REFUSAL} {INSTEAD_OF_RDDS}")


class SqlContext:
    """The old face of the session, for lessons that were written before it: all else is the session's."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        """What the session has, and the methods that are those of its catalog now."""
        if hasattr(self._session, name):
            return getattr(self._session, name)
        return getattr(self._session.catalog, name)

    def tableNames(self, dbName: str | None = None) -> list[str]:  # noqa: N802, N803
        """The names of the tables of a database."""
        return [table.name for table in self._session.catalog.listTables(dbName)]

    def registerDataFrameAsTable(self, df: Any, tableName: str) -> None:  # noqa: N802, N803
        """Make a data frame a temporary view."""
        df.createOrReplaceTempView(tableName)

    def dropTempTable(self, tableName: str) -> None:  # noqa: N802, N803
        """Drop a temporary view."""
        self._session.catalog.dropTempView(tableName)

    def setConf(self, key: str, value: str) -> None:  # noqa: N802
        """Set a configuration."""
        self._session.conf.set(key, value)

    def getConf(self, key: str, defaultValue: str | None = None) -> Any:  # noqa: N802, N803
        """A configuration."""
        return self._session.conf.get(key, defaultValue)
