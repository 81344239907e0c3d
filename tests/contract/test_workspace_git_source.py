"""Runs whose notebooks come from a repository."""

import json
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service import compute, jobs

from .git_lab import commit, git
from .job_lab import create, output, own_workspace, results, run_now, step, value
from .workspace_lab import CLUSTER, HEADER, Lab, until

NEXT = "\n\n# COMMAND ----------\n\n"
BOOK = HEADER + "dbutils.notebook.exit('{}')\n"


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    commit(directory, {"etl/book.py": BOOK.format("one")})
    return directory


def source(origin: Path | str, **reference: str) -> dict[str, str]:
    return {"git_url": str(origin), "git_provider": "gitHub", **(reference or {"git_branch": "main"})}


def submit(lab: Lab, origin: Path | str, *paths: str, **reference: str) -> dict[str, Any]:
    """Submit a task for each notebook, one after the other, and wait for the end."""
    tasks = [lab.task(f"t{n}", path, [f"t{n - 1}"] if n else []) for n, path in enumerate(paths)]
    git_source = jobs.GitSource.from_dict(source(origin, **reference))
    return lab.ended(lab.sdk.jobs.submit(tasks=tasks, git_source=git_source, run_name="git").run_id)


def left_over(lab: Lab) -> list[Path]:
    return list((lab.workspace.log.parent / "checkouts").iterdir())


def test_notebooks_of_a_branch_a_tag_and_a_commit(lab: Lab, origin: Path) -> None:
    first = git(origin, "rev-parse", "HEAD")
    git(origin, "tag", "-m", "a tag", "v1")
    git(origin, "branch", "other")
    second = commit(origin, {"etl/book.py": BOOK.format("two")})
    cases = [
        (origin.as_uri(), {"git_branch": "main"}, second, "two"),
        (origin, {"git_branch": "other"}, first, "one"),
        (origin, {"git_tag": "v1"}, first, "one"),
        (origin, {"git_commit": first}, first, "one"),
        (origin, {"git_commit": first[:10]}, first, "one"),
    ]
    for url, reference, used, expected in cases:
        run = submit(lab, str(url), "etl/book", "etl/book.py", **reference)
        assert results(run) == {"t0": "SUCCESS", "t1": "SUCCESS"}
        assert [value(lab, run, key) for key in ("t0", "t1")] == [expected] * 2
        assert run["git_source"] == {**source(str(url), **reference), "git_snapshot": {"used_commit": used}}
        assert run["tasks"][0]["notebook_task"]["source"] == "GIT"
        seen = lab.sdk.jobs.get_run(run["run_id"]).git_source
        assert seen is not None
        assert seen.git_snapshot is not None
        assert seen.git_snapshot.used_commit == used
    assert left_over(lab) == []


def test_all_tasks_use_the_commit_at_the_start_of_the_run(lab: Lab, origin: Path, tmp_path: Path) -> None:
    flag, going = tmp_path / "flag", tmp_path / "going"
    waiting = (
        f"{HEADER}import pathlib, time\npathlib.Path({str(going)!r}).touch()\n"
        f"while not pathlib.Path({str(flag)!r}).exists():\n    time.sleep(0.02)\n"
    )
    before = commit(origin, {"wait.py": waiting})
    tasks = [lab.task("wait", "wait"), lab.task("after", "etl/book", ["wait"])]
    git_source = jobs.GitSource.from_dict(source(origin))
    run_id = lab.sdk.jobs.submit(tasks=tasks, git_source=git_source).run_id
    until(going.exists)
    commit(origin, {"etl/book.py": BOOK.format("moved")})
    flag.touch()
    run = lab.ended(run_id)
    assert value(lab, run, "after") == "one"
    assert run["git_source"]["git_snapshot"] == {"used_commit": before}


def test_a_task_is_in_the_directory_of_its_notebook(lab: Lab, origin: Path) -> None:
    book = (
        "import os\nimport sibling, package.deep\nfrom pathlib import Path\n"
        "Path('../written.txt').write_text('x')\n"
        "dbutils.notebook.exit((sibling.x, package.deep.y, Path('data.txt').read_text(), "
        "os.path.exists('.git'), sorted(os.listdir('..'))))"
    )
    files = {"etl/where.py": HEADER + book, "etl/sibling.py": "x = 1\n", "etl/data.txt": "text"}
    commit(origin, {**files, "package/deep.py": "y = 2\n"})
    run = submit(lab, origin, "etl/where", "etl/where")
    # The second task does not see what the first one wrote.
    for key in ("t0", "t1"):
        assert value(lab, run, key) == str((1, 2, "text", False, ["etl", "package", "written.txt"]))


def test_included_notebooks_come_from_the_checkout(lab: Lab, origin: Path) -> None:
    lab.notebook("of_workspace", "where = 'workspace'\n")
    cells = [
        "# MAGIC %run ./inner",
        "# MAGIC %run ../shared/outer",
        "# MAGIC %run /Shared/of_workspace",
        "result = dbutils.notebook.run('../shared/callee', 60)",
        "dbutils.notebook.exit((inner, outer, where, result))",
    ]
    files = {
        "etl/main.py": HEADER + NEXT.join(cells),
        "etl/inner.py": HEADER + "inner = 1\n",
        "shared/outer.py": HEADER + "outer = 2\n",
        "shared/callee.py": HEADER + "import helper\ndbutils.notebook.exit(helper.NAME)\n",
        "shared/helper.py": "NAME = 'callee'\n",
        "etl/lost.py": f"{HEADER}# MAGIC %run ../../../etc/passwd\n",
    }
    commit(origin, files)
    run = submit(lab, origin, "etl/main")
    assert value(lab, run, "t0") == "(1, 2, 'workspace', 'callee')"
    lost = output(lab, submit(lab, origin, "etl/lost")["tasks"][0])
    assert lost["error"].startswith("NotebookNotFoundError: Notebook not found: ../../etc/passwd.")


def test_other_formats(lab: Lab, origin: Path) -> None:
    cell = {
        "cell_type": "code",
        "source": ["dbutils.notebook.exit('jupyter')"],
        "metadata": {},
        "outputs": [],
    }
    files = {
        "a.ipynb": json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}),
        "b.sql": "-- Databricks notebook source\nSELECT 1\n",
    }
    commit(origin, files)
    run = submit(lab, origin, "a", "b")
    assert results(run) == {"t0": "SUCCESS", "t1": "SUCCESS"}
    assert value(lab, run, "t0") == "jupyter"


def test_a_link_does_not_lead_out_of_the_checkout(lab: Lab, origin: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text(BOOK.format("outside"))
    (origin / "link.py").symlink_to(tmp_path / "outside.py")
    (origin / "folder").symlink_to(tmp_path)
    commit(origin, {"look.py": f"{HEADER}import os\ndbutils.notebook.exit(os.path.islink('link.py'))"})
    run = submit(lab, origin, "look")
    assert value(lab, run, "t0") == "False"
    for path in ("link", "folder/outside"):
        (task,) = submit(lab, origin, path)["tasks"]
        assert task["status"]["termination_details"]["code"] == "REPOSITORY_CHECKOUT_FAILED"


@pytest.mark.parametrize(
    ("url", "reference", "path", "reason"),
    [
        ("{origin}", {"git_branch": "none"}, "etl/book", "branch none is not in {origin}."),
        ("{origin}", {"git_tag": "main"}, "etl/book", "tag main is not in {origin}."),
        ("{origin}", {"git_commit": "0" * 40}, "etl/book", f"commit {'0' * 40} is not in {{origin}}."),
        (
            "{origin}",
            {"git_commit": "--all"},
            "etl/book",
            "'--all' is not the name of a branch, tag or commit.",
        ),
        ("{origin}", {}, "etl/none", "there is no notebook etl/none in commit {commit}."),
        ("{origin}", {}, "etl", "there is no notebook etl in commit {commit}."),
        ("{origin}", {}, "../../etl/book", "there is no notebook ../../etl/book in commit {commit}."),
        ("{origin}", {}, "x" * 300, f"there is no notebook {'x' * 300} in commit {{commit}}."),
        ("{origin}", {}, "plain", "there is no notebook plain in commit {commit}."),
        ("{origin}/none", {}, "etl/book", "{origin}/none cannot be cloned: there is no such directory."),
        (
            "https://github.com/org/project",
            {},
            "etl/book",
            "https://github.com/org/project cannot be cloned: the local workspace reaches repositories on "
            "this machine only, by an absolute path or a file:// URL.",
        ),
    ],
)
def test_checkouts_that_fail(
    lab: Lab, origin: Path, url: str, reference: dict[str, str], path: str, reason: str
) -> None:
    used = commit(origin, {"plain.py": "x = 1\n"})
    run = submit(lab, url.format(origin=origin), path, "etl/book", **reference)
    first = next(task for task in run["tasks"] if task["task_key"] == "t0")
    message = "Failed to checkout Git repository: " + reason.format(origin=origin, commit=used)
    assert first["status"]["termination_details"] == {
        "code": "REPOSITORY_CHECKOUT_FAILED",
        "type": "CLIENT_ERROR",
        "message": message,
    }
    assert output(lab, first)["error"] == message
    assert results(run) == {"t0": "FAILED", "t1": "UPSTREAM_FAILED"}
    assert left_over(lab) == []


def test_a_directory_that_is_no_repository(lab: Lab, tmp_path: Path) -> None:
    (task,) = submit(lab, tmp_path, "book")["tasks"]
    message = task["state"]["state_message"]
    assert message.startswith("Failed to checkout Git repository: fatal: ")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("git_source", "message"),
    [
        (
            {"git_url": "/x", "git_branch": "main"},
            "git_source.git_provider must be one of: github,gitlab,bitbucketcloud,gitlabenterpriseedition,"
            "bitbucketserver,azuredevopsservices,githubenterprise,awscodecommit",
        ),
        (
            {"git_url": "/x", "git_provider": "gitHub"},
            "git_source must have exactly one of git_branch, git_tag and git_commit.",
        ),
        (
            {"git_url": "/x", "git_provider": "gitHub", "git_branch": "a", "git_tag": "b"},
            "git_source must have exactly one of git_branch, git_tag and git_commit.",
        ),
        ({"git_provider": "gitHub", "git_branch": "a"}, "Missing required field: git_url"),
        (None, "Task only has the source GIT, but there is no git_source."),
    ],
)
@pytest.mark.parametrize("endpoint", ["runs/submit", "create"])
def test_refusals(lab: Lab, endpoint: str, git_source: dict[str, str] | None, message: str) -> None:
    task = {
        "task_key": "only",
        "notebook_task": {"notebook_path": "book", "source": "GIT"},
        "new_cluster": CLUSTER,
    }
    answer = lab.post(f"/api/2.2/jobs/{endpoint}", {"tasks": [task], "git_source": git_source})
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_paths_and_sources(lab: Lab, origin: Path) -> None:
    lab.notebook("plain", "dbutils.notebook.exit('workspace')\n")
    with pytest.raises(InvalidParameterValue, match="must be relative"):
        submit(lab, origin, "/Shared/plain")
    task = jobs.SubmitTask(
        task_key="t0",
        notebook_task=jobs.NotebookTask(notebook_path="/Shared/plain", source=jobs.Source.WORKSPACE),
        new_cluster=compute.ClusterSpec.from_dict(CLUSTER),
    )
    git_source = jobs.GitSource.from_dict(source(origin))
    run = lab.ended(lab.sdk.jobs.submit(tasks=[task], git_source=git_source).run_id)
    assert value(lab, run, "t0") == "workspace"


def test_a_repair_of_a_job_keeps_the_commit(lab: Lab, origin: Path) -> None:
    fail = "if dbutils.widgets.get('fail') == 'yes':\n    raise ValueError('no')\n"
    book = f"{HEADER}{fail}dbutils.notebook.exit('{{}}')\n"
    first = commit(origin, {"etl/flaky.py": book.format("one")})
    job_id = create(lab, step("only", "etl/flaky"), git_source=source(origin))
    run_id = run_now(lab, job_id, job_parameters={"fail": "yes"})
    assert results(lab.ended(run_id)) == {"only": "FAILED"}
    second = commit(origin, {"etl/flaky.py": book.format("two")})
    again = {"run_id": run_id, "rerun_tasks": ["only"], "job_parameters": {"fail": "no"}}
    assert lab.post("/api/2.2/jobs/runs/repair", again).status_code == 200
    run = lab.ended(run_id)
    assert (value(lab, run, "only"), run["git_source"]["git_snapshot"]["used_commit"]) == ("one", first)
    # The settings of the job as they are now count, its git_source included.
    git(origin, "branch", "next", second)
    settings = {"job_id": job_id, "new_settings": {"git_source": source(origin, git_branch="next")}}
    assert lab.post("/api/2.2/jobs/update", settings).status_code == 200
    latest = lab.get("/api/2.2/jobs/runs/get", run_id=run_id, include_history="true").json()["repair_history"]
    again["latest_repair_id"] = latest[-1]["id"]
    assert lab.post("/api/2.2/jobs/runs/repair", again).status_code == 200
    run = lab.ended(run_id)
    assert (value(lab, run, "only"), run["git_source"]["git_snapshot"]["used_commit"]) == ("two", second)
    assert left_over(lab) == []


def test_iterations(lab: Lab, origin: Path) -> None:
    commit(origin, {"each.py": f"{HEADER}dbutils.notebook.exit(dbutils.widgets.get('n'))\n"})
    nested = step("nested", "each", parameters={"n": "{{input}}"})
    loop = {"task_key": "loop", "for_each_task": {"inputs": "[1, 2]", "task": nested}}
    run = lab.ended(run_now(lab, create(lab, loop, git_source=source(origin))))
    assert results(run) == {"loop": "SUCCESS"}


def test_runs_of_a_repository_outlive_the_server(tmp_path: Path, origin: Path) -> None:
    used = git(origin, "rev-parse", "HEAD")
    with own_workspace(tmp_path / "root") as lab:
        run = submit(lab, origin, "etl/book")
    left, mine = (tmp_path / "root" / "checkouts" / name for name in ("0123456789abcdef", "mine"))
    for directory in (left, mine):
        (directory / "deep").mkdir(parents=True)
    with own_workspace(tmp_path / "root") as lab:
        again = lab.ended(run["run_id"])
        assert again["git_source"]["git_snapshot"] == {"used_commit": used}
        assert again["tasks"][0]["notebook_task"] == run["tasks"][0]["notebook_task"]
        assert not left.exists()
        # Somebody's own, in a root that is used for other things, too.
        assert (mine / "deep").is_dir()
