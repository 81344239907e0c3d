"""Tasks for clusters, libraries, runs and Git folders, in a flow, against the stack's workspace."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databricks_blocks.errors import DatabricksRunRefused
from databricks_blocks.job.cluster import JobCluster
from databricks_blocks.job.tasks import notebook_task
from databricks_flows.tasks.clusters import (
    get_cluster_state,
    restart_cluster,
    start_cluster,
    terminate_cluster,
)
from databricks_flows.tasks.git_folders import RepoState, update_repo
from databricks_flows.tasks.libraries import get_library_statuses, install_libraries, uninstall_libraries
from databricks_flows.tasks.runs import get_databricks_run, get_databricks_run_output, list_databricks_runs
from prefect import flow

from .conftest import ImportNotebook, Stack
from .test_databricks_job import run_job


@pytest.fixture
def cluster_id(stack: Stack) -> Iterator[str]:
    clusters = stack.databricks().clusters
    created = clusters.create(
        spark_version="15.4.x-scala2.12", node_type_id="i3.xlarge", num_workers=1, cluster_name="people's"
    )
    yield created.result(timedelta(seconds=20)).cluster_id or ""
    clusters.permanent_delete(created.cluster_id)


def test_a_cluster_is_terminated_started_and_restarted(cluster_id: str) -> None:
    @flow
    def look_after_cluster() -> list[str]:
        return [
            start_cluster(cluster_id).state,
            terminate_cluster(cluster_id).state,
            get_cluster_state(cluster_id).state,
            start_cluster(cluster_id).state,
            restart_cluster(cluster_id).state,
            get_cluster_state(cluster_id).name,
        ]

    assert look_after_cluster() == ["RUNNING", "TERMINATED", "TERMINATED", "RUNNING", "RUNNING", "people's"]


def test_libraries_are_installed_told_and_marked_for_removal(cluster_id: str) -> None:
    library = {"jar": "dbfs:/somewhere/tools.jar"}

    @flow
    def look_after_libraries() -> list[Any]:
        terminate_cluster(cluster_id)
        install_libraries(cluster_id, [library])
        before = get_library_statuses(cluster_id)
        uninstall_libraries(cluster_id, [library])
        return [before, get_library_statuses(cluster_id)]

    before, after = look_after_libraries()
    assert [(found.library, found.status) for found in before] == [(library, "PENDING")]
    assert [found.status for found in after] in ([], ["UNINSTALL_ON_RESTART"])


def test_runs_are_found_and_read(stack: Stack, notebook: ImportNotebook) -> None:
    path = notebook("says yes", "dbutils.notebook.exit('yes')")
    cluster = JobCluster().specification()
    run_id = run_job(notebook_task("only", path, new_cluster=cluster), name="to be found").run_id

    @flow
    def read() -> tuple[Any, ...]:
        run = get_databricks_run(run_id)
        return (
            run.state,
            get_databricks_run_output(run.tasks["only"].run_id),
            list_databricks_runs(limit=1),
            list_databricks_runs(active_only=True),
            len(list_databricks_runs(limit=30)),
        )

    state, output, [latest], active, found = read()
    assert (state, output.exit_value, output.error) == ("SUCCESS", "yes", "")
    assert (latest.run_id, latest.run_name, latest.state) == (run_id, "to be found", "SUCCESS")
    assert latest.end_time >= latest.start_time > 0
    assert active == []
    assert found == min(30, len(list(stack.databricks().jobs.list_runs())))


def test_a_git_folder_follows_its_branch(stack: Stack, tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet", "--initial-branch=main")
    git("commit", "--quiet", "--allow-empty", "-m", "one")
    git("tag", "v1")
    made = stack.databricks().repos.create(url=tmp_path.as_uri(), provider="gitHub")
    git("commit", "--quiet", "--allow-empty", "-m", "two")

    @flow
    def update() -> list[RepoState]:
        return [update_repo(made.path or "", branch="main"), update_repo(str(made.id), tag="v1")]

    try:
        assert [repo.head_commit_id for repo in update()] == [
            git("rev-parse", "main"),
            git("rev-parse", "v1"),
        ]
        with pytest.raises(ValueError, match="a branch or a tag"):
            update_repo(str(made.id))
    finally:
        stack.databricks().repos.delete(made.id or 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: start_cluster("0000-none"), r"refused clusters/start: Cluster 0000-none does not exist"),
        (lambda: get_cluster_state("0000-none"), "refused clusters/get: Cluster 0000-none does not exist"),
        (lambda: restart_cluster("0000-none"), "refused clusters/restart: "),
        (lambda: terminate_cluster("0000-none"), "refused clusters/delete: "),
        (lambda: install_libraries("0000-none", [{"nothing": {}}]), "refused libraries/install: "),
        (lambda: get_databricks_run(4711), "refused jobs/runs/get: .*4711 does not exist"),
        (lambda: get_databricks_run_output(4711), "refused jobs/runs/get-output: "),
        (lambda: update_repo("/Repos/nobody/none", branch="main"), "no Git folder at `/Repos/nobody/none`"),
    ],
)
@pytest.mark.usefixtures("stack")
def test_what_the_workspace_refuses_is_told_in_one_line(call: Any, message: str) -> None:
    @flow
    async def ask() -> None:
        call()

    with pytest.raises(DatabricksRunRefused, match=message) as refused:
        asyncio.run(ask())
    assert "\n" not in refused.value.message
