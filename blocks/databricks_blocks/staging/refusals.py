"""Tell errors of a storage that a retry cannot help: missing rights, wrong credentials, no such bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, TYPE_CHECKING, Literal

from databricks_blocks.staging.unreachable import is_untrusted

if TYPE_CHECKING:
    from databricks_blocks.staging.area import StagingArea

Deed = Literal["list", "read", "write", "delete"]

_RIGHTS: dict[str, dict[Deed, str]] = {
    "s3": {
        "list": "s3:ListBucket",
        "read": "s3:GetObject",
        "write": "s3:PutObject",
        "delete": "s3:DeleteObject",
    },
    "gs": {
        "list": "storage.objects.list",
        "read": "storage.objects.get",
        "write": "storage.objects.create",
        "delete": "storage.objects.delete",
    },
    "abfss": dict.fromkeys(("list", "read", "write", "delete"), "Storage Blob Data Contributor"),
    "/Volumes": {
        "list": "READ VOLUME",
        "read": "READ VOLUME",
        "write": "WRITE VOLUME",
        "delete": "WRITE VOLUME",
    },
}
# One method of staging makes several calls.
_RIGHTS_OF_S3_CALLS = {
    "ListObjectsV2": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "GetObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "DeleteObjects": "s3:DeleteObject",
}
_DENIED = {"AccessDenied", "AllAccessDisabled", "AccountProblem", "403", "Forbidden", "UnauthorizedAccess"}
_BAD_CREDENTIALS = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "InvalidSecurity",
    "NotSignedUp",
    "401",
    "Unauthorized",
}
_OTHERS = {
    "NoSuchBucket": "there is no such bucket",
    "InvalidBucketName": "no bucket can have this name",
    "PermanentRedirect": "the bucket is in another region; name it in the block",
    "AuthorizationHeaderMalformed": "the bucket is in another region; name it in the block",
    "RequestTimeTooSkewed": "the clock of this machine is wrong",
}
_TRUST = "name the certificate authority by AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE or SSL_CERT_FILE"
_UNUSABLE_CREDENTIALS = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "ProfileNotFound",
    "TokenRetrievalError",
    "SSOTokenLoadError",
    "UnauthorizedSSOTokenError",
    "DefaultCredentialsError",
    "RefreshError",
    "ClientAuthenticationError",
}
"""Errors of botocore, Google and Azure, by name: the last two are not always installed."""


class StorageRefused(PermissionError):
    """Raised when a storage refuses a call, and a retry cannot help; the message is one line for a person."""


def refusal(error: BaseException, deed: Deed, place: str) -> str | None:
    """Decide whether a storage has refused a call for good.

    Args:
        error: The error of its client.
        deed: What was tried.
        place: URI of what it was tried on.

    Returns:
        One line that says what is missing; `None` if a retry may help, or the error has another cause.
    """
    if is_untrusted(error):
        return f"{place}: its certificate is not trusted; {_TRUST}"
    code = _code(error)
    if type(error).__name__ in _UNUSABLE_CREDENTIALS or code in _BAD_CREDENTIALS:
        reason = code if code in _BAD_CREDENTIALS else " ".join(str(error).split())[:200]
        return f"{place}: the storage does not take the credentials ({reason}); correct or renew them"
    if code in _DENIED or isinstance(error, PermissionError):
        right = _RIGHTS_OF_S3_CALLS.get(getattr(error, "operation_name", "")) or _right(deed, place)
        return f"{place}: access denied; the credentials need the right {right}"
    return f"{place}: {_OTHERS[code]}" if code in _OTHERS else None


def _right(deed: Deed, place: str) -> str:
    scheme = place.partition("://")[0] if "://" in place else "/" + place.lstrip("/").partition("/")[0]
    return _RIGHTS.get(scheme.replace("s3a", "s3").replace("gcs", "gs"), {}).get(deed) or f"to {deed} files"


def _code(error: BaseException) -> str:
    """The code of an error: a word of S3, or the status of its answer."""
    from botocore.exceptions import ClientError
    from databricks.sdk.errors import PermissionDenied, Unauthenticated

    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    if isinstance(error, PermissionDenied):
        return "403"
    if isinstance(error, Unauthenticated):
        return "401"
    # gcsfs has no other sign of it.
    if type(error) is OSError and str(error).startswith("Forbidden:"):
        return "403"
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    return str(int(status)) if isinstance(status, int) else ""


@contextmanager
def told(deed: Deed, place: str) -> Iterator[None]:
    """Raise `StorageRefused` in place of an error that a retry cannot help."""
    try:
        yield
    except StorageRefused:
        raise
    except Exception as error:
        if message := refusal(error, deed, place):
            raise StorageRefused(message) from error
        raise


class ToldRefusals:
    """A staging area that tells what it is refused for good; else it is the area that it is made of."""

    def __init__(self, area: StagingArea) -> None:
        self._area = area

    def uri(self, name: str = "") -> str:
        """URI of a file or folder."""
        return self._area.uri(name)

    def names(self, folder: str = "") -> list[str]:
        """Names of the files below a folder."""
        with told("list", self.uri(folder)):
            return self._area.names(folder)

    def folders(self) -> list[str]:
        """Names of the folders directly below the prefix."""
        with told("list", self.uri()):
            return self._area.folders()

    def written_at(self, name: str) -> datetime:
        """When a file was written."""
        with told("read", self.uri(name)):
            return self._area.written_at(name)

    def upload(self, name: str, write: Callable[[IO[bytes]], int]) -> int:
        """Stream what a function writes into a file."""
        with told("write", self.uri(name)):
            return self._area.upload(name, write)

    def send(self, name: str, stream: IO[bytes]) -> None:
        """Upload what a stream has."""
        with told("write", self.uri(name)):
            self._area.send(name, stream)

    def open(self, name: str) -> IO[bytes]:
        """Open a file to be read as a stream."""
        with told("read", self.uri(name)):
            return self._area.open(name)

    def delete(self, folder: str = "") -> int:
        """Remove every file below a folder."""
        with told("delete", self.uri(folder)):
            return self._area.delete(folder)
