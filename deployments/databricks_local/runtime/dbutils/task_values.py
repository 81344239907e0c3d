"""`dbutils.jobs.taskValues` and `dbutils.notebook.run`, which call the workspace."""

import json
from typing import Any

from databricks_local.api.sizes import json_text, utf8_size
from databricks_local.runtime.dbutils.calls import Call, WorkspaceCallError
from databricks_local.runtime.dbutils.help import Helpful

MAX_VALUE_BYTES = 48 * 1024
"""Docs: the JSON of a task value is at most 48 KiB."""


class WorkflowException(Exception):
    """Raised by `dbutils.notebook.run` when the notebook that was run failed."""


class TaskValues(Helpful):
    """`dbutils.jobs.taskValues`."""

    def __init__(self, call: Call | None = None) -> None:
        self._call = call

    def set(self, key: str, value: Any) -> None:
        """Set a value that later tasks of the run can read. Does nothing outside of a job.

        Args:
            key: Its name.
            value: Anything that JSON can hold, up to 48 KiB.

        Raises:
            ValueError: If the value is too large or not JSON.
        """
        if not isinstance(key, str) or not key:
            raise TypeError("The key of a task value is a string that is not empty.")
        try:
            text = json_text(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"The value of the task value {key} is no JSON: {error}") from error
        if utf8_size(text) > MAX_VALUE_BYTES:
            raise ValueError(f"The JSON of the task value {key} is larger than 48 KiB.")
        if self._call is not None:
            self._call("set_task_value", key=key, value=text)

    def get(
        self,
        taskKey: str,  # noqa: N803
        key: str,
        default: Any = None,
        debugValue: Any = None,  # noqa: N803
    ) -> Any:
        """The value that a task of this run set.

        Args:
            taskKey: The task.
            key: The name of the value.
            default: What is returned if there is none.
            debugValue: What is returned outside of a job.

        Raises:
            TypeError: If there is no job and no `debugValue`. The words are the SDK's.
            ValueError: If there is no such value and no default.
        """
        if self._call is None:
            if debugValue is None:
                raise TypeError(
                    "Must pass debugValue when calling get outside of a job context. "
                    "debugValue cannot be None."
                )
            return debugValue
        text = self._call("get_task_value", task_key=taskKey, key=key)
        if text is not None:
            return json.loads(text)
        if default is None:
            raise ValueError(f"No task value with key {key} was found for task {taskKey}.")
        return default


class JobsUtils(Helpful):
    """`dbutils.jobs`."""

    def __init__(self, call: Call | None = None) -> None:
        self.taskValues = TaskValues(call)


def run_notebook_of_workspace(
    call: Call | None, path: str, timeout_seconds: int, arguments: dict[str, Any] | None
) -> str:
    """Run another notebook as a run of its own (docs: it creates a `WORKFLOW_RUN`).

    Args:
        call: Calls the workspace.
        path: The notebook, absolute or relative to the one that calls.
        timeout_seconds: After how long it is ended; 0 is never.
        arguments: Its parameters.

    Returns:
        The value of its `dbutils.notebook.exit`; empty if there is none.

    Raises:
        WorkflowException: If it failed.
    """
    if call is None:
        raise WorkflowException("dbutils.notebook.run needs a workspace to run the notebook on.")
    parameters = {str(name): str(value) for name, value in (arguments or {}).items()}
    try:
        value = call("run_notebook", path=path, timeout_seconds=int(timeout_seconds), arguments=parameters)
    except WorkspaceCallError as error:
        # The two words in front are those of the real one's exception.
        raise WorkflowException(f"com.databricks.NotebookExecutionException: FAILED: {error}") from None
    return str(value)
