"""What notebooks reach inside tasks: secrets, file systems, a restart of Python."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service.catalog import VolumeType
from databricks_local import LocalWorkspace

from .workspace_lab import Lab, lab_of

SECRET = "s3cr3t-välue"


NO_MOUNTS = (
    "is not whitelisted on class class com.databricks.backend.daemon.dbutils.DBUtilsCore: mounts do not work "
    "in standard access mode, nor here. Use a volume, or let Spark read the URI."
)


@pytest.fixture(scope="module")
def scope(lab: Lab) -> str:
    lab.sdk.secrets.create_scope("inside")
    lab.sdk.secrets.put_secret("inside", "key", string_value=SECRET)
    return "inside"


@pytest.fixture(scope="module")
def volume(lab: Lab) -> Iterator[str]:
    lab.sdk.volumes.create("main", "default", "tasks", VolumeType.MANAGED)
    yield "/Volumes/main/default/tasks"
    lab.sdk.volumes.delete("main.default.tasks")


def result(lab: Lab, name: str, source: str, **fields: Any) -> Any:
    """Run a notebook that ends with a JSON value."""
    task, output = lab.run_source(name, source, **fields)
    assert task["state"].get("result_state") == "SUCCESS", output
    return json.loads(output["notebook_output"]["result"])


def exits(expression: str) -> str:
    return f"import json\ndbutils.notebook.exit(json.dumps({expression}))\n"


def test_secrets_are_read_and_redacted(lab: Lab, scope: str) -> None:
    source = (
        f"value = dbutils.secrets.get('{scope}', 'key')\n"
        f"assert value[::-1] == {SECRET[::-1]!r}\n"
        f"assert dbutils.secrets.getBytes('{scope}', 'key') == value.encode()\n"
        "assert dbutils.secrets.list('inside')[0].key == 'key'\n"
        "assert 'inside' in [found.name for found in dbutils.secrets.listScopes()]\n"
        "print('it is', value)\nfor letter in value:\n    print(letter, end='')\n"
        "displayHTML(f'<b>{value}</b>')\ndisplay(spark.createDataFrame([(value,)], ['c']))\nvalue\n"
        "\n# COMMAND ----------\n\n"
        "print(len(value), value[::-1])\n"
        "dbutils.notebook.exit(f'the value is {value}')\n"
    )
    task, output = lab.run_source("redacted", source)
    assert output["notebook_output"].get("result") == "the value is [REDACTED]", output
    views = lab.get("/api/2.0/jobs/runs/export", run_id=task["run_id"]).text
    for text in (json.dumps(output), views, lab.workspace.log.read_text()):
        assert SECRET not in text
        assert json.dumps(SECRET)[1:-1] not in text


def test_secrets_in_errors_are_redacted(lab: Lab, scope: str) -> None:
    source = f"value = dbutils.secrets.get('{scope}', 'key')\nraise ValueError(f'not {{value}}')\n"
    _, output = lab.run_source("redacted_error", source)
    assert output["error"] == "ValueError: not [REDACTED]"
    assert output["error_trace"].endswith("ValueError: not [REDACTED]")


def test_the_log_of_a_lost_driver_is_redacted(lab: Lab, scope: str) -> None:
    source = (
        "import ctypes, os\n"
        f"os.write(2, dbutils.secrets.get('{scope}', 'key').encode())\nctypes.string_at(0)\n"
    )
    _, output = lab.run_source("redacted_log", source)
    assert "[REDACTED]" in output["error_trace"]
    assert SECRET not in output["error_trace"]


@pytest.mark.parametrize("missing", ["'inside', 'none'", "'none', 'key'"])
def test_a_secret_that_is_not_there(lab: Lab, scope: str, missing: str) -> None:
    _, output = lab.run_source("no_secret", f"dbutils.secrets.get({missing})\n")
    first, second = (name.strip(" '") for name in missing.split(","))
    words = f"Secret does not exist with scope: {first} and key: {second}"
    assert output["error"] == f"IllegalArgumentException: {words}"


def test_secrets_from_several_threads(lab: Lab, scope: str) -> None:
    source = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        f"    values = set(pool.map(lambda _: dbutils.secrets.get('{scope}', 'key'), range(50)))\n"
    )
    assert result(lab, "threads", source + exits("len(values)")) == 1


def test_references_in_the_specification_of_a_cluster(lab: Lab, scope: str) -> None:
    cluster = {
        "spark_env_vars": {"WHOLE": "{{secrets/inside/key}}", "PART": "x{{secrets/inside/key}}"},
        "spark_conf": {"spark.some.password": "{{secrets/inside/key}}"},
    }
    source = "import os\n" + exits(
        "[os.environ['WHOLE'][::-1], os.environ['PART'], spark.conf.get('spark.some.password')[::-1]]"
    )
    found = result(lab, "references", source, cluster=cluster)
    assert found == [SECRET[::-1], "x{{secrets/inside/key}}", SECRET[::-1]]
    run = lab.run(lab.task("only", lab.notebook("references", source), cluster=cluster))
    assert SECRET not in json.dumps(run)


def test_a_reference_to_nothing_keeps_the_cluster_from_starting(lab: Lab, scope: str) -> None:
    cluster = {"spark_env_vars": {"A": "{{secrets/inside/none}}"}}
    run = lab.run(lab.task("only", lab.notebook("plain", "x = 1\n"), cluster=cluster))
    assert run["state"]["result_state"] == "FAILED"
    assert "Secret does not exist with scope: inside and key: none" in json.dumps(run["tasks"])


def test_a_notebook_finds_no_secret_but_by_asking(lab: Lab, scope: str) -> None:
    root = lab.workspace.log.parent
    source = (
        "import os\n"
        f"secrets = os.listdir({str(root / 'secrets')!r})\n"
        f"token = {lab.workspace.token!r}\n"
        "tokens = [name for name, value in os.environ.items() if token in value]\n"
    )
    assert result(lab, "hidden", source + exits("[secrets, tokens]")) == [[], []]


def test_dbutils_fs(lab: Lab, volume: str) -> None:
    source = (
        "fs = dbutils.fs\n"
        "fs.mkdirs('dbfs:/tmp/fs/sub')\n"
        "fs.put('dbfs:/tmp/fs/a.txt', 'hello')\n"
        "fs.cp('/tmp/fs/a.txt', 'dbfs:/tmp/fs/sub')\n"
        f"fs.cp('dbfs:/tmp/fs/sub', '{volume}/copy', recurse=True)\n"
        f"fs.mv('{volume}/copy/a.txt', 'file:/tmp/' + fs.head('/tmp/fs/a.txt', 4) + '.txt')\n"
        "shown = [[i.path, i.name, i.size, i.isDir()] for i in fs.ls('dbfs:/tmp/fs')]\n"
        f"left = fs.ls('{volume}/copy')\n"
        "moved = fs.head('file:/tmp/hell.txt')\n"
        "gone = fs.rm('file:/tmp/hell.txt'), fs.rm('file:/tmp/hell.txt')\n"
    )
    assert result(lab, "fs", source + exits("[shown, left, moved, gone]")) == [
        [
            ["dbfs:/tmp/fs/a.txt", "a.txt", 5, False],
            ["dbfs:/tmp/fs/sub/", "sub/", 0, True],
        ],
        [],
        "hello",
        [True, False],
    ]
    assert [entry.path for entry in lab.sdk.dbfs.list("/tmp/fs")] == ["/tmp/fs/a.txt", "/tmp/fs/sub"]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("ls('dbfs:/none')", "FileNotFoundException: No such file or directory dbfs:/none"),
        ("head('dbfs:/tmp')", "ValueError: Cannot head a directory: dbfs:/tmp"),
        ("ls('dbfs:/../..')", "ValueError: dbfs:/../.. may lead out of its file system."),
        ("rm('dbfs:/', True)", "ValueError: The root dbfs:/ cannot be removed."),
        ("cp('dbfs:/tmp', 'dbfs:/other')",
         "ValueError: Cannot copy or move the directory dbfs:/tmp unless recurse is set to true"),
        ("ls('s3://bucket/x')",
         "ValueError: The scheme of s3://bucket/x is not served by the local workspace: dbutils.fs reaches "
         "dbfs:/, /Volumes and file:/. Spark reaches object storage."),
        ("mount('s3a://b', '/mnt/b', extra_configs={})", f"Py4JSecurityException: Method mount {NO_MOUNTS}"),
        ("mounts()", f"Py4JSecurityException: Method mounts {NO_MOUNTS}"),
        ("unmount('/mnt/bucket')", f"Py4JSecurityException: Method unmount {NO_MOUNTS}"),
        ("other()", "AttributeError: dbutils.fs.other is not served by the local workspace yet"),
    ],
)  # fmt: skip
def test_what_dbutils_fs_refuses(lab: Lab, call: str, error: str) -> None:
    _, output = lab.run_source("fs_refuses", f"dbutils.fs.{call}\n")
    assert output["error"] == error


def test_plain_file_functions(lab: Lab, volume: str) -> None:
    lab.sdk.files.upload(f"{volume}/in.txt", io.BytesIO(b"from outside"))
    source = (
        "import os, subprocess\nfrom pathlib import Path\n"
        f"text = open('{volume}/in.txt').read()\n"
        "Path('/dbfs/tmp/plain.txt').write_text(text.upper())\n"
        "said = subprocess.run(['cat', '/dbfs/tmp/plain.txt'], capture_output=True, text=True).stdout\n"
        "book = os.path.exists('/Workspace/Shared/plain_files')\n"
    )
    assert result(lab, "plain_files", source + exits("[said, book, os.getcwd() != '/']")) == [
        "FROM OUTSIDE",
        True,
        True,
    ]
    assert lab.sdk.dbfs.download("/tmp/plain.txt").read() == b"FROM OUTSIDE"
    assert not Path("/dbfs/tmp/plain.txt").exists()


SPARK = (
    "spark.range(3).write.mode('overwrite').parquet('dbfs:/tmp/spark/t')\n"
    "spark.read.parquet('dbfs:/tmp/spark/t').write.mode('overwrite').format('csv').save('{volume}/csv')\n"
    "counts = [spark.read.csv('{volume}/csv').count(),\n"
    "          spark.read.format('parquet').load('dbfs:/tmp/spark/t').count(),\n"
    "          spark.sql('select * from parquet.`dbfs:/tmp/spark/t`').count(),\n"
    "          spark.sql(\"select 'dbfs:/tmp' as c\").collect()[0].c,\n"
    "          len([i for i in dbutils.fs.ls('dbfs:/tmp/spark/t') if i.name.endswith('.parquet')]) > 0]\n"
)


def test_spark_reads_and_writes_them(lab: Lab, volume: str) -> None:
    found = result(lab, "spark_paths", SPARK.format(volume=volume) + exits("counts"))
    assert found == [3, 3, 3, "dbfs:/tmp", True]


def test_there_is_one_spark_session(lab: Lab) -> None:
    source = "import pyspark.sql\nsame = pyspark.sql.SparkSession.builder.getOrCreate() is spark\n"
    assert result(lab, "one_session", source + exits("same")) is True


def test_there_is_no_spark_context(lab: Lab) -> None:
    _, output = lab.run_source("no_context", "sc.parallelize([1])\n")
    assert output["error"].startswith("PySparkAttributeError: [JVM_ATTRIBUTE_NOT_SUPPORTED] ")
    assert "'sparkContext' is not supported on shared clusters" in output["error"]
    source = "from pyspark.sql.functions import udf\nfound = hasattr(sc, 'parallelize')\n"
    source += "def plus(x):\n    return x + 1\n"
    source += (
        "rows = [row.y for row in spark.range(1).select(udf(plus, 'long')('id').alias('y')).collect()]\n"
    )
    assert result(lab, "no_context", source + exits("[found, rows]")) == [False, [1]]


def test_restart_of_python(lab: Lab) -> None:
    source = (
        "import os, sys, colorsys\nx = 1\nos.environ['NEW'] = '1'\nsys.path.append('/nowhere')\n"
        "dbutils.widgets.text('w', 'kept')\ndbutils.library.restartPython()\n"
        "raise ValueError('not reached')\n"
        "\n# COMMAND ----------\n\n"
        "import os, sys\nstate = ['x' in globals(), 'colorsys' in sys.modules, 'NEW' in os.environ,\n"
        "         '/nowhere' in sys.path, dbutils.widgets.get('w'), spark.range(2).count()]\n"
    )
    assert result(lab, "restart", source + exits("state")) == [False, False, False, False, "kept", 2]


@pytest.fixture(scope="module")
def without_mounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    root = tmp_path_factory.mktemp("without")
    with LocalWorkspace(root, mount_namespaces=False) as running:
        yield from lab_of(running)


def test_without_mount_namespaces_the_error_says_so(without_mounts: Lab) -> None:
    _, output = without_mounts.run_source("guarded", "open('/Volumes/main/default/x')\n")
    assert output["error"] == (
        "OSError: /Volumes/main/default/x: file functions do not reach /dbfs, /Volumes, /Workspace in this "
        "local workspace, because mount namespaces are switched off. dbutils.fs and spark do."
    )
    source = (
        "import os\nfrom pathlib import Path\nrefused = []\n"
        "write = lambda path: Path(path + '/x').write_text('')\n"
        "for call in (os.listdir, os.mkdir, os.scandir, os.remove, write):\n"
        "    try:\n        call('/dbfs/tmp')\n"
        "    except OSError as error:\n        refused.append('do not reach' in str(error))\n"
    )
    assert result(without_mounts, "guarded_calls", source + exits("refused")) == [True] * 5


def test_without_mount_namespaces_dbutils_and_spark_reach_them(without_mounts: Lab) -> None:
    without_mounts.sdk.volumes.create("main", "default", "tasks", VolumeType.MANAGED)
    source = SPARK.format(volume="/Volumes/main/default/tasks")
    found = result(without_mounts, "spark_paths", source + exits("counts"))
    assert found == [3, 3, 3, "dbfs:/tmp", True]
    assert without_mounts.sdk.dbfs.get_status("/tmp/spark/t").is_dir


def test_a_cluster_costs_what_it_is_told_to_cost(tmp_path: Path) -> None:
    with LocalWorkspace(tmp_path / "root", cluster_start_seconds=1.5) as running:
        for lab in lab_of(running):
            task, _ = lab.run_source("plain", "x = 1\n")
            assert task["setup_duration"] >= 1500
