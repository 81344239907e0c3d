"""Functions of `foreachBatch`, which Apache Spark calls beside its server, in a process that is no task's.

There they get what they have in their notebook: the paths of the workspace, and what it installed by %pip.
"""

import importlib
import pickle
from collections.abc import Callable, Mapping
from typing import Any, cast

from databricks_local.runtime.imports.offered import look_in
from databricks_local.runtime.spark_paths import Rewrite, refusing_s3, rewrite_request, spark_rewriter

BatchFunction = Callable[[Any, int], None]


class TravellingFunction:
    """A function that makes itself at home where it arrives, before anything that it needs is imported."""

    def __init__(self, function: BatchFunction, places: Mapping[str, str], offers: str, s3: bool) -> None:
        """Set up.

        Args:
            function: The function of the notebook.
            places: Where `/dbfs`, `/Volumes` and `/Workspace` are for the server.
            offers: The directory of what notebooks installed by %pip.
            s3: Whether Spark reaches S3.
        """
        self._function = function
        self._settings = (dict(places), offers, s3)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel by value, the function as bytes: it is read after the rest."""
        # By name, since it has no types.
        content = importlib.import_module("pyspark.cloudpickle").dumps(self._function)
        return _arrive, (content, *self._settings)


def _arrive(content: bytes, places: Mapping[str, str], offers: str, s3: bool) -> BatchFunction:
    """Be at home in the process of a `foreachBatch`, and read the function; Spark has made its session."""
    from pyspark.sql.connect.session import SparkSession

    look_in(offers)
    rewrite = spark_rewriter(places)
    reach = rewrite if s3 else refusing_s3(rewrite)
    stub = SparkSession.active().client._stub
    for name in ("AnalyzePlan", "ExecutePlan"):
        setattr(stub, name, _rewriting(getattr(stub, name), reach))
    function: BatchFunction = pickle.loads(content)  # noqa: S301 - of the notebook, as Spark does itself
    return function


def _rewriting(call: Callable[..., Any], rewrite: Rewrite) -> Callable[..., Any]:
    """A call of the server that has the paths in its request replaced."""

    def send(request: Any, **options: Any) -> Any:
        rewrite_request(request, rewrite)
        return call(request, **options)

    return send


def send_batches_home(places: Mapping[str, str], offers: str, *, s3: bool) -> None:
    """Let `foreachBatch` of this process send its functions as above.

    Args:
        places: Where `/dbfs`, `/Volumes` and `/Workspace` are for the server.
        offers: The directory of what notebooks installed by %pip.
        s3: Whether Spark reaches S3.
    """
    from pyspark.sql.connect.streaming.readwriter import DataStreamWriter

    send = DataStreamWriter.foreachBatch

    def send_home(self: Any, func: BatchFunction) -> Any:
        """Call a function with each batch of the stream."""
        return send(self, cast(BatchFunction, TravellingFunction(func, places, offers, s3)))

    DataStreamWriter.foreachBatch = send_home  # type: ignore[method-assign]
