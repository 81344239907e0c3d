"""Tells a storage that is away or busy apart from one that refuses a request."""

from __future__ import annotations

import re
import sys
from typing import Any

_OPTIONAL = {
    "azure.core.exceptions": ("ServiceRequestError", "ServiceResponseError"),
    "google.auth.exceptions": ("TransportError",),
    "google.api_core.exceptions": ("RetryError",),
}
"""Errors of libraries that may not be installed. If one was raised, its module is imported."""
_UNTRUSTED = re.compile("CERTIFICATE_VERIFY_FAILED|WRONG_VERSION_NUMBER|UNKNOWN_CA|CERTIFICATE_REQUIRED")
"""What OpenSSL says of a certificate that is not trusted, or of a server without TLS. Libraries repeat it."""
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


def is_untrusted(error: BaseException) -> bool:
    """Whether an encrypted connection will never be made, since one side does not trust the other."""
    if _UNTRUSTED.search(str(error)):
        return True
    # The Databricks SDK raises a time-out from it.
    return error.__cause__ is not None and is_untrusted(error.__cause__)


def is_unreachable(error: BaseException) -> bool:
    """Whether a storage did not answer, or was too busy to, so that asking again can help.

    Args:
        error: What the library of the storage raised: botocore, the Databricks SDK, or those of Google, Azure
            and fsspec.
    """
    if is_untrusted(error):
        return False
    import botocore.exceptions as s3
    import requests
    import urllib3
    from databricks.sdk import errors as databricks

    lost = (
        *(s3.ConnectionError, s3.HTTPClientError, s3.IncompleteReadError),
        *(databricks.InternalError, databricks.TemporarilyUnavailable, databricks.TooManyRequests),
        *(databricks.DeadlineExceeded, requests.ConnectionError, requests.Timeout),
        *(urllib3.exceptions.HTTPError, ConnectionError, TimeoutError),
    )
    if isinstance(error, (*lost, *_of_optional_libraries())):
        return True
    status = _http_status(error)
    return status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR


def _of_optional_libraries() -> tuple[type[BaseException], ...]:
    return tuple(
        getattr(sys.modules[module], name)
        for module, names in _OPTIONAL.items()
        if module in sys.modules
        for name in names
    )


def _http_status(error: BaseException) -> int:
    """Status of the answer that the error is about; 0 if it is about none."""
    from botocore.exceptions import ClientError

    status: Any
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        # Azure's errors have `status_code`, Google's `code`.
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
    return status if isinstance(status, int) else 0
