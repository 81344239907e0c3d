"""What a storage refuses for good is told in one line that names the right; what may pass is left alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import IO

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError
from databricks.sdk.errors import InternalError, NotFound, PermissionDenied, Unauthenticated
from databricks_blocks.staging.refusals import Deed, StorageRefused, ToldRefusals, refusal
from databricks_flows.shared.retries import is_transient
from google.api_core.exceptions import Forbidden, ServiceUnavailable
from google.auth.exceptions import DefaultCredentialsError

S3 = "s3://shelf/run/x.csv"


def of_s3(code: str, call: str = "PutObject") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "No."}}, call)


def of_azure(status: int) -> HttpResponseError:
    error = HttpResponseError("This request is not authorized")
    error.status_code = status
    return error


@pytest.mark.parametrize(
    ("error", "deed", "place", "message"),
    [
        (of_s3("AccessDenied"), "write", S3, "access denied; the credentials need the right s3:PutObject"),
        (of_s3("403", "HeadObject"), "read", S3, "need the right s3:GetObject"),
        (of_s3("AccessDenied", "ListObjectsV2"), "delete", S3, "need the right s3:ListBucket"),
        (of_s3("AccessDenied", "ListMultipartUploads"), "delete", S3, "s3:ListBucketMultipartUploads"),
        (of_s3("AccessDenied", "Unknown"), "delete", S3, "need the right s3:DeleteObject"),
        (
            of_s3("ExpiredToken"),
            "write",
            S3,
            "does not take the credentials (ExpiredToken); correct or renew",
        ),
        (of_s3("InvalidAccessKeyId"), "write", S3, "does not take the credentials (InvalidAccessKeyId)"),
        (NoCredentialsError(), "list", S3, "does not take the credentials (Unable to locate credentials)"),
        (of_s3("NoSuchBucket"), "list", S3, "there is no such bucket"),
        (of_s3("PermanentRedirect"), "list", S3, "the bucket is in another region"),
        (PermissionError("Access Denied"), "read", S3, "need the right s3:GetObject"),
        (PermissionError("no"), "read", "sftp://host/x", "need the right to read files"),
        (Forbidden("no"), "list", "gs://shelf/x", "need the right storage.objects.list"),
        (OSError("Forbidden: shelf/x"), "write", "gcs://shelf/x", "the right storage.objects.create"),
        (DefaultCredentialsError("none"), "list", "gs://shelf/x", "does not take the credentials (none)"),
        (of_azure(403), "write", "abfss://c@host/x", "the right Storage Blob Data Contributor"),
        (ClientAuthenticationError("bad key"), "read", "abfss://c@host/x", "credentials (bad key)"),
        (PermissionDenied("no"), "write", "/Volumes/a/b/c", "need the right WRITE VOLUME"),
        (Unauthenticated("no"), "read", "/Volumes/a/b/c", "does not take the credentials (401)"),
    ],
)
def test_what_no_retry_helps_is_told_with_the_right(
    error: Exception, deed: Deed, place: str, message: str
) -> None:
    told = refusal(error, deed, place)
    assert told is not None
    assert told.startswith(f"{place}: ")
    assert message in told
    assert "\n" not in told


@pytest.mark.parametrize(
    "error",
    [
        of_s3("SlowDown"),
        of_s3("InternalError"),
        of_s3("500"),
        of_s3("404", "HeadObject"),
        of_s3("NoSuchKey", "GetObject"),
        ConnectTimeoutError(endpoint_url="http://x"),
        OSError("the disk is full"),
        FileNotFoundError("x"),
        ServiceUnavailable("busy"),
        of_azure(503),
        InternalError("x"),
        NotFound("x"),
        ValueError("what is written"),
    ],
)
def test_what_may_pass_or_has_another_cause_is_left_alone(error: Exception) -> None:
    assert refusal(error, "write", S3) is None


class Area:
    """A staging area all of whose calls fail."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def uri(self, name: str = "") -> str:
        return f"s3://shelf/{name}"

    def names(self, folder: str = "") -> list[str]:
        raise self.error

    def written_at(self, name: str) -> datetime:
        raise self.error

    def upload(self, name: str, write: Callable[[IO[bytes]], int]) -> int:
        raise self.error

    def open(self, name: str) -> IO[bytes]:
        raise self.error

    def delete(self, folder: str = "") -> int:
        raise self.error


CALLS: list[Callable[[ToldRefusals], object]] = [
    lambda area: area.names("x"),
    lambda area: area.written_at("x"),
    lambda area: area.upload("x", lambda stream: 0),
    lambda area: area.open("x"),
    lambda area: area.delete("x"),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_refused_call_is_not_made_again_and_a_busy_one_is(call: Callable[[ToldRefusals], object]) -> None:
    with pytest.raises(StorageRefused, match=r"^s3://shelf/x: access denied") as refused:
        call(ToldRefusals(Area(of_s3("AccessDenied", "x"))))
    assert not is_transient(refused.value)
    with pytest.raises(ClientError, match="SlowDown") as busy:
        call(ToldRefusals(Area(of_s3("SlowDown"))))
    assert is_transient(busy.value)
