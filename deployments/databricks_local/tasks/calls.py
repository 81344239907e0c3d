"""Answers what a notebook asks the workspace for while it runs."""

import posixpath
from collections.abc import Awaitable, Callable
from typing import Any

from databricks_local.api.errors import ApiError
from databricks_local.api.sizes import utf8_size
from databricks_local.execution.cluster import Cluster
from databricks_local.git.checkouts import CheckoutError
from databricks_local.runs import states
from databricks_local.runs.drive import Drive
from databricks_local.runs.models import TaskRun
from databricks_local.runtime.dbutils.calls import WorkspaceCallError
from databricks_local.runtime.dbutils.task_values import MAX_VALUE_BYTES

MAX_DEPTH = 20
"""How deep notebooks may run one another; each of them is a process."""


class TaskCalls:
    """Answers the calls of one task run."""

    def __init__(self, drive: Drive, task: TaskRun, cluster: Cluster, path: str) -> None:
        self._drive = drive
        self._task = task
        self._cluster = cluster
        self._path = path
        self._methods: dict[str, Callable[[dict[str, Any]], Awaitable[Any]]] = {
            "set_task_value": self._set_task_value,
            "get_task_value": self._get_task_value,
            "run_notebook": self._run_notebook,
            "notebook_source": self._notebook_source,
            "task_context": self._task_context,
        }

    async def answer(self, name: str, arguments: dict[str, Any]) -> Any:
        """Answer one call.

        Raises:
            WorkspaceCallError: If it is refused.
        """
        method = self._methods.get(name)
        if method is None:
            raise WorkspaceCallError(f"{name} is not served by the local workspace yet")
        try:
            return await method(arguments)
        except ApiError as error:
            raise WorkspaceCallError(error.message) from error

    async def _set_task_value(self, arguments: dict[str, Any]) -> None:
        key, value = str(arguments["key"]), str(arguments["value"])
        if utf8_size(value) > MAX_VALUE_BYTES:
            raise WorkspaceCallError(f"The JSON of the task value {key} is larger than 48 KiB.")
        self._task.values[key] = value
        self._drive.tools.store.changed_task(self._drive.run, self._task)

    async def _get_task_value(self, arguments: dict[str, Any]) -> str | None:
        task = self._drive.latest.get(str(arguments["task_key"]))
        return None if task is None else task.values.get(str(arguments["key"]))

    async def _notebook_source(self, arguments: dict[str, Any]) -> str | None:
        path = str(arguments["path"])
        if path.startswith("/"):
            return self._drive.tools.notebook_source(path)
        try:
            return (await self._drive.checkout.get()).notebook_source(path)
        except CheckoutError:
            return None

    async def _task_context(self, _: dict[str, Any]) -> dict[str, str]:
        run, task = self._drive.run, self._task
        return {
            "jobId": str(run.job_id),
            "jobName": run.spec.name,
            "rootRunId": str(run.run_id),
            "currentRunId": str(task.run_id),
            "taskKey": task.spec.key,
            "userName": run.creator,
        }

    async def _run_notebook(self, arguments: dict[str, Any]) -> str:
        if len(self._drive.run.spec.ancestors) >= MAX_DEPTH:
            raise WorkspaceCallError(f"Notebooks can be run from one another up to {MAX_DEPTH} deep.")
        folder = posixpath.dirname(self._path)
        path = posixpath.normpath(posixpath.join(folder, str(arguments["path"])))
        run = self._drive.tools.start_notebook(
            self._drive, self._task, self._cluster, {**arguments, "path": path}
        )
        await self._drive.tools.wait_for(run)
        task = await self._drive.tools.store.with_output(run.tasks[-1])
        if run.state.result is not states.Result.SUCCESS:
            raise WorkspaceCallError(task.error or run.state.message)
        return task.exit_value or ""
