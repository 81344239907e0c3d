"""Where messages are read: a Unity Catalog volume, or DBFS. Thin; the calls block, so make them in a thread.

Plain requests, since the download of the SDK costs two of them for a file that is gone.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast
from urllib.parse import quote

from databricks_blocks.errors import DatabricksUnreachable
from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.workspace.api_errors import api_errors

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_DBFS_PIECE = 1 << 20
"""Bytes; DBFS reads no more at once."""


@dataclass(frozen=True)
class Entry:
    """A file or a folder, as a listing shows it.

    Attributes:
        name: Its name without the folder that it is in.
        size: In bytes.
        modified: Epoch milliseconds.
    """

    name: str
    size: int = 0
    modified: int = 0
    is_directory: bool = False


class Channel(Protocol):
    """The files of messages. Each method raises `DatabricksJobError` if the workspace refuses or is away."""

    def list(self, directory: str) -> list[Entry]:
        """List a folder; a missing one is empty."""

    def get(self, path: str, start: int = 0, most: int | None = None) -> bytes | None:
        """Read a file from a position on, at most so many bytes; `None`: it is gone."""

    def put(self, path: str, content: bytes) -> None:
        """Write a file, in place of one that is there."""

    def make(self, directory: str) -> None:
        """Make a folder, and those that it is in."""

    def delete(self, path: str) -> None:
        """Delete a file; a missing one is no error."""

    def clean(self, directory: str) -> None:
        """Delete a folder with all that is in it; a missing one is no error."""


class VolumeChannel:
    """Folders of a Unity Catalog volume, by the Files API."""

    def __init__(self, client: WorkspaceClient) -> None:
        self._client = client

    def list(self, directory: str) -> list[Entry]:
        """List a folder: one request for each thousand of entries."""
        query: dict[str, Any] = {}
        entries: list[Entry] = []
        while True:
            page = self._json("directories", directory, query)
            entries += [_volume_entry(item) for item in page.get("contents") or ()]
            if not page.get("next_page_token"):
                return entries
            query["page_token"] = page["next_page_token"]

    def get(self, path: str, start: int = 0, most: int | None = None) -> bytes | None:
        """Read a file: one request."""
        headers = {"Accept": "application/octet-stream"}
        if start or most:
            headers["Range"] = f"bytes={start}-{'' if most is None else start + most - 1}"
        answer = self._do("GET", "files", path, headers=headers, raw=True)
        if answer is None:
            return None
        with api_errors(self._client.config.host, f"GET {path}"), answer["contents"] as stream:
            return cast("bytes", stream.read())

    def put(self, path: str, content: bytes) -> None:
        """Write a file."""
        headers = {"Content-Type": "application/octet-stream"}
        query = {"overwrite": "true"}
        self._do("PUT", "files", path, headers=headers, query=query, data=BytesIO(content))

    def make(self, directory: str) -> None:
        """Make a folder."""
        self._do("PUT", "directories", directory)

    def delete(self, path: str) -> None:
        """Delete a file."""
        self._do("DELETE", "files", path)

    def clean(self, directory: str) -> None:
        """Delete a folder: from the bottom up, since only an empty one can be deleted."""
        for entry in self.list(directory):
            inner = f"{directory}/{entry.name}"
            if entry.is_directory:
                self.clean(inner)
            else:
                self.delete(inner)
        self._do("DELETE", "directories", directory)

    def _json(self, kind: str, path: str, query: dict[str, Any]) -> dict[str, Any]:
        answer = self._do("GET", kind, path, headers={"Accept": "application/json"}, query=query)
        if not isinstance(answer, dict | None):
            raise DatabricksUnreachable(f"{self._client.config.host} listed {path} with no object")
        return answer or {}

    def _do(self, method: str, kind: str, path: str, **request: Any) -> Any:
        return _call(self._client, method, f"/api/2.0/fs/{kind}{quote(path)}", path, request)


class DbfsChannel:
    """Folders on DBFS."""

    def __init__(self, client: WorkspaceClient) -> None:
        self._client = client

    def list(self, directory: str) -> list[Entry]:
        """List a folder: one request."""
        answer = self._do("GET", "list", directory, query={"path": directory}) or {}
        return [_dbfs_entry(item) for item in answer.get("files") or ()]

    def get(self, path: str, start: int = 0, most: int | None = None) -> bytes | None:
        """Read a file: one request for each mebibyte that is full, and one for the rest."""
        content = bytearray()
        while True:
            query = {"path": path, "offset": start + len(content), "length": _DBFS_PIECE}
            answer = self._do("GET", "read", path, query=query)
            if answer is None:
                return None
            piece = base64.b64decode(answer.get("data") or "")
            content += piece
            if len(piece) < _DBFS_PIECE or (most is not None and len(content) >= most):
                return bytes(content)

    def put(self, path: str, content: bytes) -> None:
        """Write a file."""
        with api_errors(self._client.config.host, f"PUT {path}"):
            self._client.dbfs.upload(path, cast("BinaryIO", BytesIO(content)), overwrite=True)

    def make(self, directory: str) -> None:
        """Make a folder."""
        self._do("POST", "mkdirs", directory, body={"path": directory})

    def delete(self, path: str) -> None:
        """Delete a file."""
        self._do("POST", "delete", path, body={"path": path, "recursive": False})

    def clean(self, directory: str) -> None:
        """Delete a folder."""
        self._do("POST", "delete", directory, body={"path": directory, "recursive": True})

    def _do(self, method: str, action: str, path: str, **request: Any) -> Any:
        return _call(self._client, method, f"/api/2.0/dbfs/{action}", f"dbfs:{path}", request)


def open_channel(client: WorkspaceClient, pipes: Pipes) -> Channel:
    """Choose the channel that a user asks for.

    Args:
        client: SDK client of the workspace.
        pipes: What the user asks for.
    """
    return channel_of(client, pipes.folder)


def channel_of(client: WorkspaceClient, path: str) -> Channel:
    """Choose the channel of a path: `/Volumes/…`, or one on DBFS."""
    return VolumeChannel(client) if path.startswith("/Volumes/") else DbfsChannel(client)


def _call(client: WorkspaceClient, method: str, url: str, path: str, request: dict[str, Any]) -> Any:
    """Make a request; `None`: there is no such file or folder to read or to delete."""
    from databricks.sdk.errors import NotFound, Unauthenticated

    with api_errors(client.config.host, f"{method} {path}"):
        try:
            return client.api_client.do(method, url, **request)
        except NotFound:
            if method in ("GET", "DELETE") or url.endswith("/dbfs/delete"):
                return None
            raise
        except Unauthenticated:
            # The token expired early: try once more with a new one.
            client.config.init_auth()  # type: ignore[no-untyped-call]
            return client.api_client.do(method, url, **request)


def _volume_entry(item: dict[str, Any]) -> Entry:
    return Entry(
        name=str(item.get("name") or str(item.get("path")).rstrip("/").rpartition("/")[2]),
        size=int(item.get("file_size") or 0),
        modified=int(item.get("last_modified") or 0),
        is_directory=bool(item.get("is_directory")),
    )


def _dbfs_entry(item: dict[str, Any]) -> Entry:
    return Entry(
        name=str(item.get("path")).rstrip("/").rpartition("/")[2],
        size=int(item.get("file_size") or 0),
        modified=int(item.get("modification_time") or 0),
        is_directory=bool(item.get("is_dir")),
    )
