"""Turn the errors of the official SDK into the typed, one-line errors of this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from databricks_blocks.errors import DatabricksRunRefused, DatabricksUnreachable

_PASSING_CODES = frozenset({"ABORTED", "COULD_NOT_ACQUIRE_LOCK"})
"""Refusals that pass: two requests got in each other's way (the Airflow provider repeats them, too)."""

_REFUSED_LOGINS = tuple(
    f"{code}: "
    for code in ("invalid_client", "unauthorized_client", "invalid_grant", "invalid_scope", "access_denied")
)
"""How the messages of refused logins begin: error codes of OAuth (RFC 6749, section 5.2)."""


@contextmanager
def api_errors(host: str, endpoint: str) -> Iterator[None]:
    """Turn what the SDK raises inside the `with` block into errors that people can read.

    Args:
        host: URL of the workspace.
        endpoint: What is called, for the message.

    Raises:
        DatabricksRunRefused: The workspace does not accept the request.
        DatabricksUnreachable: The workspace did not answer, after the SDK's own retries.
    """
    import requests
    from databricks.sdk import errors
    from databricks.sdk.errors.base import DatabricksError

    try:
        yield
    except (
        errors.BadRequest,
        errors.Unauthenticated,
        errors.PermissionDenied,
        errors.NotFound,
        errors.ResourceConflict,
    ) as error:
        if error.error_code in _PASSING_CODES:
            raise DatabricksUnreachable(f"{host} answered {endpoint} with: {error}") from error
        raise DatabricksRunRefused(f"{host} refused {endpoint}: {error}") from error
    except errors.OperationFailed as error:  # what the SDK's own waiters raise
        raise DatabricksRunRefused(f"{endpoint} at {host}: {error}") from error
    except DatabricksError as error:  # too many requests, and every kind of server or gateway error
        raise DatabricksUnreachable(f"{host} answered {endpoint} with: {error}") from error
    except (requests.RequestException, TimeoutError) as error:
        raise DatabricksUnreachable(f"{host} did not answer {endpoint}: {error}") from error
    except ValueError as error:  # what the SDK raises when no token is given for the login
        if not str(error).startswith(_REFUSED_LOGINS):
            raise
        raise DatabricksRunRefused(
            f"{host} refused the login of the service principal: {error}. Check its client id and its secret"
        ) from error
