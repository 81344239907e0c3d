"""What tasks may leave in the trees besides files and directories."""

import os
from pathlib import Path

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.files.dbfs import Dbfs
from databricks_local.files.tree import remove
from databricks_local.files.volumes import Volumes
from databricks_local.files.workspace_files import WorkspaceFiles


def test_of_a_linked_folder_of_the_workspace_only_the_link_is_removed(tmp_path: Path) -> None:
    files = WorkspaceFiles(tmp_path / "files", "me")
    shared = tmp_path / "files" / "Shared"
    for recursive in (True, False):
        (shared / "real").mkdir(exist_ok=True)
        (shared / "real" / "kept").write_text("x")
        (shared / "link").symlink_to(shared / "real")
        files.delete("/Shared/link", recursive=recursive)
        assert not (shared / "link").is_symlink()
        assert (shared / "real" / "kept").read_text() == "x"


def test_of_a_linked_directory_of_a_volume_only_the_link_is_removed(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path / "volumes")
    volume = volumes.make("main", "default", "v")
    (volume / "real").mkdir()
    (volume / "real" / "kept").write_text("x")
    (volume / "link").symlink_to(volume / "real")
    volumes.delete_directory("/Volumes/main/default/v/link")
    assert sorted(child.name for child in volume.iterdir()) == ["real"]
    assert (volume / "real" / "kept").read_text() == "x"


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """To open one would wait for its other end, and the server with it."""
    files, dbfs = WorkspaceFiles(tmp_path / "files", "me"), Dbfs(tmp_path / "dbfs", lambda: 0)
    os.mkfifo(tmp_path / "files" / "Shared" / "pipe")
    os.mkfifo(tmp_path / "dbfs" / "tmp" / "pipe")
    assert files.children("/Shared") == []
    assert dbfs.children("/tmp") == []
    for ask in (
        lambda: files.status("/Shared/pipe"),
        lambda: files.read("/Shared/pipe"),
        lambda: files.children("/Shared/pipe"),
        lambda: dbfs.status("/tmp/pipe"),
        lambda: dbfs.read("/tmp/pipe", 0, 1),
    ):
        with pytest.raises(ApiError) as missing:
            ask()
        assert missing.value.status == 404
    assert files.notebook_source("/Shared/pipe") is None
    files.delete("/Shared/pipe", recursive=False)
    dbfs.delete("/tmp/pipe", recursive=False)
    assert not list((tmp_path / "files" / "Shared").iterdir())
    assert not list((tmp_path / "dbfs" / "tmp").iterdir())


def test_what_vanishes_while_it_is_removed_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).touch()
    unlink = os.unlink

    def somebody_was_faster(*arguments: object, **options: object) -> None:
        unlink(*arguments, **options)  # type: ignore[arg-type]
        unlink(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "unlink", somebody_was_faster)
    remove(folder)
    assert not folder.exists()
    remove(folder)
