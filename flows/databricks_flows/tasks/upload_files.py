"""Uploads local files into the storage of a block: streamed, mapped, and only what changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from threading import Event
from typing import Any, Literal

from databricks_blocks.csv.faults import InputError
from databricks_blocks.safe_text import one_line
from databricks_blocks.staging.area import STAGING_BLOCK, StagingArea, open_staging
from databricks_blocks.staging.local_file import LocalFile
from databricks_blocks.staging.uploaded_note import UPLOADED_NOTE, Uploaded, UploadedNote
from prefect import get_run_logger, task
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import ThreadPoolTaskRunner

from databricks_flows.shared.batches import Batch, make_batches
from databricks_flows.shared.patience import (
    MAX_UNREACHABLE,
    current_patience,
    end_patience,
    having_patience,
    patient,
)
from databricks_flows.shared.progress import Progress, report
from databricks_flows.shared.retries import STEP_OPTIONS
from databricks_flows.shared.uninterrupted import uninterrupted
from databricks_flows.tasks.uploads import (
    BatchNotUploaded,
    FilesNotUploaded,
    Sent,
    UploadedFile,
    find_uploads,
)

UPLOADS_AT_ONCE = 4


@dataclass(frozen=True)
class _Folder:
    """Where files are uploaded to, and what is there.

    Attributes:
        staging: Name of the block of the storage.
        folder: The folder below the place of the block.
        there: Names of the files that are there.
        note: What is known of them.
    """

    staging: str
    folder: str
    there: frozenset[str] = frozenset()
    note: UploadedNote = field(default_factory=UploadedNote)

    def open(self) -> StagingArea:
        return open_staging(self.staging, self.folder)


def upload_files(
    files: str | Path | Sequence[str | Path],
    folder: str,
    *,
    staging: str = STAGING_BLOCK,
    concurrency: int = UPLOADS_AT_ONCE,
    batch_size: int = 0,
    max_unreachable: float = MAX_UNREACHABLE,
) -> list[UploadedFile]:
    r"""Upload local files into a folder of a storage, each under its own name, in a flow.

    Files are streamed: the memory does not grow with them. Each has a task run; more than 50 are grouped. A
    file appears in the storage when all of it has arrived. What is there already with the same content is not
    uploaded again: the file `_uploaded.json` in the folder, which Spark passes over, has the digests.

    In an async flow, use `await aupload_files(...)`.

    Args:
        files: Files, folders and patterns such as `data/2026-*.csv`. Of a folder, all files directly in it
            are meant, but those whose names begin with `.` or `_`, which Spark passes over.
        folder: The folder below the place of the block, such as `facilities/incoming`.
        staging: Name of the block of the storage: an S3 Bucket, a Unity Catalog Volume, or another one that
            files can be staged in.
        concurrency: How many files are uploaded at a time.
        batch_size: Files that one task run uploads, at most. 0: one, and with more than 50 files up to 50.
        max_unreachable: Seconds for which the storage may fail to answer.

    Returns:
        The files, in the order in which they were found.

    Raises:
        InputError: There is no such file, one is a pipe or a device, or two have the same name.
        FilesNotUploaded: Some files are not uploaded; all others are.
        StorageRefused: The storage refuses, and a retry cannot help.

    Examples:
        >>> from pathlib import Path
        >>> from databricks_flows import upload_files
        >>> from prefect import flow
        >>> written = Path("plants.csv").write_text("plant,output\\nNorth,1.5\\n")
        >>> @flow
        ... def upload() -> list[str]:
        ...     return [file.state for file in upload_files("plants.csv", "docs-upload")]
        >>> upload(), upload()
        (['new'], ['unchanged'])
    """
    place = _Folder(staging, _checked(folder))
    with having_patience(max_unreachable):
        return _upload_all(find_uploads(files), place, concurrency, batch_size, Event())


async def aupload_files(
    files: str | Path | Sequence[str | Path],
    folder: str,
    *,
    staging: str = STAGING_BLOCK,
    concurrency: int = UPLOADS_AT_ONCE,
    batch_size: int = 0,
    max_unreachable: float = MAX_UNREACHABLE,
) -> list[UploadedFile]:
    r"""Upload local files in an async flow; see `upload_files`.

    When the flow is cancelled, no further file is begun, and those under way are given up.

    Examples:
        >>> import asyncio
        >>> from pathlib import Path
        >>> from databricks_flows import aupload_files
        >>> from prefect import flow
        >>> written = Path("sites.csv").write_text("site\nNorth\n")
        >>> @flow
        ... async def upload() -> list[str]:
        ...     return [file.name for file in await aupload_files("sites.csv", "docs-upload")]
        >>> asyncio.run(upload())
        ['sites.csv']
    """
    place, ending = _Folder(staging, _checked(folder)), Event()
    with having_patience(max_unreachable):
        sources = await asyncio.to_thread(find_uploads, files)
        work = asyncio.ensure_future(
            asyncio.to_thread(_upload_all, sources, place, concurrency, batch_size, ending)
        )
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            ending.set()
            end_patience()
            get_run_logger().warning("The flow run is ending; it waits for uploads under way")
            await uninterrupted(asyncio.wait([work]))
            work.exception()  # it was cancelled: how its uploads ended is in their task runs
            raise


def _upload_all(
    sources: Mapping[str, Path], place: _Folder, concurrency: int, batch_size: int, ending: Event
) -> list[UploadedFile]:
    place = _look(place)
    batches = make_batches(sources, concurrency, batch_size)
    sent, errors = _upload_batches(batches, place, concurrency, len(sources), ending)
    changed = {name: each.noted for name, each in sent.items() if each.file.state != "unchanged"}
    if changed:
        _note(place, changed)
    uploaded = [sent[name].file for name in sources if name in sent]
    if errors:
        raise FilesNotUploaded(uploaded, errors)
    return uploaded


def _checked(folder: str) -> str:
    parts = PurePosixPath(folder.strip("/")).parts
    if not parts or ".." in parts:
        raise InputError(f"folder `{folder}`: name a folder below the place of the block, such as `incoming`")
    return "/".join(parts)


@task(name="look_into_folder", **STEP_OPTIONS)
@patient
def _look(place: _Folder) -> _Folder:
    """Read what is in the folder."""
    area = place.open()
    there = frozenset(area.names())
    return _Folder(place.staging, place.folder, there, _read_note(area, there))


@task(name="note_uploaded", **STEP_OPTIONS)
@patient
def _note(place: _Folder, files: Mapping[str, Uploaded]) -> None:
    """Note what was uploaded, beside what others may have noted meanwhile."""
    area = place.open()
    text = _read_note(area, frozenset(area.names())).with_files(files).as_json()
    area.upload(UPLOADED_NOTE, lambda stream: stream.write(text))


def _read_note(area: StagingArea, there: frozenset[str]) -> UploadedNote:
    if UPLOADED_NOTE not in there:
        return UploadedNote()
    with area.open(UPLOADED_NOTE) as stream:
        return UploadedNote.from_json(stream.read())


def _upload_batches(
    batches: Sequence[Batch[Path]], place: _Folder, concurrency: int, total: int, ending: Event
) -> tuple[dict[str, Sent], list[str]]:
    """Upload all batches; what was uploaded by name, and the errors of the others."""
    sent: dict[str, Sent] = {}
    errors: list[str] = []
    with ThreadPoolTaskRunner[list[Sent]](max_workers=concurrency) as runner:
        try:
            futures: list[PrefectFuture[Any]] = [
                runner.submit(_upload_batch, {"batch": batch, "place": place, "ending": ending})
                for batch in batches
            ]
            for future in as_completed(futures):
                done, faults = _outcome(future)
                sent |= {each.file.name: each for each in done}
                errors += faults
                report(Progress("upload_files", len(sent) + len(errors), total))
        except BaseException:
            # The runner waits for its task runs: none of them may start another file.
            ending.set()
            end_patience()
            raise
    return sent, errors


def _outcome(future: PrefectFuture[Any]) -> tuple[list[Sent], list[str]]:
    try:
        return future.result(), []
    except BatchNotUploaded as error:
        return error.sent, error.errors


@task(name="upload_files", task_run_name="upload_files-{batch.name}", **STEP_OPTIONS)
def _upload_batch(batch: Batch[Path], place: _Folder, ending: Event) -> list[Sent]:
    """Upload the files of a batch that changed."""
    area = current_patience().outlast(place.open)
    sent: list[Sent] = []
    errors: list[str] = []
    for path in batch.files:
        if ending.is_set():
            raise RuntimeError(f"the run ended after {len(sent)} of {len(batch.files)} files of the batch")
        try:
            sent.append(current_patience().outlast(partial(_upload, path, place, area, ending)))
        except InputError as error:
            errors.append(one_line(str(error)))
            get_run_logger().error("%s", errors[-1])
    if errors:
        raise BatchNotUploaded(sent, errors)
    return sent


class _GivenUp(RuntimeError):
    """Raised when an upload is given up, since the flow run is ending."""


class _Source(LocalFile):
    """A file that is read until the flow run is ending."""

    def __init__(self, path: Path, ending: Event) -> None:
        super().__init__(path)
        self._ending = ending

    def read(self, size: int = -1) -> bytes:
        if self._ending.is_set():
            raise _GivenUp(f"{self.path}: its upload was given up, since the flow run is ending")
        return super().read(size)


def _upload(path: Path, place: _Folder, area: StagingArea, ending: Event) -> Sent:
    name, noted = path.name, place.note.files.get(path.name)
    is_there = name in place.there
    is_as_noted = noted and is_there and _is_unchanged(path, noted, ending)
    if noted and is_as_noted and _written_at(area, name) == noted.written_at:
        get_run_logger().debug("%s: is at %s already", path, area.uri(name))
        return Sent(UploadedFile(str(path), name, area.uri(name), noted.size, "unchanged"), noted)
    with _Source(path, ending) as file:
        area.send(name, file.stream())
    sent = Uploaded(file.size, file.digest, _written_at(area, name))
    get_run_logger().info("%s: %d bytes to %s", path, file.size, area.uri(name))
    state: Literal["new", "replaced"] = "replaced" if is_there else "new"
    return Sent(UploadedFile(str(path), name, area.uri(name), file.size, state), sent)


def _is_unchanged(path: Path, noted: Uploaded, ending: Event) -> bool:
    with _Source(path, ending) as file:
        return file.size == noted.size and file.read_to_the_end() == noted.sha256


def _written_at(area: StagingArea, name: str) -> str:
    return area.written_at(name).isoformat()
