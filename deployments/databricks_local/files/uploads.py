"""Uploads in parts and presigned URLs, which newer clients use for large files in volumes.

The SDK takes three steps (source: databricks-sdk-py, `FilesExt`): it starts an upload, asks for a URL a part
and puts each without its token, then completes the upload with the parts' tags.
"""

import asyncio
import re
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from databricks_local.api.bodies import Json, read_required_integer, read_string
from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.files.tree import PIECE, Tree, new_part
from databricks_local.files.volumes import Volumes
from databricks_local.storage.signatures import Signatures

OPEN_PREFIX = "/local/storage"
"""The beginning of presigned URLs. Their signature lets them in, not the token."""

LIFETIME_MILLISECONDS = 60 * 60 * 1000
MAX_UPLOADS = 1_000
MAX_PARTS = 10_000
_NUMBER = re.compile(r"[0-9]{1,15}")


@dataclass
class Upload:
    """An upload that was started and not completed yet."""

    path: str
    overwrite: bool
    started_at: int
    parts: dict[int, Path] = field(default_factory=dict)
    tags: dict[int, str] = field(default_factory=dict)

    async def forget(self) -> None:
        """Delete the parts that have arrived, which can be many."""
        await asyncio.to_thread(self._remove_parts)

    def _remove_parts(self) -> None:
        for part in self.parts.values():
            part.unlink(missing_ok=True)


class Uploads:
    """The uploads under way, and the signatures of URLs."""

    def __init__(self, volumes: Volumes, origin: str, clock: Callable[[], int]) -> None:
        self._volumes = volumes
        self._origin = origin
        self._clock = clock
        self._signatures = Signatures()
        self._uploads: dict[str, Upload] = {}

    async def start(self, path: str, *, overwrite: bool) -> str:
        """Start an upload; returns the token of its session."""
        self._volumes.writable(path, overwrite=overwrite)
        oldest = self._clock() - LIFETIME_MILLISECONDS
        surplus = max(len(self._uploads) - MAX_UPLOADS + 1, 0)
        over = [
            token
            for number, (token, upload) in enumerate(self._uploads.items())
            if number < surplus or upload.started_at < oldest
        ]
        for forgotten in [self._uploads.pop(token) for token in over]:
            await forgotten.forget()
        token = secrets.token_urlsafe(24)
        self._uploads[token] = Upload(path, overwrite, self._clock())
        return token

    def find(self, path: str, token: str) -> Upload:
        """The upload of a session."""
        upload = self._uploads.get(token)
        if upload is None or upload.path != path:
            raise ApiError(404, "NOT_FOUND", f"There is no upload of {path[:1000]} with this session token.")
        return upload

    def new_part(self, upload: Upload, number: int) -> Path:
        """A file for the bytes of a part."""
        if not 1 <= number <= MAX_PARTS:
            raise invalid_parameter(f"part_number must be between 1 and {MAX_PARTS}.")
        if number in upload.parts:
            upload.parts[number].unlink(missing_ok=True)
        upload.parts[number] = new_part(self._volumes.tree.root)
        return upload.parts[number]

    async def complete(self, path: str, token: str, parts: list[Json]) -> None:
        """Join the parts: the file is there."""
        upload = self.find(path, token)
        numbers = [read_required_integer(part, "part_number") for part in parts]
        tags = [read_string(part, "etag") for part in parts]
        if numbers != sorted(set(numbers)) or [upload.tags.get(number) for number in numbers] != tags:
            raise invalid_parameter("The parts are not those that were uploaded, in their order.")
        place = self._volumes.writable(path, overwrite=upload.overwrite)
        # Nobody else completes or changes it from now on.
        del self._uploads[token]
        completed = False
        try:
            await asyncio.to_thread(
                _join, [upload.parts[number] for number in numbers], place, self._volumes.tree
            )
            completed = True
        finally:
            if not completed:
                self._uploads[token] = upload
        await upload.forget()

    async def abort(self, path: str, token: str) -> None:
        """Forget an upload."""
        upload = self.find(path, token)
        del self._uploads[token]
        await upload.forget()

    def signed_url(self, method: str, path: str, token: str = "", part: int = 0) -> str:
        """A URL that allows one operation, for an hour."""
        expires = str(self._clock() + LIFETIME_MILLISECONDS)
        signature = self._signatures.of(method, path, token, str(part), expires)
        query = f"session_token={quote(token)}&part_number={part}&expires={expires}&signature={signature}"
        return f"{self._origin}{OPEN_PREFIX}{quote(path)}?{query}"

    def check(self, method: str, path: str, query: Mapping[str, str]) -> tuple[str, int]:
        """Check a presigned URL; returns its session and the number of the part.

        Raises:
            PresignedUrlError: If it was not signed here or has expired.
        """
        token, expires = query.get("session_token", ""), query.get("expires", "")
        part = query.get("part_number", "")
        fits = self._signatures.fits(query.get("signature", ""), method, path, token, part, expires)
        if not fits or not _NUMBER.fullmatch(expires):
            raise PresignedUrlError("SignatureDoesNotMatch", "The signature does not match the request.")
        if int(expires) < self._clock():
            # Source: databricks-sdk-py asks for a new URL when it reads these words.
            raise PresignedUrlError("AccessDenied", "Request has expired")
        return token, int(part)


def _join(parts: Sequence[Path], place: Path, tree: Tree) -> None:
    """Join files to one. They stay, so that it can be tried again after an error."""
    with tree.replacing(place) as file:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, file, PIECE)


class PresignedUrlError(Exception):
    """Raised for a presigned URL that does not hold; answered in the words of S3."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
