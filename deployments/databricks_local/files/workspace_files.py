"""The workspace's folders, notebooks and files, kept as such on disk under the root."""

from dataclasses import dataclass
from pathlib import Path

from databricks_local.api import errors
from databricks_local.api.errors import invalid_parameter
from databricks_local.files.tree import is_servable, is_taken, leads_inside, remove
from databricks_local.runtime.source import (
    COMMENT_BY_LANGUAGE,
    HEADER,
    NotebookSourceError,
    detect_language,
    jupyter_to_source,
)

MAX_PATH_LENGTH = 1_000
MAX_NAME_BYTES = 255

MAX_NOTEBOOK_BYTES = 10 * 1024 * 1024
"""Docs: the largest notebook. What is larger is a file."""

REPOS = "/Repos/"
NOTEBOOK_EXTENSIONS = (".py", ".sql", ".ipynb")
LANGUAGE_BY_EXTENSION = {".py": "python", ".sql": "sql", ".scala": "scala", ".r": "r"}


@dataclass(frozen=True)
class WorkspaceObject:
    """An object as `get-status` and `list` show it."""

    path: str
    kind: str
    object_id: int
    language: str = ""
    size: int = 0
    created_at: int = 0
    modified_at: int = 0


class WorkspaceFiles:
    """The workspace's tree. A notebook is a file that begins with the header of its language."""

    def __init__(self, root: Path, user: str) -> None:
        self._root = root.resolve()
        for folder in ("Shared", f"Users/{user}"):
            (self._root / folder).mkdir(parents=True, exist_ok=True)

    def status(self, path: str) -> WorkspaceObject:
        """Describe the object at a path."""
        place = self._find(path)
        if not is_servable(place):
            raise errors.path_not_found(path)
        return self._describe(place)

    def children(self, path: str) -> list[WorkspaceObject]:
        """The contents of a folder, without broken links; for a file, the file itself."""
        place = self._find(path)
        if not is_servable(place):
            raise errors.path_not_found(path)
        found = sorted(place.iterdir()) if place.is_dir() else [place]
        return [
            self._describe(item) for item in found if leads_inside(item, self._root) and is_servable(item)
        ]

    def mkdirs(self, path: str) -> None:
        """Make a folder and those above it, where they are not there yet."""
        place = self._place(path)
        for folder in (place, *place.parents):
            if is_taken(folder):
                # The missing space is the real one's (dbx#613).
                raise errors.ApiError(
                    400, "RESOURCE_ALREADY_EXISTS", f"{folder.name}already exists and it is not a folder"
                )
        place.mkdir(parents=True, exist_ok=True)

    def put(self, path: str, content: bytes, form: str, language: str, *, overwrite: bool) -> None:
        """Import an object.

        Args:
            path: The path of the object.
            content: Its content.
            form: The import format: SOURCE, AUTO, JUPYTER or RAW.
            language: The language of a SOURCE notebook, in lower case; may be empty.
            overwrite: Whether an object of the same kind may be replaced.
        """
        name, stored = _as_stored(path, content, form, language)
        place = self._place(name)
        replaceable = overwrite and place.is_file()
        if place == self._root or place.is_dir() or (is_taken(place) and not replaceable):
            raise errors.path_exists(name)
        if not place.parent.is_dir():
            raise errors.parent_not_found(self._path_of(place.parent))
        place.write_bytes(stored)

    def import_file(self, path: str, content: bytes, *, overwrite: bool) -> None:
        """Import a file, or a notebook if its content is one."""
        place = self._place(path)
        if place.is_file() and not overwrite and self._describe(place).kind == "FILE":
            # Source of the status, which for notebooks is 400: databricks/cli, filer of workspace files.
            raise errors.ApiError(409, "RESOURCE_ALREADY_EXISTS", f"Path ({path}) already exists.")
        self.put(path, content, "AUTO", "", overwrite=overwrite)

    def read(self, path: str) -> bytes:
        """The content of a notebook or file."""
        place = self._find(path)
        if not is_servable(place):
            raise errors.path_not_found(path)
        if place.is_dir():
            raise errors.not_served("The export of a folder")
        if place.suffix == ".ipynb" and not path.endswith(".ipynb"):
            return (_source_of_file(place) or "").encode()
        return place.read_bytes()

    def notebook_source(self, path: str) -> str | None:
        """The source of a notebook; None if there is none at this path."""
        return notebook_at(self._place(path))

    def delete(self, path: str, *, recursive: bool) -> None:
        """Delete an object; a folder that is not empty only if `recursive` is set."""
        place = self._find(path)
        if place == self._root:
            raise invalid_parameter("The root folder cannot be deleted.")
        if not place.exists():
            raise errors.path_not_found(path)
        if recursive or not place.is_dir() or place.is_symlink():
            remove(place)
        elif any(place.iterdir()):
            raise errors.directory_not_empty(path)
        else:
            place.rmdir()

    def _find(self, path: str) -> Path:
        """Where an object is. In git folders, paths of notebooks leave out the extension."""
        return with_extension(self._place(path))

    def _place(self, path: str) -> Path:
        """Where a workspace path is on disk, always below the root."""
        if not path.startswith("/"):
            raise errors.relative_path(path[:MAX_PATH_LENGTH])
        if len(path) > MAX_PATH_LENGTH:
            raise invalid_parameter(f"The path is longer than {MAX_PATH_LENGTH} characters.")
        names = [name for name in path.split("/") if name]
        for name in names:
            if name in (".", "..") or not name.isprintable() or len(name.encode()) > MAX_NAME_BYTES:
                raise invalid_parameter(f"Path ({path}) has an invalid name in it: {name!r}")
        # /Workspace is another name for the root (docs: workspace files).
        if names[:1] == ["Workspace"]:
            del names[0]
        place = self._root.joinpath(*names)
        # A task could have made a symbolic link that leads outside.
        if not leads_inside(place, self._root):
            raise errors.path_not_found(path)
        return place

    def _path_of(self, place: Path) -> str:
        inside = place.relative_to(self._root).as_posix()
        return "/" if inside == "." else f"/{inside}"

    def _describe(self, place: Path) -> WorkspaceObject:
        status = place.stat()
        created, modified = int(status.st_ctime * 1000), int(status.st_mtime * 1000)
        path = self._path_of(place)
        if place.is_dir():
            return WorkspaceObject(path, "DIRECTORY", status.st_ino, "", 0, created, modified)
        if path.startswith(REPOS) and place.suffix in NOTEBOOK_EXTENSIONS:
            language = detect_language(_source_of_file(place) or "")
            path = path.removesuffix(place.suffix) if language else path
        else:
            with place.open("rb") as file:
                language = detect_language(file.read(100).decode("utf-8", "replace"))
        if language:
            return WorkspaceObject(path, "NOTEBOOK", status.st_ino, language, 0, created, modified)
        return WorkspaceObject(path, "FILE", status.st_ino, "", status.st_size, created, modified)


def with_extension(place: Path) -> Path:
    """The file of a notebook. In repositories, the path of a notebook leaves out the extension."""
    if not place.name or _is_there(place):
        return place
    files = (place.with_name(place.name + extension) for extension in NOTEBOOK_EXTENSIONS)
    return next((file for file in files if _is_there(file) and notebook_at(file) is not None), place)


def notebook_at(place: Path) -> str | None:
    """The source of the notebook at a place, its extension left out or not; None if there is none."""
    file = with_extension(place)
    return _source_of_file(file) if _is_there(file) and file.is_file() else None


def _is_there(place: Path) -> bool:
    return len(place.name.encode()) <= MAX_NAME_BYTES and place.exists()


def _source_of_file(file: Path) -> str | None:
    if file.stat().st_size > MAX_NOTEBOOK_BYTES:
        return None
    text = file.read_bytes().decode("utf-8", "replace")
    if file.suffix == ".ipynb":
        try:
            return jupyter_to_source(text)
        except NotebookSourceError:
            return None
    return text if detect_language(text) else None


def _as_stored(path: str, content: bytes, form: str, language: str) -> tuple[str, bytes]:
    """The path and the bytes under which an import is kept. A notebook from a file loses the extension."""
    stem, dot, extension = path.rpartition(".")
    by_extension = LANGUAGE_BY_EXTENSION.get(f"{dot}{extension}".lower(), "") if "/" not in extension else ""
    if form == "JUPYTER" or (form == "AUTO" and extension == "ipynb"):
        try:
            return path.removesuffix(".ipynb"), jupyter_to_source(_text(content)).encode()
        except NotebookSourceError as error:
            raise invalid_parameter(str(error)) from error
    if form == "RAW":
        return path, content
    if form == "AUTO":
        is_notebook = (
            by_extension and detect_language(content[:100].decode("utf-8", "replace")) == by_extension
        )
        return (stem, content) if is_notebook else (path, content)
    return _source_as_stored(path, content, language, by_extension)


def _source_as_stored(path: str, content: bytes, language: str, by_extension: str) -> tuple[str, bytes]:
    text = _text(content)
    found = detect_language(text)
    language = language or by_extension or found or ""
    if not language:
        raise invalid_parameter("The language is required to import a notebook in SOURCE format.")
    if language not in ("python", "sql"):
        raise errors.not_served(f"A notebook in {language}")
    if found == language:
        return path, content
    # Source without the header may be imported as a notebook; the export has the header.
    return path, f"{COMMENT_BY_LANGUAGE[language]} {HEADER}\n{text}".encode()


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid_parameter("The content of a notebook must be UTF-8.") from error
