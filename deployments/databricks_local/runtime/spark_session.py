"""The session of Spark that a task has: its requests pass through here before they are sent."""

import importlib
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from databricks_local.runtime.sail.limits import hint_at_spark
from databricks_local.runtime.sail.results import cache_nothing, count_in_signed_numbers
from databricks_local.runtime.sail.second_try import SecondTry
from databricks_local.runtime.sail.statements import serve_settings
from databricks_local.runtime.spark_paths import Rewrite, rewrite_request


class Configuration:
    """The configuration of a session, set before its first request: a notebook without Spark has none."""

    def __init__(self, conf: Mapping[str, str]) -> None:
        """Set up.

        Args:
            conf: The configuration.
        """
        self._conf = conf
        self._setting = threading.RLock()
        self.session: Any = None

    def ensure(self) -> None:
        """Set it, the first time. Its own request comes here, too, and passes."""
        with self._setting:
            conf, self._conf = self._conf, {}
            if conf:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self.session.conf._set_all(conf, silent=False)


def connect(
    remote: str,
    rewrite: Rewrite,
    conf: Mapping[str, str],
    *,
    sail: bool = True,
    hooks: Sequence[Callable[[Any], object]] = (),
) -> Any:
    """A Spark session whose requests have their paths replaced.

    Args:
        remote: The server.
        rewrite: Rewrites paths.
        conf: The configuration of the session.
        sail: Whether the server is Sail, which needs help with some requests.
        hooks: See each request first, once, and may change it; more may be added later.
    """
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.session import SparkSession

    configuration = Configuration(conf)
    second_try = SecondTry(DefaultChannelBuilder(remote))
    # By name, since it has no types.
    grpc = importlib.import_module("grpc")

    def prepare(request: Any) -> None:
        configuration.ensure()
        for hook in hooks:
            hook(request)
        rewrite_request(request, rewrite, sail=sail)

    class Interceptor(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):  # type: ignore[name-defined, misc]
        """Sees each request before it is sent."""

        def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
            prepare(request)
            if sail:
                return second_try.answer(lambda sent: continuation(details, sent), request)
            return continuation(details, request)

        def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
            prepare(request)
            if sail and hasattr(request, "plan"):
                return second_try.answers(lambda sent: continuation(details, sent), request)
            return continuation(details, request)

    builder = DefaultChannelBuilder(remote)
    builder.add_interceptor(Interceptor())
    session = configuration.session = SparkSession.builder.channelBuilder(builder).create()
    if sail:
        hint_at_spark(session)
        count_in_signed_numbers(session)
        cache_nothing()
        serve_settings(session)
    return session
