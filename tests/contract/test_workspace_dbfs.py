"""The DBFS API."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.errors import BadRequest, DatabricksError, NotFound, ResourceAlreadyExists

from .workspace_lab import Lab

MEGABYTE = 1024 * 1024


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_put_read_and_status(lab: Lab) -> None:
    dbfs = lab.sdk.dbfs
    dbfs.put("/tmp/put/hello.txt", contents=encoded(b"hello"))
    status = dbfs.get_status("dbfs:/tmp/put/hello.txt")
    assert (status.path, status.is_dir, status.file_size) == ("/tmp/put/hello.txt", False, 5)
    assert status.modification_time
    part = dbfs.read("/tmp/put/hello.txt", offset=1, length=3)
    assert (part.bytes_read, base64.b64decode(part.data or "")) == (3, b"ell")
    assert dbfs.read("/tmp/put/hello.txt", offset=99).bytes_read == 0
    assert [entry.path for entry in dbfs.list("/tmp/put")] == ["/tmp/put/hello.txt"]
    assert [entry.path for entry in dbfs.list("/tmp/put/hello.txt")] == ["/tmp/put/hello.txt"]


def test_put_as_a_form_of_any_size(lab: Lab) -> None:
    content = bytes(range(256)) * (3 * MEGABYTE // 256) + b"\r\n--not the boundary\r\n"
    answer = lab.http.post(
        "/api/2.0/dbfs/put",
        data={"path": "/tmp/form/big.bin", "overwrite": "true"},
        files={"contents": ("big.bin", content)},
    )
    assert (answer.status_code, answer.json()) == (200, {})
    assert lab.sdk.dbfs.download("/tmp/form/big.bin").read() == content
    empty = lab.http.post(
        "/api/2.0/dbfs/put", data={"path": "/tmp/form/empty"}, files={"contents": ("e", b"")}
    )
    assert empty.status_code == 200
    assert lab.sdk.dbfs.get_status("/tmp/form/empty").file_size == 0


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nname"),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"x" * 20_000),
        ("multipart/form-data; boundary=b", b'--b\r\ncontent-disposition: form-data; name="path"\r\n\r\n/x'),
        ("multipart/form-data; boundary=b", b'--b\r\nx: name="path"\r\n\r\n/x\r\n--b--'),
        ("multipart/form-data; boundary=b", b'--b\r\nx: name="contents"\r\n\r\n/x\r\n--b--'),
    ],
)
def test_forms_that_are_none(lab: Lab, content_type: str, content: bytes) -> None:
    answer = lab.http.post("/api/2.0/dbfs/put", content=content, headers={"content-type": content_type})
    assert answer.status_code == 400


def test_streams(lab: Lab) -> None:
    dbfs = lab.sdk.dbfs
    content = b"0123456789" * (MEGABYTE // 4)
    dbfs.upload("/tmp/streams/up.bin", io.BytesIO(content))
    assert dbfs.download("/tmp/streams/up.bin").read() == content
    with pytest.raises(
        ResourceAlreadyExists, match=r"already exists at the input path /tmp/streams/up\.bin$"
    ):
        dbfs.upload("/tmp/streams/up.bin", io.BytesIO(b"x"))
    dbfs.upload("/tmp/streams/up.bin", io.BytesIO(b"x"), overwrite=True)
    assert dbfs.download("/tmp/streams/up.bin").read() == b"x"
    with pytest.raises(NotFound) as refusal:
        dbfs.close(1)
    assert refusal.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_a_file_appears_when_its_stream_is_closed(lab: Lab) -> None:
    handle = lab.sdk.dbfs.create("/tmp/late").handle
    assert handle is not None
    lab.sdk.dbfs.add_block(handle, encoded(b"a"))
    assert not lab.sdk.dbfs.exists("/tmp/late")
    lab.sdk.dbfs.close(handle)
    assert lab.sdk.dbfs.exists("/tmp/late")
    with pytest.raises(NotFound):
        lab.sdk.dbfs.add_block(handle, encoded(b"a"))


def test_limits(lab: Lab) -> None:
    large = encoded(b"x" * (MEGABYTE + 1))
    handle = lab.sdk.dbfs.create("/tmp/limits", overwrite=True).handle
    for path, body in (
        ("put", {"path": "/tmp/limits", "contents": large}),
        ("add-block", {"handle": handle, "data": large}),
    ):
        answer = lab.post(f"/api/2.0/dbfs/{path}", body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "MAX_BLOCK_SIZE_EXCEEDED")
    assert handle is not None
    lab.sdk.dbfs.close(handle)
    for query, code in (
        ({"length": MEGABYTE + 1}, "MAX_READ_SIZE_EXCEEDED"),
        ({"length": -1}, "INVALID_PARAMETER_VALUE"),
        ({"offset": -1}, "INVALID_PARAMETER_VALUE"),
    ):
        answer = lab.get("/api/2.0/dbfs/read", path="/tmp/limits", **query)
        assert (answer.status_code, answer.json()["error_code"]) == (400, code)
    answer = lab.get("/api/2.0/dbfs/read", path="/tmp")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_directories(lab: Lab) -> None:
    dbfs = lab.sdk.dbfs
    dbfs.mkdirs("/tmp/dirs/a/b")
    dbfs.put("/tmp/dirs/a/file", contents=encoded(b"1"))
    assert [(entry.path, entry.is_dir) for entry in dbfs.list("/tmp/dirs/a")] == [
        ("/tmp/dirs/a/b", True),
        ("/tmp/dirs/a/file", False),
    ]
    assert [entry.path for entry in dbfs.list("/tmp/dirs", recursive=True)] == ["/tmp/dirs/a/file"]
    for path in ("/tmp/dirs/a/file", "/tmp/dirs/a/file/below"):
        with pytest.raises(ResourceAlreadyExists):
            dbfs.mkdirs(path)
    answer = lab.post("/api/2.0/dbfs/delete", {"path": "/tmp/dirs/a"})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "IO_ERROR")
    dbfs.delete("/tmp/dirs/a", recursive=True)
    assert not dbfs.exists("/tmp/dirs/a")
    assert lab.post("/api/2.0/dbfs/delete", {"path": "/tmp/dirs/a"}).json() == {}
    assert lab.post("/api/2.0/dbfs/delete", {"path": "/", "recursive": True}).status_code == 400


def test_move_and_copy(lab: Lab, tmp_path: Path) -> None:
    dbfs = lab.sdk.dbfs
    dbfs.put("/tmp/move/from/file", contents=encoded(b"1"))
    dbfs.move("/tmp/move/from", "/tmp/move/deep/to")
    assert dbfs.download("/tmp/move/deep/to/file").read() == b"1"
    dbfs.put("/tmp/move/other", contents=encoded(b"2"))
    with pytest.raises(ResourceAlreadyExists):
        dbfs.move("/tmp/move/other", "/tmp/move/deep/to/file")
    with pytest.raises(NotFound, match=r"^No file or directory exists on path /tmp/move/from\.$"):
        dbfs.move("/tmp/move/from", "/tmp/move/nowhere")
    with pytest.raises(BadRequest):
        dbfs.move("/tmp/move", "/tmp/move/inside")
    local = tmp_path / "local"
    local.write_bytes(b"3")
    dbfs.copy(f"file:{local}", "dbfs:/tmp/move/copied")
    assert dbfs.download("/tmp/move/copied").read() == b"3"
    dbfs.move_("/tmp/move/copied", "/tmp/move/renamed")
    assert dbfs.exists("/tmp/move/renamed")


@pytest.mark.parametrize("name", ["get-status", "list", "read"])
def test_what_is_not_there(lab: Lab, name: str) -> None:
    answer = lab.get(f"/api/2.0/dbfs/{name}", path="/tmp/nothing")
    assert (answer.status_code, answer.json()) == (
        404,
        {
            "error_code": "RESOURCE_DOES_NOT_EXIST",
            "message": "No file or directory exists on path /tmp/nothing.",
        },
    )


@pytest.mark.parametrize(
    "path",
    ["/../outside", "/tmp/../../outside", "relative", "dbfs:relative",
     "/a\0b", "/" + "n" * 300, "/n" * 2000, ""],
)  # fmt: skip
def test_paths_that_lead_nowhere_good(lab: Lab, path: str) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "put": {"path": path, "contents": ""},
        "create": {"path": path},
        "mkdirs": {"path": path},
        "delete": {"path": path, "recursive": True},
        "move": {"source_path": "/tmp", "destination_path": path},
    }
    for name, body in bodies.items():
        answer = lab.post(f"/api/2.0/dbfs/{name}", body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    for name in ("get-status", "list", "read"):
        assert lab.get(f"/api/2.0/dbfs/{name}", path=path).status_code == 400
    assert not (lab.workspace.log.parent / "outside").exists()


def test_links_out_of_the_root_are_not_followed(lab: Lab) -> None:
    tree = lab.workspace.log.parent / "dbfs"
    (tree / "etc").symlink_to("/etc")
    (tree / "loop").symlink_to(tree / "loop")
    try:
        for path in ("/etc/hostname", "/loop"):
            assert lab.get("/api/2.0/dbfs/read", path=path).status_code == 404
        assert lab.post("/api/2.0/dbfs/mkdirs", {"path": "/etc/x"}).status_code == 404
        assert lab.post("/api/2.0/dbfs/put", {"path": "/etc/x", "contents": ""}).status_code == 404
        assert "/etc" not in [entry.path for entry in lab.sdk.dbfs.list("/")]
        with pytest.raises(DatabricksError):
            lab.sdk.dbfs.move("/etc/hostname", "/tmp/hostname")
    finally:
        (tree / "etc").unlink()
        (tree / "loop").unlink()
