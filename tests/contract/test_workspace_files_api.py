"""Volumes and the Files API."""

import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.errors import AlreadyExists, BadRequest, DatabricksError, NotFound
from databricks.sdk.service.catalog import VolumeType

from .workspace_lab import Lab

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def volume(lab: Lab) -> Iterator[str]:
    made = lab.sdk.volumes.create("main", "default", "files", VolumeType.MANAGED, comment="for tests")
    yield "/Volumes/main/default/files"
    lab.sdk.volumes.delete(made.full_name or "")


def test_volumes(lab: Lab) -> None:
    sdk = lab.sdk
    sdk.catalogs.create("sales", comment="a catalog")
    sdk.schemas.create("raw", "sales")
    volume = sdk.volumes.create("sales", "raw", "landing", VolumeType.MANAGED)
    assert (volume.full_name, volume.volume_type) == ("sales.raw.landing", VolumeType.MANAGED)
    assert volume.volume_id
    assert volume.created_at
    assert sdk.volumes.read("sales.raw.landing") == volume
    assert [found.name for found in sdk.volumes.list("sales", "raw")] == ["landing"]
    assert [found.name for found in sdk.schemas.list("sales")] == ["default", "information_schema", "raw"]
    assert {found.name for found in sdk.catalogs.list()} >= {"main", "sales"}
    assert sdk.volumes.update("sales.raw.landing", comment="new").comment == "new"
    with pytest.raises(DatabricksError, match=r"Volume 'sales\.raw\.landing' already exists"):
        sdk.volumes.create("sales", "raw", "landing", VolumeType.MANAGED)
    with pytest.raises(NotFound, match=r"^Schema 'sales\.none' does not exist\.$"):
        sdk.volumes.create("sales", "none", "landing", VolumeType.MANAGED)
    with pytest.raises(NotFound, match=r"^Catalog 'none' does not exist\.$"):
        sdk.schemas.create("raw", "none")
    for name in ("é" * 150, "a.b", "a/b", "", "..", "a b"):
        with pytest.raises(BadRequest):
            sdk.volumes.create("sales", "raw", name, VolumeType.MANAGED)
    with pytest.raises(DatabricksError, match="it is not empty"):
        sdk.catalogs.delete("sales")
    sdk.catalogs.delete("sales", force=True)
    with pytest.raises(NotFound, match=r"^Volume 'sales\.raw\.landing' does not exist\.$"):
        sdk.volumes.read("sales.raw.landing")


def test_upload_and_download(lab: Lab, volume: str) -> None:
    files = lab.sdk.files
    path = f"{volume}/deep/Côte d'Ivoire %20.bin"
    files.upload(path, io.BytesIO(b"content"))
    downloaded = files.download(path)
    assert downloaded.contents is not None
    assert downloaded.contents.read() == b"content"
    metadata = files.get_metadata(path)
    assert (metadata.content_length, metadata.content_type) == (7, "application/octet-stream")
    assert metadata.last_modified
    with pytest.raises(AlreadyExists, match=f"^The file being created already exists. Path: {path}$"):
        files.upload(path, io.BytesIO(b"other"), overwrite=False)
    files.upload(path, io.BytesIO(b"other"))
    assert lab.sdk.dbfs.download(path).read(-1) == b"other"
    files.delete(path)
    with pytest.raises(NotFound):
        files.get_metadata(path)
    with pytest.raises(NotFound) as refusal:
        files.download(path)
    assert refusal.value.error_code == "NOT_FOUND"
    assert refusal.value.get_error_info()[0].reason == "FILES_API_FILE_NOT_FOUND"


def test_ranges(lab: Lab, volume: str) -> None:
    lab.sdk.files.upload(f"{volume}/range", io.BytesIO(b"0123456789"))
    url = f"/api/2.0/fs/files{volume}/range"

    def ask(asked: str, **headers: str) -> httpx.Response:
        return lab.http.get(url, headers={"range": asked, **headers})

    for asked, content, told in (
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=8-", b"89", "bytes 8-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=0-99", b"0123456789", "bytes 0-9/10"),
    ):
        answer = ask(asked)
        assert (answer.status_code, answer.content, answer.headers["content-range"]) == (206, content, told)
    assert ask("bytes=10-").status_code == 416
    assert ask("bytes=5-2").status_code == 416
    assert ask("lines=1-2").status_code == 400
    assert ask("bytes=0-1", **{"if-unmodified-since": "Thu, 01 Jan 1970 00:00:00 GMT"}).status_code == 412
    assert ask("bytes=0-1", **{"if-unmodified-since": "soon"}).status_code == 400


def test_a_large_file_is_never_held_whole(lab: Lab, volume: str) -> None:
    server = psutil.Process(lab.workspace.process.pid)

    def content() -> Iterator[bytes]:
        for _ in range(200):
            yield bytes(MEGABYTE)

    before = server.memory_info().rss
    assert lab.http.put(f"/api/2.0/fs/files{volume}/large", content=content()).status_code == 204
    size = 0
    with lab.http.stream("GET", f"/api/2.0/fs/files{volume}/large") as answer:
        for piece in answer.iter_bytes():
            size += len(piece)
    assert size == 200 * MEGABYTE
    assert server.memory_info().rss - before < 64 * MEGABYTE
    lab.sdk.files.delete(f"{volume}/large")


def test_directories(lab: Lab, volume: str) -> None:
    files = lab.sdk.files
    files.create_directory(f"{volume}/dirs/a")
    files.create_directory(f"{volume}/dirs/a")
    files.get_directory_metadata(f"{volume}/dirs/a")
    for number in range(7):
        files.upload(f"{volume}/dirs/f{number}", io.BytesIO(b"12"))
    listed = list(files.list_directory_contents(f"{volume}/dirs", page_size=3))
    assert [entry.name for entry in listed] == ["a", *(f"f{number}" for number in range(7))]
    assert (listed[0].is_directory, listed[1].is_directory, listed[1].file_size) == (True, False, 2)
    assert listed[1].path == f"{volume}/dirs/f0"
    page = lab.get(f"/api/2.0/fs/directories{volume}/dirs", page_size=3).json()
    assert (len(page["contents"]), page["next_page_token"]) == (3, "f1")
    with pytest.raises(BadRequest, match=r"^The directory is not empty\. Path: ") as refusal:
        files.delete_directory(f"{volume}/dirs")
    assert refusal.value.get_error_info()[0].reason == "FILES_API_DIRECTORY_IS_NOT_EMPTY"
    files.delete_directory(f"{volume}/dirs/a")
    with pytest.raises(NotFound):
        files.get_directory_metadata(f"{volume}/dirs/a")
    with pytest.raises(NotFound) as missing:
        list(files.list_directory_contents(f"{volume}/none"))
    assert missing.value.get_error_info()[0].reason == "FILES_API_DIRECTORY_IS_NOT_FOUND"


def test_a_volume_that_is_not_there(lab: Lab) -> None:
    with pytest.raises(NotFound, match=r"^Volume 'main\.default\.none' does not exist\.$"):
        lab.sdk.files.upload("/Volumes/main/default/none/file", io.BytesIO(b""))
    with pytest.raises(NotFound):
        lab.sdk.files.create_directory("/Volumes/main/default/none/deep")
    with pytest.raises(BadRequest):
        lab.sdk.files.upload("/Volumes/main/file", io.BytesIO(b""))
    with pytest.raises(BadRequest):
        lab.sdk.files.upload("/elsewhere/file", io.BytesIO(b""))


@pytest.fixture
def in_parts(lab: Lab) -> WorkspaceClient:
    """A client for which a megabyte is a large file."""
    config = Config(host=lab.workspace.url, token=lab.workspace.token)
    config.files_ext_multipart_upload_min_stream_size = MEGABYTE
    config.files_ext_parallel_download_min_file_size = MEGABYTE
    config.files_ext_parallel_download_default_part_size = MEGABYTE
    return WorkspaceClient(config=config)


class Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("parallel", [False, True])
def test_large_files_go_in_parts(
    in_parts: WorkspaceClient, volume: str, tmp_path: Path, parallel: bool
) -> None:
    content = bytes(range(251)) * (5 * MEGABYTE // 251)
    source, target, path = tmp_path / "source", tmp_path / "target", f"{volume}/large-{parallel}"
    source.write_bytes(content)
    files = in_parts.files
    files.upload(path, io.BytesIO(content), part_size=2 * MEGABYTE, use_parallel=parallel)
    files.download_to(path, str(target), use_parallel=parallel)
    assert target.read_bytes() == content
    files.upload_from(path, str(source), part_size=MEGABYTE, use_parallel=parallel, overwrite=True)
    files.upload(path, Unseekable(content), part_size=MEGABYTE, use_parallel=parallel)
    downloaded = files.download(path).contents
    assert downloaded is not None
    assert downloaded.read() == content
    with pytest.raises(AlreadyExists):
        files.upload(path, io.BytesIO(content), overwrite=False, use_parallel=parallel)


def started(lab: Lab, path: str) -> str:
    answer = lab.http.post(f"/api/2.0/fs/files{path}", params={"action": "initiate-upload"})
    return str(answer.json()["multipart_upload"]["session_token"])


def test_presigned_urls_let_in_by_their_signature_alone(lab: Lab, volume: str) -> None:
    path = f"{volume}/signed"
    body = {"path": path, "session_token": started(lab, path), "start_part_number": 1, "count": 2}
    first, second = lab.post("/api/2.0/fs/create-upload-part-urls", body).json()["upload_part_urls"]
    with httpx.Client(trust_env=False) as anyone:
        assert anyone.put(first["url"], content=b"1").status_code == 200
        tag = anyone.put(second["url"], content=b"2").headers["etag"]
        for url in (first["url"] + "0", first["url"].replace("/signed?", "/other?")):
            assert anyone.put(url, content=b"1").status_code == 403
        assert anyone.get(first["url"]).status_code == 403
        assert anyone.get(f"{lab.workspace.url}/local/storage{path}").status_code == 403
        query = {"action": "complete-upload", "session_token": body["session_token"]}
        parts = {"parts": [{"part_number": 2, "etag": "wrong"}]}
        url = f"/api/2.0/fs/files{path}"
        assert lab.http.post(url, params=query, json=parts).status_code == 400
        parts = {"parts": [{"part_number": 2, "etag": tag}]}
        assert lab.http.post(url, params=query, json=parts).status_code == 200
        assert lab.http.post(url, params=query, json=parts).status_code == 404
        download = lab.http.post("/api/2.0/fs/create-download-url", params={"path": path}).json()["url"]
        assert anyone.get(download).content == b"2"


def test_an_upload_can_be_given_up(lab: Lab, volume: str) -> None:
    path = f"{volume}/given-up"
    body = {"path": path, "session_token": started(lab, path)}
    url = lab.post("/api/2.0/fs/create-abort-upload-url", body).json()["abort_upload_url"]["url"]
    assert httpx.delete(url, trust_env=False).status_code == 200
    assert lab.post("/api/2.0/fs/create-abort-upload-url", body).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/Volumes/main/default/files/%2e%2e/%2e%2e/%2e%2e/%2e%2e/outside", "/Volumes/%2e%2e/outside",
     "/Volumes/main/default/files/%00", "/Volumes/main/default/files/" + "n" * 300],
)  # fmt: skip
def test_paths_that_lead_nowhere_good(lab: Lab, volume: str, path: str) -> None:
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        for kind in ("files", "directories"):
            assert lab.http.request(method, f"/api/2.0/fs/{kind}{path}").status_code == 400
    assert not (lab.workspace.log.parent / "outside").exists()


def test_links_out_of_the_root_are_not_followed(lab: Lab, volume: str) -> None:
    link = lab.workspace.log.parent / "volumes/main/default/files/etc"
    link.symlink_to("/etc")
    for method in ("GET", "PUT", "DELETE"):
        assert lab.http.request(method, f"/api/2.0/fs/files{volume}/etc/hostname").status_code == 404
    assert "etc" not in [entry.name for entry in lab.sdk.files.list_directory_contents(volume)]
    link.unlink()
