"""Nothing long runs in the event loop, so that no request waits for another.

The server tells by itself which files it touches in its event loop: `RECORDER` is imported when its
interpreter starts. Asyncio's own watchdog looks for what takes long without files.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from databricks.sdk.service import sql
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.workspace import ImportFormat

from .job_lab import create, latest, output, own_workspace, results, run_now, step
from .sql_lab import starter_of
from .workspace_lab import Lab

MEGABYTE = 1024 * 1024
LONGEST_SECONDS = 2.0
"""Of the clock: on a busy machine the loop may have to wait. The recorder does not depend on that."""
SLOW = re.compile(r"Executing (.+) took ([\d.]+) seconds")

SHORT = re.compile(r"os\.scandir volumes(/main(/default)?)?|open parts/part-\w+")
"""What does not grow: the names of catalogs, schemas and volumes, and a part whose pieces come one by one."""

RECORDER = """
import asyncio, os, sys
root = os.environ["RECORDED_ROOT"]
report = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
events = {
    "open", "os.listdir", "os.scandir", "os.remove", "os.rename", "os.rmdir",
    "shutil.copyfile", "shutil.copytree", "shutil.move", "shutil.rmtree",
}
def record(event, arguments):
    if event in events and isinstance(arguments[0], (str, bytes, os.PathLike)):
        path = os.fsdecode(arguments[0])
        # A thread has a running loop only if it is the thread of one.
        if path.startswith(root) and asyncio._get_running_loop() is not None:
            os.write(report, f"{event} {path[len(root):]}\\n".encode())
sys.addaudithook(record)
"""


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Lab]:
    root, record, modules = tmp_path / "root", tmp_path / "record", tmp_path / "modules"
    modules.mkdir()
    (modules / "sitecustomize.py").write_text(RECORDER)
    environment = {
        "PYTHONDEVMODE": "1",
        "PYTHONPATH": str(modules),
        "RECORDED_ROOT": f"{root}/",
        "RECORD": str(record),
    }
    with own_workspace(root, environment=environment) as lab:
        # The start itself is no matter: nobody can ask anything before its end.
        before = len(record.read_text().splitlines())
        yield lab
        touched = record.read_text().splitlines()[before:]
        assert [each for each in touched if not SHORT.fullmatch(each)] == []
        lines = SLOW.findall(lab.workspace.log.read_text())
        slow = [(what, seconds) for what, seconds in lines if "coro=<_serve()" not in what]
        assert [each for each in slow if float(each[1]) > LONGEST_SECONDS] == []


LOUD_DEATH = """
import os
line = b"x" * 1023 + b"\\n"
for _ in range(400):
    os.write(2, line * 1024)
os.write(2, b"the last line\\n")
os.kill(os.getpid(), 9)
"""


def test_a_driver_that_is_lost_with_a_large_log(watched: Lab) -> None:
    path = watched.notebook("loud", LOUD_DEATH)
    server = psutil.Process(watched.workspace.process.pid)
    before = server.memory_info().rss
    run = watched.ended(run_now(watched, create(watched, step("a", path))))
    assert results(run) == {"a": "FAILED"}
    trace = output(watched, latest(run)["a"])["error_trace"]
    assert trace.endswith("the last line")
    assert len(trace) <= 20_000
    assert server.memory_info().rss - before < 60 * MEGABYTE


def test_imports_and_exports_of_a_file(watched: Lab) -> None:
    content = b"x" * 100_000
    watched.sdk.workspace.upload("/Shared/large", io.BytesIO(content), format=ImportFormat.RAW)
    path = "/api/2.0/workspace-files/import-file/Shared/larger"
    assert watched.http.post(path, content=content).status_code == 200
    for path in ("/Shared/large", "/Shared/larger"):
        with watched.sdk.workspace.download(path) as file:
            assert file.read() == content


def test_an_upload_of_many_parts(watched: Lab) -> None:
    watched.sdk.volumes.create("main", "default", "v", volume_type=VolumeType.MANAGED)
    path = "/Volumes/main/default/v/large"
    token = watched.http.post(f"/api/2.0/fs/files{path}?action=initiate-upload").json()["multipart_upload"][
        "session_token"
    ]
    asked = {"path": path, "session_token": token, "start_part_number": 1, "count": 4}
    urls = watched.post("/api/2.0/fs/create-upload-part-urls", asked).json()["upload_part_urls"]
    part = b"x" * MEGABYTE
    parts = []
    for url in urls:
        tag = watched.http.put(url["url"], content=part).headers["etag"]
        parts.append({"part_number": url["part_number"], "etag": tag})
    complete = f"/api/2.0/fs/files{path}?action=complete-upload&session_token={token}"
    assert watched.http.post(complete, json={"parts": parts}).status_code == 200
    assert watched.http.head(f"/api/2.0/fs/files{path}").headers["content-length"] == str(4 * len(part))
    assert watched.http.post(complete, json={"parts": parts}).status_code == 404


def test_folders_are_listed_and_removed(watched: Lab) -> None:
    root = watched.workspace.root
    assert root is not None
    watched.sdk.volumes.create("main", "default", "v", volume_type=VolumeType.MANAGED)
    lists = {
        "dbfs/tmp": ("/api/2.0/dbfs/list?path=/tmp/many", "files"),
        "files/Shared": ("/api/2.0/workspace/list?path=/Shared/many", "objects"),
        "volumes/main/default/v": ("/api/2.0/fs/directories/Volumes/main/default/v/many", "contents"),
    }
    for tree, (path, field) in lists.items():
        folder = root / tree / "many"
        folder.mkdir()
        for number in range(50):
            (folder / str(number)).touch()
        assert len(watched.http.get(path).json()[field]) == 50
    watched.sdk.dbfs.delete("/tmp/many", recursive=True)
    watched.sdk.workspace.delete("/Shared/many", recursive=True)
    watched.sdk.volumes.delete("main.default.v")
    assert not list(root.glob("*/*/many"))


def test_many_schemas_and_odd_patterns(watched: Lab) -> None:
    root = watched.workspace.root
    assert root is not None
    for number in range(1_000):
        (root / "volumes" / "main" / f"s{number:03}").mkdir()
    names = {"catalog_name": "main", "schema_name": "default", "name": "a" * 40}
    view = {"table_type": "VIEW", "view_definition": "SELECT 1"}
    assert watched.post("/api/2.1/unity-catalog/tables", {**names, **view}).status_code == 200
    assert len(list(watched.sdk.schemas.list("main"))) == 1_002
    page = watched.get("/api/2.1/unity-catalog/schemas", catalog_name="main", max_results=10).json()
    assert len(page["schemas"]) == 10
    assert list(watched.sdk.tables.list_summaries("main", table_name_pattern="%a" * 10 + "%b")) == []


def test_statements_with_large_texts_and_results(watched: Lab) -> None:
    starter = starter_of(watched)
    server = psutil.Process(watched.workspace.process.pid)
    starter.rows("SELECT 1")
    before = server.memory_info().rss
    answer = starter.execute("SELECT id, repeat('x', 100) AS filling FROM range(150000)")
    chunks = answer.manifest.total_chunk_count
    for index in range(chunks):
        assert starter.statements.get_statement_result_chunk_n(answer.statement_id, index).data_array
    assert starter.rows(f"SELECT length('{'y' * 8_000_000}')") == [["8000000"]]
    links = {"disposition": sql.Disposition.EXTERNAL_LINKS, "format": sql.Format.ARROW_STREAM}
    large = starter.execute("SELECT id, repeat('x', 100) AS filling FROM range(3000000)", **links)
    assert large.manifest.total_byte_count > 300 * MEGABYTE
    assert server.memory_info().rss - before < 150 * MEGABYTE
