"""The `dbutils` of a notebook."""

from collections.abc import Mapping
from typing import Any, NoReturn

from databricks_local.runtime.dbutils.calls import Call
from databricks_local.runtime.dbutils.context import EntryPoint, NotebookContext
from databricks_local.runtime.dbutils.data import DataUtils
from databricks_local.runtime.dbutils.filesystem import FileSystemUtils
from databricks_local.runtime.dbutils.help import Helpful
from databricks_local.runtime.dbutils.library import LibraryUtils
from databricks_local.runtime.dbutils.secret_values import Redactor, SecretUtils
from databricks_local.runtime.dbutils.task_values import JobsUtils, run_notebook_of_workspace
from databricks_local.runtime.dbutils.widgets import Widgets


class NotebookExit(BaseException):
    """Raised by `dbutils.notebook.exit`. Not an `Exception`, so that handlers do not catch it."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class NotebookUtils(Helpful):
    """`dbutils.notebook`."""

    def __init__(self, call: Call | None = None, context: NotebookContext | None = None) -> None:
        self._call = call
        # Of the JVM on Databricks; notebooks and libraries read the context of the run by it.
        self.entry_point = EntryPoint(context or NotebookContext({}))

    def run(self, path: str, timeout_seconds: int, arguments: dict[str, Any] | None = None) -> str:
        """Run another notebook, and return what it gave to `dbutils.notebook.exit`."""
        return run_notebook_of_workspace(self._call, path, timeout_seconds, arguments)

    def exit(self, value: object = "") -> NoReturn:
        """End the notebook at once with a value, which `runs/get-output` returns."""
        raise NotebookExit(str(value))

    def __getattr__(self, name: str) -> NoReturn:
        raise _not_served(f"notebook.{name}")


class DBUtils(Helpful):
    """`dbutils`. What is missing here raises an error that says so."""

    def __init__(
        self,
        parameters: dict[str, str],
        call: Call | None = None,
        places: Mapping[str, str] | None = None,
        redactor: Redactor | None = None,
        context: NotebookContext | None = None,
    ) -> None:
        """Set up.

        Args:
            parameters: The values of `widgets`.
            call: Calls the workspace; None if there is none.
            places: Where `/dbfs`, `/Volumes` and `/Workspace` are. `None`: there is no `fs`.
            redactor: Gets the secrets that the notebook reads.
            context: What is known of the run.
        """
        self.widgets = Widgets(parameters)
        self.notebook = NotebookUtils(call, context)
        self.jobs = JobsUtils(call)
        self.library = LibraryUtils()
        self.data = DataUtils()
        if places is not None:
            self.fs = FileSystemUtils(places)
        if call is not None:
            self.secrets = SecretUtils(call, redactor or Redactor())

    def __getattr__(self, name: str) -> NoReturn:
        raise _not_served(name)


def _not_served(name: str) -> AttributeError:
    return AttributeError(f"dbutils.{name} is not served by the local workspace yet")
