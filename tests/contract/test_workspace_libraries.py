"""Libraries of tasks, of all-purpose clusters, and of notebooks."""

import importlib.util
import shutil
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from databricks.sdk.service.compute import Library, PythonPyPiLibrary
from databricks.sdk.service.workspace import ImportFormat

from .job_lab import SHARED, invalid, latest, output, own_workspace, refusal, results, run_job, step
from .wheel_lab import build_wheel, package_index
from .workspace_lab import CLUSTER, Lab, until

SUBMIT = "/api/2.2/jobs/runs/submit"
VERSION = "import colour\ndbutils.notebook.exit(colour.VERSION)\n"
ABSENT = "import importlib.util\ndbutils.notebook.exit(str(importlib.util.find_spec('colour') is not None))\n"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with two packages: one in two versions, one that needs it and what there is already."""
    root = tmp_path_factory.mktemp("index")
    for version in ("1.0", "2.0"):
        build_wheel(root / "colour", "colour", version, f"VERSION = '{version}'\n")
    needs = ("colour<2", "pandas")
    build_wheel(
        root / "painter", "painter", "1.0", "import colour, pandas\nUSED = colour.VERSION\n", "", needs
    )
    return root


@pytest.fixture(scope="module")
def index(wheels: Path) -> Iterator[str]:
    with package_index(wheels) as url:
        yield url


@pytest.fixture(scope="module")
def volume(lab: Lab, wheels: Path) -> str:
    body = {"catalog_name": "main", "schema_name": "default", "name": "libraries", "volume_type": "MANAGED"}
    assert lab.post("/api/2.1/unity-catalog/volumes", body).status_code == 200
    for wheel in wheels.glob("colour/*.whl"):
        lab.http.put(
            f"/api/2.0/fs/files/Volumes/main/default/libraries/{wheel.name}", content=wheel.read_bytes()
        )
    requirements = "--no-index\n--find-links /Volumes/main/default/libraries\ncolour==1.0\n"
    lab.http.put("/api/2.0/fs/files/Volumes/main/default/libraries/needs.txt", content=requirements.encode())
    return "/Volumes/main/default/libraries"


def pypi(package: str, index: str) -> dict[str, Any]:
    return {"pypi": {"package": package, "repo": index}}


def notebook_task(key: str, path: str, **fields: Any) -> dict[str, Any]:
    return {"task_key": key, "notebook_task": {"notebook_path": path}, "new_cluster": CLUSTER, **fields}


def submit(lab: Lab, *tasks: dict[str, Any], **fields: Any) -> int:
    answer = lab.post(SUBMIT, {"tasks": list(tasks), **fields})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["run_id"])


def run_tasks(lab: Lab, *tasks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return lab.ended(submit(lab, *tasks, **fields), 60)


def exit_values(lab: Lab, run: dict[str, Any]) -> dict[str, str]:
    shown = {key: output(lab, task) for key, task in latest(run).items()}
    return {
        key: found.get("error") or found["notebook_output"].get("result", "") for key, found in shown.items()
    }


def left_over(lab: Lab) -> list[str]:
    arguments = lab.workspace.process.args
    assert isinstance(arguments, list)
    root = Path(arguments[arguments.index("--root") + 1])
    return [path.name for path in (root / "tasks").glob("*-librar*")]


def test_libraries_of_tasks_on_clusters_of_their_own(lab: Lab, index: str, volume: str) -> None:
    version, absent = lab.notebook("colour_version", VERSION), lab.notebook("colour_absent", ABSENT)
    wheel = f"{volume}/colour-2.0-py3-none-any.whl"
    run = run_tasks(
        lab,
        notebook_task("pypi", version, libraries=[pypi("colour==1.0", index)]),
        notebook_task("whl", version, libraries=[{"whl": wheel}]),
        notebook_task("dbfs", version, libraries=[{"whl": f"dbfs:{wheel}"}]),
        notebook_task("requirements", version, libraries=[{"requirements": f"{volume}/needs.txt"}]),
        notebook_task("none", absent),
    )
    expected = {"pypi": "1.0", "whl": "2.0", "dbfs": "2.0", "requirements": "1.0", "none": "False"}
    assert exit_values(lab, run) == expected
    assert run["state"]["result_state"] == "SUCCESS"
    assert until(lambda: left_over(lab) == [])


def test_what_is_there_already_is_not_installed_again(lab: Lab, index: str) -> None:
    path = lab.notebook(
        "painter",
        "import pandas, painter\n"
        "dbutils.notebook.exit(f'{painter.USED} {\"libraries\" in pandas.__file__}')\n",
    )
    run = run_tasks(lab, notebook_task("only", path, libraries=[pypi("painter", index)]))
    assert exit_values(lab, run) == {"only": "1.0 False"}


def test_a_shared_cluster_keeps_the_libraries_of_its_tasks(lab: Lab, index: str) -> None:
    version, absent = lab.notebook("colour_version", VERSION), lab.notebook("colour_absent", ABSENT)
    other = {"job_cluster_key": "other", "new_cluster": CLUSTER}
    run = run_job(
        lab,
        step("first", version, libraries=[pypi("colour==1.0", index)]),
        step("second", version, after=["first"]),
        step("elsewhere", absent, after=["first"], job_cluster_key="other"),
        job_clusters=[*SHARED, other],
    )
    assert exit_values(lab, run) == {"first": "1.0", "second": "1.0", "elsewhere": "False"}


def test_a_library_that_cannot_be_installed(lab: Lab, index: str) -> None:
    path = lab.notebook("nothing", "x = 1\n")
    run = run_tasks(
        lab,
        notebook_task("bad", path, libraries=[pypi("no-such-thing", index)]),
        notebook_task("after", path, depends_on=[{"task_key": "bad"}]),
        notebook_task("anyway", path, depends_on=[{"task_key": "bad"}], run_if="ALL_DONE"),
    )
    assert results(run) == {"bad": "FAILED", "after": "UPSTREAM_FAILED", "anyway": "SUCCESS"}
    task = latest(run)["bad"]
    assert task["state"]["life_cycle_state"] == "INTERNAL_ERROR"
    assert task["status"]["termination_details"]["code"] == "LIBRARY_INSTALLATION_ERROR"
    message = task["state"]["state_message"]
    assert message.startswith(
        'Library installation failed for library due to user error for pypi { package: "no-such-thing" }\n'
        " Error messages:\n"
    )
    assert "Error Code: DRIVER_LIBRARY_INSTALLATION_FAILURE" in message
    assert f"pip install no-such-thing --index-url {index}" in message
    assert message.endswith("ERROR: No matching distribution found for no-such-thing")


def test_a_wheel_in_the_wrong_place(lab: Lab) -> None:
    path = lab.notebook("nothing", "x = 1\n")
    run = run_tasks(lab, notebook_task("only", path, libraries=[{"whl": "/tmp/x.whl"}]))
    assert "the URI is '/tmp/x.whl'" in run["tasks"][0]["state"]["state_message"]


@pytest.mark.parametrize("package", ["pandas==1.0", "pyspark-client==3.5.0"])
def test_another_version_of_what_tasks_are_forked_with_is_refused_by_pip(
    lab: Lab, index: str, package: str
) -> None:
    path = lab.notebook("nothing", "x = 1\n")
    run = run_tasks(lab, notebook_task("only", path, libraries=[pypi(package, index)]))
    assert "The user requested (constraint)" in run["tasks"][0]["state"]["state_message"]


@pytest.mark.parametrize(
    ("library", "message"),
    [
        ({"jar": "dbfs:/a.jar"}, "A library of the kind jar is not served by the local workspace yet."),
        (
            {"maven": {"coordinates": "a:b:1"}},
            "A library of the kind maven is not served by the local workspace yet.",
        ),
        ({"cran": {"package": "a"}}, "A library of the kind cran is not served by the local workspace yet."),
        ({"egg": "dbfs:/a.egg"}, "A library of the kind egg is not served by the local workspace yet."),
        ({}, "A library has one of these fields: cran, egg, jar, maven, pypi, requirements, whl"),
        ({"pypi": {}}, "Missing required field: package"),
        ({"pypi": {"package": "--pre"}}, "pypi.package is no requirement: --pre"),
    ],
)
def test_libraries_that_are_refused(lab: Lab, library: dict[str, Any], message: str) -> None:
    answer = lab.post(SUBMIT, {"tasks": [notebook_task("a", "/Shared/any", libraries=[library])]})
    assert refusal(answer) == invalid(message)


def test_cancel_ends_an_installation(lab: Lab) -> None:
    path = lab.notebook("nothing", "x = 1\n")
    # An index that accepts connections and does not answer.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        run_id = submit(lab, notebook_task("only", path, libraries=[pypi("colour", index)]))
        until(lambda: pips(lab))
        lab.sdk.jobs.cancel_run(run_id)
        assert lab.ended(run_id)["state"]["result_state"] == "CANCELED"
    assert until(lambda: not pips(lab) and left_over(lab) == [])


def pips(lab: Lab) -> list[int]:
    found = []
    for child in psutil.Process(lab.workspace.process.pid).children(recursive=True):
        try:
            if "pip" in child.cmdline():
                found.append(child.pid)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


@pytest.fixture
def cluster_id(lab: Lab) -> Iterator[str]:
    created = lab.sdk.clusters.create(cluster_name="all-purpose", **CLUSTER)  # type: ignore[arg-type]
    cluster_id = created.result(timedelta(seconds=20)).cluster_id or ""
    yield cluster_id
    lab.sdk.clusters.permanent_delete(cluster_id)


def statuses(lab: Lab, cluster_id: str) -> dict[str, dict[str, Any]]:
    shown = lab.get("/api/2.0/libraries/cluster-status", cluster_id=cluster_id).json()
    return {next(iter(found["library"])): found for found in shown.get("library_statuses", [])}


def settled(lab: Lab, cluster_id: str) -> dict[str, dict[str, Any]]:
    def ask() -> dict[str, dict[str, Any]] | None:
        found = statuses(lab, cluster_id)
        return None if {"PENDING", "INSTALLING"} & {each["status"] for each in found.values()} else found

    found: dict[str, dict[str, Any]] = until(ask)
    return found


def on_cluster(key: str, path: str, cluster_id: str, **fields: Any) -> dict[str, Any]:
    body = {"notebook_path": path}
    return {"task_key": key, "notebook_task": body, "existing_cluster_id": cluster_id, **fields}


def test_libraries_of_an_all_purpose_cluster(lab: Lab, index: str, cluster_id: str) -> None:
    version, absent = lab.notebook("colour_version", VERSION), lab.notebook("colour_absent", ABSENT)
    library = Library(pypi=PythonPyPiLibrary("colour==1.0", index))
    lab.sdk.libraries.install(cluster_id, [library, Library(jar="dbfs:/a.jar")])
    found = settled(lab, cluster_id)
    assert {kind: status["status"] for kind, status in found.items()} == {
        "pypi": "INSTALLED",
        "jar": "FAILED",
    }
    assert found["jar"]["messages"] == ["A library of the kind jar is not served by the local workspace yet."]
    run = run_tasks(lab, on_cluster("only", version, cluster_id))
    assert exit_values(lab, run) == {"only": "1.0"}
    # Installed again with the cluster; gone once it was uninstalled and the cluster restarted.
    lab.sdk.clusters.delete_and_wait(cluster_id)
    assert statuses(lab, cluster_id)["pypi"]["status"] == "PENDING"
    run = run_tasks(lab, on_cluster("only", version, cluster_id))
    assert exit_values(lab, run) == {"only": "1.0"}
    lab.sdk.libraries.uninstall(cluster_id, [library])
    lab.sdk.clusters.restart(cluster_id).result(timedelta(seconds=20))
    run = run_tasks(lab, on_cluster("only", absent, cluster_id))
    assert exit_values(lab, run) == {"only": "False"}


def test_libraries_of_tasks_stay_on_an_all_purpose_cluster(lab: Lab, index: str, cluster_id: str) -> None:
    version = lab.notebook("colour_version", VERSION)
    run = run_tasks(
        lab,
        on_cluster("bad", version, cluster_id, libraries=[pypi("no-such-thing", index)]),
        on_cluster("good", version, cluster_id, libraries=[pypi("colour==2.0", index)]),
        on_cluster("later", version, cluster_id, depends_on=[{"task_key": "good"}]),
    )
    assert results(run) == {"bad": "FAILED", "good": "SUCCESS", "later": "SUCCESS"}
    code = latest(run)["bad"]["status"]["termination_details"]["code"]
    assert code == "LIBRARY_INSTALLATION_ERROR"
    kinds = lab.get("/api/2.0/libraries/cluster-status", cluster_id=cluster_id).json()["library_statuses"]
    assert sorted(found["status"] for found in kinds) == ["FAILED", "INSTALLED"]


def test_pip_in_a_notebook(lab: Lab, index: str) -> None:
    path = lab.notebook(
        "with_pip",
        f"# MAGIC %pip install colour==1.0 --index-url {index}\n\n# COMMAND ----------\n\n"
        "import colour\nprint('first', colour.VERSION)\n\n# COMMAND ----------\n\n"
        f"# MAGIC %pip install -q \\\n# MAGIC   colour==2.0 --index-url {index}\n"
        "# MAGIC %pip list --format freeze\n\n# COMMAND ----------\n\n"
        "print('still', colour.VERSION)\ndbutils.library.restartPython()\n\n"
        "# COMMAND ----------\n\nimport colour\nprint('second', colour.VERSION)\n\n# COMMAND ----------\n\n"
        "# MAGIC %pip uninstall -y colour\n\n# COMMAND ----------\n\n"
        "dbutils.library.restartPython()\n\n# COMMAND ----------\n\n"
        "import importlib.util\ngone = importlib.util.find_spec('colour') is None\n"
        "dbutils.notebook.exit(f'gone: {gone}')\n",
    )
    absent = lab.notebook("colour_absent", ABSENT)
    shared = {"new_cluster": CLUSTER, "job_cluster_key": "shared"}
    run = run_job(lab, step("first", path), step("second", absent, after=["first"]), job_clusters=[shared])
    assert exit_values(lab, run) == {"first": "gone: True", "second": "False"}
    page = lab.get("/api/2.2/jobs/runs/export", run_id=latest(run)["first"]["run_id"]).json()
    text = page["views"][0]["content"]
    for said in ("Successfully installed colour-1.0", "first 1.0", "still 1.0", "second 2.0", "colour==2.0"):
        assert said in text
    assert "pandas==" in text


def test_what_pip_installs_is_at_hand_in_the_same_cell_and_in_functions_on_the_cluster(
    lab: Lab, index: str
) -> None:
    source = (
        f"# MAGIC %pip install -q colour==2.0 --index-url {index}\n# MAGIC import colour\n\n"
        "# COMMAND ----------\n\n"
        "from pyspark.sql.functions import col, pandas_udf\n"
        "version = udf(lambda n: f'{colour.VERSION}/{n}')\n"
        "@pandas_udf('string')\ndef also(numbers):\n    import colour\n"
        "    return numbers.map(lambda n: colour.VERSION)\n"
        "row = spark.range(1).select(version('id').alias('a'), also(col('id')).alias('b')).first()\n"
        "dbutils.notebook.exit(f'{row.a} {row.b}')\n"
    )
    task, shown = lab.run_source("pip_in_udf", source)
    assert shown.get("error") is None, shown
    assert (task["state"]["result_state"], shown["notebook_output"]["result"]) == ("SUCCESS", "2.0/0 2.0")


@pytest.mark.parametrize("pip", ["!pip", "!{sys.executable} -m pip", "%sh pip"])
def test_any_pip_installs_for_this_run_of_the_notebook_only(lab: Lab, index: str, pip: str) -> None:
    source = (
        f"import sys\n\n# COMMAND ----------\n\n# MAGIC {pip} install -q colour==2.0 --index-url {index}\n\n"
        "# COMMAND ----------\n\nimport colour\ndbutils.notebook.exit(colour.VERSION)\n"
    )
    _, shown = lab.run_source("other_pip", source)
    assert shown.get("error") is None, shown
    assert shown["notebook_output"]["result"] == "2.0"
    assert importlib.util.find_spec("colour") is None


def test_libraries_of_a_task_are_at_hand_in_functions_on_the_cluster(lab: Lab, wheels: Path) -> None:
    wheel = "/Shared/colour-2.0-py3-none-any.whl"
    content = (wheels / "colour" / "colour-2.0-py3-none-any.whl").read_bytes()
    lab.sdk.workspace.upload(wheel, content, format=ImportFormat.RAW, overwrite=True)
    source = (
        "import colour\nversion = udf(lambda _: colour.VERSION)\n"
        "dbutils.notebook.exit(spark.range(1).select(version('id')).first()[0])\n"
    )
    path = lab.notebook("library_in_udf", source)
    run = run_tasks(lab, notebook_task("only", path, libraries=[{"whl": f"/Workspace{wheel}"}]))
    assert exit_values(lab, run) == {"only": "2.0"}


def test_a_pip_cell_that_fails(lab: Lab) -> None:
    cell = "%pip install no-such-thing --no-index"
    task, shown = lab.run_source("failing_pip", f"# MAGIC {cell}\n\n# COMMAND ----------\n\nprint('on')\n")
    error = (
        "CalledProcessError: Command 'pip --disable-pip-version-check install no-such-thing --no-index' "
        "returned non-zero exit status 1."
    )
    assert (task["state"]["result_state"], shown["error"]) == ("FAILED", error)
    page = lab.get("/api/2.2/jobs/runs/export", run_id=task["run_id"]).json()["views"][0]["content"]
    assert "No matching distribution found for no-such-thing" in page


def test_without_mount_namespaces_libraries_are_found_all_the_same(tmp_path: Path, wheels: Path) -> None:
    with own_workspace(tmp_path / "root", mount_namespaces=False) as lab:
        place = tmp_path / "root" / "files" / "Shared"
        shutil.copy(wheels / "colour" / "colour-2.0-py3-none-any.whl", place)
        path = lab.notebook("colour_version", VERSION)
        wheel = "/Workspace/Shared/colour-2.0-py3-none-any.whl"
        run = run_tasks(lab, notebook_task("only", path, libraries=[{"whl": wheel}]))
        assert exit_values(lab, run) == {"only": "2.0"}
