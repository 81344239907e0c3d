"""What tests of the workspace share: a client of each kind, notebooks, waiting."""

import base64
import os
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import compute, jobs
from databricks.sdk.service.workspace import ImportFormat, Language
from databricks_local import LocalWorkspace

TERMINAL = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}
HEADER = "# Databricks notebook source\n"
CLUSTER = {"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}


@dataclass
class Lab:
    """What a test does with a workspace: put notebooks, submit them, wait."""

    workspace: LocalWorkspace
    sdk: WorkspaceClient
    http: httpx.Client

    def notebook(self, name: str, source: str) -> str:
        path = f"/Shared/{name}"
        self.sdk.workspace.import_(
            path=path,
            content=base64.b64encode((HEADER + source).encode()).decode(),
            format=ImportFormat.SOURCE,
            language=Language.PYTHON,
            overwrite=True,
        )
        return path

    def task(
        self,
        key: str,
        path: str,
        after: Sequence[str] = (),
        cluster: dict[str, Any] | None = None,
        **fields: Any,
    ) -> jobs.SubmitTask:
        return jobs.SubmitTask(
            task_key=key,
            notebook_task=jobs.NotebookTask(
                notebook_path=path, base_parameters=fields.pop("parameters", None)
            ),
            new_cluster=compute.ClusterSpec.from_dict({**CLUSTER, **(cluster or {})}),
            depends_on=[jobs.TaskDependency(task_key=name) for name in after],
            **fields,
        )

    def submit(self, *tasks: jobs.SubmitTask, **fields: Any) -> int:
        return self.sdk.jobs.submit(tasks=list(tasks), **{"run_name": "a test", **fields}).run_id

    def ended(self, run_id: int, seconds: float = 30) -> dict[str, Any]:
        """The run as JSON, once it has ended."""

        def ask() -> dict[str, Any] | None:
            run = self.get("/api/2.2/jobs/runs/get", run_id=run_id).json()
            return run if run["state"]["life_cycle_state"] in TERMINAL else None

        return until(ask, seconds)

    def run(self, *tasks: jobs.SubmitTask, **fields: Any) -> dict[str, Any]:
        return self.ended(self.submit(*tasks, **fields))

    def run_source(self, name: str, source: str, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Run one notebook; its task and its output."""
        run = self.run(self.task("only", self.notebook(name, source), **fields))
        task = run["tasks"][0]
        return task, self.get("/api/2.2/jobs/runs/get-output", run_id=task["run_id"]).json()

    def wait_for_task(self, run_id: int, key: str, state: str) -> dict[str, Any]:
        def ask() -> dict[str, Any] | None:
            tasks = self.get("/api/2.2/jobs/runs/get", run_id=run_id).json()["tasks"]
            task = next(task for task in tasks if task["task_key"] == key)
            return task if task["state"]["life_cycle_state"] == state else None

        return until(ask)

    def get(self, path: str, /, **query: Any) -> httpx.Response:
        return self.http.get(path, params=query)

    def post(self, path: str, /, body: Any) -> httpx.Response:
        return self.http.post(path, json=body)


def until(ask: Callable[[], Any], seconds: float = 30) -> Any:
    """Ask until the answer is true, or fail."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.02)
    return answer


def java_processes(lab: Lab) -> list[psutil.Process]:
    """The servers of Apache Spark that a workspace runs."""
    found = []
    for each in psutil.Process(lab.workspace.process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            # What Java starts has its name until it becomes another program.
            if each.name() == "java" and "java" not in [parent.name() for parent in each.parents()]:
                found.append(each)
    return found


def lab_of(workspace: LocalWorkspace) -> Iterator[Lab]:
    os.environ["DATABRICKS_CONFIG_FILE"] = os.devnull
    http = httpx.Client(
        base_url=workspace.url,
        headers={"Authorization": f"Bearer {workspace.token}"},
        timeout=30,
        trust_env=False,
        verify=ssl.create_default_context(cafile=workspace.authority) if workspace.authority else True,
    )
    with http:
        yield Lab(workspace, workspace.client(), http)
