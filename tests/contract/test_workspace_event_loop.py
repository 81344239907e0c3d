"""Nothing long runs in the event loop, so that no request waits for another; a watchdog looks on.

The watchdog is asyncio's own: in development mode it logs each callback that took too long.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from databricks.sdk.service import sql
from databricks.sdk.service.catalog import VolumeType

from .job_lab import create, latest, output, own_workspace, results, run_now, step
from .sql_lab import starter_of
from .workspace_lab import Lab

MEGABYTE = 1024 * 1024
LONGEST_SECONDS = 1.0
SLOW = re.compile(r"Executing (.+) took ([\d.]+) seconds")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Lab]:
    with own_workspace(tmp_path / "root", environment={"PYTHONDEVMODE": "1"}) as lab:
        yield lab
        lines = SLOW.findall(lab.workspace.log.read_text())
        # The start itself is no matter: nobody can ask anything before its end.
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


def test_an_upload_of_many_parts(watched: Lab) -> None:
    watched.sdk.volumes.create("main", "default", "v", volume_type=VolumeType.MANAGED)
    path = "/Volumes/main/default/v/large"
    token = watched.http.post(f"/api/2.0/fs/files{path}?action=initiate-upload").json()["multipart_upload"][
        "session_token"
    ]
    asked = {"path": path, "session_token": token, "start_part_number": 1, "count": 4}
    urls = watched.post("/api/2.0/fs/create-upload-part-urls", asked).json()["upload_part_urls"]
    part = b"x" * (32 * MEGABYTE)
    parts = []
    for url in urls:
        tag = watched.http.put(url["url"], content=part).headers["etag"]
        parts.append({"part_number": url["part_number"], "etag": tag})
    complete = f"/api/2.0/fs/files{path}?action=complete-upload&session_token={token}"
    assert watched.http.post(complete, json={"parts": parts}).status_code == 200
    assert watched.http.head(f"/api/2.0/fs/files{path}").headers["content-length"] == str(4 * len(part))
    assert watched.http.post(complete, json={"parts": parts}).status_code == 404


def test_large_folders_are_listed_and_removed(watched: Lab) -> None:
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
        for number in range(8_000):
            (folder / str(number)).touch()
        # The list of a volume has pages, of 1,000 at most.
        assert len(watched.http.get(path).json()[field]) in (8_000, 1_000)
    watched.sdk.dbfs.delete("/tmp/many", recursive=True)
    watched.sdk.workspace.delete("/Shared/many", recursive=True)
    watched.sdk.volumes.delete("main.default.v")
    assert not list(root.glob("*/*/many"))


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
