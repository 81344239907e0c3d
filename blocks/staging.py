"""Object storage behind an `S3Bucket` block: what a run stages under a prefix of its own."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast

from .loading import load_block

if TYPE_CHECKING:
    from prefect_aws.s3 import S3Bucket


class StagingArea:
    """The objects below one prefix of a bucket.

    Call its methods from a sync task or from plain code: in an async context the block's methods return
    coroutines.
    """

    def __init__(self, bucket: S3Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._client = bucket.credentials.get_s3_client()
        self._prefix = PurePosixPath(bucket.bucket_folder or "") / prefix

    @classmethod
    def load(cls, block_name: str, prefix: str) -> StagingArea:
        """Open a prefix of the bucket of a stored `S3Bucket` block."""
        from prefect_aws.s3 import S3Bucket

        return cls(load_block(S3Bucket, block_name), prefix)

    def uri(self, name: str = "") -> str:
        """URI of an object or folder, as Spark reads it."""
        return f"s3://{self._bucket.bucket_name}/{self._prefix / name}"

    def names(self, folder: str = "") -> list[str]:
        """Names of the objects below a folder, relative to the prefix, in order."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket.bucket_name, Prefix=f"{self._prefix / folder}/"
        )
        keys = (content["Key"] for page in pages for content in page.get("Contents", ()))
        return [str(PurePosixPath(key).relative_to(self._prefix)) for key in keys]

    def written_at(self, name: str) -> datetime:
        """When an object was written, to the second, by the clock of the storage."""
        answer = self._client.head_object(Bucket=self._bucket.bucket_name, Key=str(self._prefix / name))
        return answer["LastModified"]

    def upload(self, name: str, write: Callable[[IO[bytes]], int]) -> int:
        """Stream into an object what a function writes, without holding it.

        The object appears when all of it has arrived: if `write` fails, nothing is there.

        Args:
            name: Name of the object below the prefix.
            write: Gets a binary stream to write to, in a thread of its own.

        Returns:
            What `write` returned.
        """
        read_end, write_end = os.pipe()
        with ThreadPoolExecutor(1, thread_name_prefix="upload") as executor:
            # In a copy of the context, where the settings and the run of the caller are.
            produced = executor.submit(copy_context().run, _write_and_close, write, write_end)
            with _ProducedBytes(read_end, produced) as stream:
                self._client.upload_fileobj(
                    cast("IO[Any]", stream), self._bucket.bucket_name, str(self._prefix / name)
                )
        return produced.result()

    def open(self, name: str) -> IO[bytes]:
        """Open an object to be read as a stream."""
        answer = self._client.get_object(Bucket=self._bucket.bucket_name, Key=str(self._prefix / name))
        return cast("IO[bytes]", answer["Body"])

    def delete(self, folder: str = "") -> int:
        """Remove every object below a folder, and uploads to it that were never completed.

        Returns:
            The number of objects removed.
        """
        name = self._bucket.bucket_name
        for upload in self._incomplete_uploads(folder):
            self._client.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
        keys = [str(self._prefix / object_name) for object_name in self.names(folder)]
        for start in range(0, len(keys), 1000):  # the most that one request may name
            batch = keys[start : start + 1000]
            answer = self._client.delete_objects(
                Bucket=name, Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True}
            )
            if failed := answer.get("Errors"):
                raise OSError(f"{len(failed)} objects of {self.uri(folder)} are still there: {failed[0]}")
        return len(keys)

    def _incomplete_uploads(self, folder: str) -> Iterator[Any]:
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._bucket.bucket_name, Prefix=f"{self._prefix / folder}/"
        )
        for page in pages:
            yield from page.get("Uploads", ())


def _write_and_close(write: Callable[[IO[bytes]], int], descriptor: int) -> int:
    with os.fdopen(descriptor, "wb") as stream:
        return write(stream)


class _ProducedBytes(io.RawIOBase):
    """The read end of a pipe that ends in the producer's error, if it had one, instead of a clean end."""

    def __init__(self, descriptor: int, produced: Future[int]) -> None:
        self._pipe = os.fdopen(descriptor, "rb")
        self._produced = produced

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._pipe.read(size)
        if not data:
            self._produced.result()
        return data

    def close(self) -> None:
        self._pipe.close()
        super().close()
