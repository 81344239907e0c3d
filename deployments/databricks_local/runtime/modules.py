"""The modules from which files and libraries import the names of a notebook on Databricks.

`from databricks.sdk.runtime import dbutils, spark` takes them from `dbruntime`, by which `WorkspaceClient()`
logs in, too (source: databricks-sdk-py, runtime/__init__.py); `from pyspark.dbutils import DBUtils` is the
older way (docs: Databricks Utilities).
"""

import importlib
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

from databricks_local.runtime.dbutils.context import NotebookContext, tags_of
from databricks_local.runtime.dbutils.utilities import DBUtils
from databricks_local.runtime.notebook_run import spark_names


def provide_modules(spark: Any, dbutils: DBUtils, context: NotebookContext) -> None:
    """Add the modules to this process."""
    names = {
        "spark": spark,
        "dbutils": dbutils,
        "getArgument": dbutils.widgets.getArgument,
        "display": _of_main("display"),
        "displayHTML": _of_main("displayHTML"),
        **spark_names(spark),
    }

    class UserNamespaceInitializer:
        """Gives the SDK the names of a notebook."""

        @staticmethod
        def getOrCreate() -> "UserNamespaceInitializer":  # noqa: N802
            return UserNamespaceInitializer()

        def get_namespace_globals(self) -> dict[str, Any]:
            return names

    def init_runtime_native_auth() -> tuple[str | None, Callable[[], dict[str, str]] | None]:
        facts = context.facts
        if not facts.get("apiToken"):
            return None, None
        return facts["apiUrl"], lambda: {"Authorization": f"Bearer {facts['apiToken']}"}

    def get_context() -> SimpleNamespace:
        facts = context.all()
        known = {**dict.fromkeys(CONTEXT_FIELDS), **facts}
        return SimpleNamespace(
            **{**known, "workspaceUrl": facts.get("browserHostName"), "tags": tags_of(facts)}
        )

    runtime = _module("dbruntime", UserNamespaceInitializer=UserNamespaceInitializer, __path__=[])
    runtime.sdk_credential_provider = _module(
        "dbruntime.sdk_credential_provider", init_runtime_native_auth=init_runtime_native_auth
    )
    runtime.databricks_repl_context = _module("dbruntime.databricks_repl_context", get_context=get_context)
    # Called with the session, as on Databricks; there is one `dbutils` in a process.
    utilities = _module("pyspark.dbutils", DBUtils=lambda _spark=None: dbutils)
    vars(importlib.import_module("pyspark"))["dbutils"] = utilities


CONTEXT_FIELDS = (
    "apiToken", "apiUrl", "browserHostName", "clusterId", "currentRunId", "jobId", "notebookId",
    "notebookPath", "rootRunId", "userId", "workspaceId",
)  # fmt: skip
"""The fields of `get_context()` that libraries read; None where nothing is known."""


def _module(name: str, **names: Any) -> Any:
    module = ModuleType(name)
    vars(module).update(names)
    sys.modules[name] = module
    return module


def _of_main(name: str) -> Callable[..., Any]:
    """A function of the notebook, which begins later."""

    def call(*arguments: Any, **named: Any) -> Any:
        return getattr(sys.modules["__main__"], name)(*arguments, **named)

    return call
