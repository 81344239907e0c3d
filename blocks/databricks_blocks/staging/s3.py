"""Staging in an `S3Bucket` block."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from databricks_blocks.staging.produced_stream import consume_what_is_written
from databricks_blocks.staging.refusals import refusal

if TYPE_CHECKING:
    from prefect_aws.s3 import S3Bucket

_READ_AT_ONCE = 256 * 1024


class S3Staging:
    """The objects below one prefix of a bucket."""

    def __init__(self, bucket: S3Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._client = bucket.credentials.get_s3_client()
        self._prefix = PurePosixPath(bucket.bucket_folder or "") / prefix

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

    def folders(self) -> list[str]:
        """Names of the folders directly below the prefix, in order."""
        top = f"{self._prefix}/".removeprefix("./")
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket.bucket_name, Prefix=top, Delimiter="/"
        )
        found = (common["Prefix"] for page in pages for common in page.get("CommonPrefixes", ()))
        return [PurePosixPath(prefix).name for prefix in found]

    def written_at(self, name: str) -> datetime:
        """When an object was written, to the second, by the clock of the storage."""
        answer = self._client.head_object(Bucket=self._bucket.bucket_name, Key=str(self._prefix / name))
        return answer["LastModified"]

    def upload(self, name: str, write: Callable[[IO[bytes]], int]) -> int:
        """Stream what a function writes into an object, by a multipart upload."""
        return consume_what_is_written(write, partial(self.send, name))

    def send(self, name: str, stream: IO[bytes]) -> None:
        """Upload what a stream has, by a multipart upload."""
        self._client.upload_fileobj(stream, self._bucket.bucket_name, str(self._prefix / name))

    def open(self, name: str) -> IO[bytes]:
        """Open an object to be read as a stream."""
        answer = self._client.get_object(Bucket=self._bucket.bucket_name, Key=str(self._prefix / name))
        # Not `with body`, which gives the inner stream: that takes a lost connection for the end
        # (botocore, StreamingBody.__enter__).
        return io.BufferedReader(cast("io.RawIOBase", answer["Body"]), _READ_AT_ONCE)

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
                code = failed[0].get("Code", "")
                refused = ClientError({"Error": {"Code": code, "Message": code}}, "DeleteObjects")
                if refusal(refused, "delete", self.uri(folder)):
                    raise refused
                raise OSError(f"{len(failed)} objects of {self.uri(folder)} are still there: {failed[0]}")
        return len(keys)

    def _incomplete_uploads(self, folder: str) -> Iterator[Any]:
        pages = self._client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._bucket.bucket_name, Prefix=f"{self._prefix / folder}/"
        )
        for page in pages:
            yield from page.get("Uploads", ())
