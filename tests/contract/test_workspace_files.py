"""The Workspace API."""

import base64
import json
from typing import Any

import pytest
from databricks.sdk.errors import BadRequest, NotFound, ResourceAlreadyExists
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language, ObjectType

from .workspace_lab import HEADER, Lab


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def put(lab: Lab, path: str, content: str, **fields: Any) -> None:
    lab.sdk.workspace.import_(path=path, content=encoded(content), **fields)


def test_who_am_i(lab: Lab) -> None:
    assert lab.sdk.current_user.me().user_name == "local@dbflow.example"


def test_a_source_notebook(lab: Lab) -> None:
    lab.sdk.workspace.mkdirs("/Shared/source/deep")
    path = "/Shared/source/deep/Côte d'Ivoire"
    put(lab, path, HEADER + "x = 1\n", format=ImportFormat.SOURCE, language=Language.PYTHON)
    status = lab.sdk.workspace.get_status(path)
    assert (status.object_type, status.language, status.path) == (ObjectType.NOTEBOOK, Language.PYTHON, path)
    assert [item.path for item in lab.sdk.workspace.list("/Shared/source/deep")] == [path]
    assert lab.sdk.workspace.download(path).read() == (HEADER + "x = 1\n").encode()
    assert [item.object_type for item in lab.sdk.workspace.list("/Shared/source")] == [ObjectType.DIRECTORY]


def test_source_without_a_header_becomes_a_notebook(lab: Lab) -> None:
    put(lab, "/Shared/bare", "x = 1\n", format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True)
    assert lab.sdk.workspace.download("/Shared/bare").read() == (HEADER + "x = 1\n").encode()


def test_auto_tells_notebooks_from_files_and_drops_the_extension(lab: Lab) -> None:
    lab.sdk.workspace.mkdirs("/Shared/auto")
    put(lab, "/Shared/auto/book.py", HEADER + "x = 1\n", format=ImportFormat.AUTO)
    put(lab, "/Shared/auto/module.py", "x = 1\n", format=ImportFormat.AUTO)
    put(lab, "/Shared/auto/query.sql", "-- Databricks notebook source\nselect 1\n", format=ImportFormat.AUTO)
    found = {item.path: item.object_type for item in lab.sdk.workspace.list("/Shared/auto")}
    assert found == {
        "/Shared/auto/book": ObjectType.NOTEBOOK,
        "/Shared/auto/module.py": ObjectType.FILE,
        "/Shared/auto/query": ObjectType.NOTEBOOK,
    }


def test_a_jupyter_notebook_runs(lab: Lab) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "text"], "metadata": {}},
        {"cell_type": "code", "source": "x = 2", "metadata": {}, "outputs": [], "execution_count": None},
        {"cell_type": "code", "source": ["dbutils.notebook.", "exit(str(x))"], "metadata": {}, "outputs": []},
    ]
    document = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    put(lab, "/Shared/jupyter.ipynb", document, format=ImportFormat.JUPYTER)
    run = lab.run(lab.task("only", "/Shared/jupyter"))
    output = lab.sdk.jobs.get_run_output(run["tasks"][0]["run_id"])
    assert output.notebook_output is not None
    assert output.notebook_output.result == "2"


def test_upload_of_the_sdk_sends_a_form(lab: Lab) -> None:
    content = b"raw \x00\r\n--boundary\xff"
    lab.sdk.workspace.upload("/Shared/raw.bin", content, format=ImportFormat.RAW, overwrite=True)
    assert lab.sdk.workspace.download("/Shared/raw.bin").read() == content
    status = lab.sdk.workspace.get_status("/Shared/raw.bin")
    assert (status.object_type, status.size) == (ObjectType.FILE, len(content))


def test_a_name_that_is_taken(lab: Lab) -> None:
    put(lab, "/Shared/taken", "x = 1\n", language=Language.PYTHON, overwrite=True)
    with pytest.raises(ResourceAlreadyExists, match=r"^Path \(/Shared/taken\) already exists\.$"):
        put(lab, "/Shared/taken", "x = 2\n", language=Language.PYTHON)
    body = {"path": "/Shared", "content": "", "language": "PYTHON"}
    answer = lab.post("/api/2.0/workspace/import", body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    with pytest.raises(ResourceAlreadyExists, match="takenalready exists and it is not a folder"):
        lab.sdk.workspace.mkdirs("/Shared/taken/below")


def test_what_is_not_there(lab: Lab) -> None:
    with pytest.raises(NotFound, match=r"^Path \(/Shared/not there\) doesn't exist\.$"):
        lab.sdk.workspace.get_status("/Shared/not there")
    answer = lab.get("/api/2.0/workspace/list", path="/nowhere")
    assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    with pytest.raises(NotFound, match=r"^The parent folder \(/Shared/no/folder\) does not exist\.$"):
        put(lab, "/Shared/no/folder/book", "x = 1\n", language=Language.PYTHON)


def test_delete(lab: Lab) -> None:
    lab.sdk.workspace.mkdirs("/Shared/gone")
    put(lab, "/Shared/gone/book", "x = 1\n", language=Language.PYTHON)
    with pytest.raises(BadRequest, match=r"Folder \(/Shared/gone\) is not empty"):
        lab.sdk.workspace.delete("/Shared/gone")
    lab.sdk.workspace.delete("/Shared/gone", recursive=True)
    with pytest.raises(NotFound):
        lab.sdk.workspace.get_status("/Shared/gone")
    assert lab.post("/api/2.0/workspace/delete", {"path": "/", "recursive": True}).status_code == 400


@pytest.mark.parametrize(
    "path",
    ["/../outside", "/Shared/../../outside", "/Shared/./x", "relative", "/Shared/a\0b",
     "/Shared/" + "n" * 300,
     "/" + "d/" * 600, "/Workspace/../../outside", "/Shared/a\nb", ""],
)  # fmt: skip
def test_paths_that_lead_nowhere_good(lab: Lab, path: str) -> None:
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("import", {"path": path, "content": encoded("x"), "language": "PYTHON"}),
        ("mkdirs", {"path": path}),
        ("delete", {"path": path, "recursive": True}),
    ]
    for name, body in bodies:
        answer = lab.post(f"/api/2.0/workspace/{name}", body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    for name in ("get-status", "list", "export"):
        assert lab.get(f"/api/2.0/workspace/{name}", path=path).status_code == 400
    root = lab.workspace.log.parent
    assert not (root / "outside").exists()
    assert not (root.parent / "outside").exists()


def test_a_link_out_of_the_root_is_not_followed(lab: Lab) -> None:
    (lab.workspace.log.parent / "files" / "Shared" / "link").symlink_to("/etc")
    assert lab.get("/api/2.0/workspace/export", path="/Shared/link/hostname").status_code == 404
    assert lab.post("/api/2.0/workspace/mkdirs", {"path": "/Shared/link/x"}).status_code == 404
    (lab.workspace.log.parent / "files" / "Shared" / "link").unlink()


def test_links_in_a_folder(lab: Lab) -> None:
    lab.sdk.workspace.mkdirs("/Shared/links")
    lab.notebook("links/book", "x = 1\n")
    folder = lab.workspace.log.parent / "files" / "Shared" / "links"
    for name, target in (("circle", folder / "circle"), ("out", "/etc/passwd"), ("nowhere", folder / "none")):
        (folder / name).symlink_to(target)
    assert [item.path for item in lab.sdk.workspace.list("/Shared/links")] == ["/Shared/links/book"]
    with pytest.raises(NotFound):
        lab.sdk.workspace.get_status("/Shared/links/circle")
    lab.sdk.workspace.delete("/Shared/links", recursive=True)


def test_content_that_is_not_base64(lab: Lab) -> None:
    answer = lab.post(
        "/api/2.0/workspace/import", {"path": "/Shared/x", "content": "é!", "language": "PYTHON"}
    )
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_an_object_of_10_mb_and_one_more(lab: Lab) -> None:
    """10 MB of content, whatever they are as base64 or in a form; the same on the way out."""
    limit = 10 * 1024 * 1024
    too_large = f"File size imported is ({limit + 1} bytes), exceeded max size ({limit} bytes)"
    put(lab, "/Shared/large", "x" * limit, format=ImportFormat.RAW, overwrite=True)
    assert len(lab.sdk.workspace.download("/Shared/large").read()) == limit
    with pytest.raises(BadRequest) as refused:
        put(lab, "/Shared/larger", "x" * (limit + 1), format=ImportFormat.RAW)
    assert (str(refused.value), refused.value.error_code) == (too_large, "BAD_REQUEST")
    with pytest.raises(BadRequest, match="exceeded max size"):
        lab.sdk.workspace.upload("/Shared/larger", b"x" * (limit + 1), format=ImportFormat.RAW)
    with (lab.workspace.log.parent / "files" / "Shared" / "large").open("ab") as file:
        file.write(b"x")
    answer = lab.get("/api/2.0/workspace/export", path="/Shared/large", direct_download="true")
    assert (answer.status_code, answer.json()) == (400, {"error_code": "BAD_REQUEST", "message": too_large})
    lab.sdk.workspace.delete("/Shared/large")


def test_workspace_is_another_name_of_the_root(lab: Lab) -> None:
    put(lab, "/Workspace/Shared/alias", "x = 1\n", language=Language.PYTHON, overwrite=True)
    assert lab.sdk.workspace.get_status("/Shared/alias").object_type == ObjectType.NOTEBOOK


def test_export_as_a_jupyter_notebook(lab: Lab) -> None:
    source = HEADER + "x = 1\n\n# COMMAND ----------\n\n# MAGIC %md\n# MAGIC # Title\n"
    source += "\n# COMMAND ----------\n\n# MAGIC %sql\n# MAGIC select 1\n"
    put(lab, "/Shared/as_jupyter", source, language=Language.PYTHON, overwrite=True)
    document = json.loads(
        lab.sdk.workspace.download("/Shared/as_jupyter", format=ExportFormat.JUPYTER).read()
    )
    cells = [(cell["cell_type"], cell["source"]) for cell in document["cells"]]
    assert cells == [("code", "x = 1"), ("markdown", "# Title"), ("code", "%sql\nselect 1")]
    put(lab, "/Shared/and_back", json.dumps(document), format=ImportFormat.JUPYTER, overwrite=True)
    assert lab.sdk.workspace.download("/Shared/and_back").read().decode().startswith(HEADER)
    answer = lab.sdk.workspace.export("/Shared/as_jupyter", format=ExportFormat.JUPYTER)
    assert answer.file_type == "ipynb"
    lab.sdk.workspace.upload("/Shared/no_notebook", b"x", format=ImportFormat.RAW, overwrite=True)
    with pytest.raises(BadRequest):
        lab.sdk.workspace.download("/Shared/no_notebook", format=ExportFormat.JUPYTER)


def test_status_of_each_type_of_object(lab: Lab) -> None:
    lab.sdk.workspace.mkdirs("/Shared/types/folder")
    put(lab, "/Shared/types/book", "select 1\n", language=Language.SQL, overwrite=True)
    put(lab, "/Shared/types/file.txt", "text", format=ImportFormat.RAW, overwrite=True)
    found = {item.path: item for item in lab.sdk.workspace.list("/Shared/types")}
    for name, kind, language, size in (
        ("folder", ObjectType.DIRECTORY, None, None),
        ("book", ObjectType.NOTEBOOK, Language.SQL, None),
        ("file.txt", ObjectType.FILE, None, 4),
    ):
        status = lab.sdk.workspace.get_status(f"/Shared/types/{name}")
        assert (status.object_type, status.language, status.size) == (kind, language, size)
        assert status.object_id
        assert found[f"/Shared/types/{name}"] == status
    with pytest.raises(BadRequest):
        lab.sdk.workspace.export("/Shared/types/folder")


def test_formats_that_are_not_served_are_named(lab: Lab) -> None:
    put(lab, "/Shared/formats", "x = 1\n", language=Language.PYTHON, overwrite=True)
    for name in ("HTML", "DBC", "R_MARKDOWN"):
        with pytest.raises(BadRequest, match=f"^Import in format {name} is not served"):
            put(lab, "/Shared/formats", "x", format=ImportFormat(name), language=Language.PYTHON)
        with pytest.raises(BadRequest, match=f"^Export in format {name} is not served"):
            lab.sdk.workspace.export("/Shared/formats", format=ExportFormat(name))
    with pytest.raises(BadRequest, match=r"^format must be one of: "):
        lab.sdk.api_client.do(
            "GET", "/api/2.0/workspace/export", query={"path": "/Shared/formats", "format": "PDF"}
        )


def test_list_of_what_was_changed_lately(lab: Lab) -> None:
    lab.sdk.workspace.mkdirs("/Shared/lately")
    put(lab, "/Shared/lately/book", "x = 1\n", language=Language.PYTHON, overwrite=True)
    changed = lab.sdk.workspace.get_status("/Shared/lately/book").modified_at or 0
    for since, count in ((changed, 1), (changed + 1, 0)):
        found = lab.sdk.workspace.list("/Shared/lately", notebooks_modified_after=since)
        assert len(list(found)) == count
