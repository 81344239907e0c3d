"""`dbutils.secrets`, and the redaction of secret values in the output."""

import base64
from collections import namedtuple
from typing import Any

from databricks_local.runtime.dbutils.calls import Call, WorkspaceCallError
from databricks_local.runtime.dbutils.help import Helpful
from databricks_local.runtime.outputs import CellResult

REDACTED = "[REDACTED]"


class IllegalArgumentException(Exception):
    """Raised where Databricks raises Java's exception of this name."""


class SecretScope(namedtuple("SecretScope", ["name"])):
    """A scope, with the fields that Databricks gives it."""

    __slots__ = ()

    def getName(self) -> Any:  # noqa: N802
        """Its name."""
        return self.name


SecretMetadata = namedtuple("SecretMetadata", ["key"])


class Redactor:
    """Replaces the secrets that a notebook has read wherever they appear literally.

    As on Databricks, values in another form, such as reversed, are not recognised.
    """

    def __init__(self) -> None:
        self._values: set[str] = set()

    def add(self, value: str) -> None:
        """Remember a value. Blank values are ignored: they would match everywhere."""
        if value.strip():
            self._values.add(value)

    def redact(self, text: str) -> str:
        """The text without the values."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, REDACTED)
        return text

    def redact_cell(self, cell: CellResult) -> None:
        """Remove the values from the output of a cell."""
        if not self._values:
            return
        cell.error = self.redact(cell.error)
        for output in cell.outputs:
            output.text = self.redact(output.text)
            output.columns = [self.redact(name) for name in output.columns]
            output.rows = [
                [None if value is None else self.redact(value) for value in row] for row in output.rows
            ]


class SecretUtils(Helpful):
    """`dbutils.secrets`."""

    def __init__(self, call: Call, redactor: Redactor) -> None:
        self._call = call
        self._redactor = redactor

    def get(self, scope: str, key: str) -> str:
        """The value of a secret as text."""
        return self.getBytes(scope, key).decode()

    def getBytes(self, scope: str, key: str) -> bytes:  # noqa: N802
        """The value of a secret as bytes.

        Raises:
            IllegalArgumentException: If there is no such secret.
        """
        value = base64.b64decode(self._asked("get_secret", scope=scope, key=key))
        self._redactor.add(value.decode("utf-8", "replace"))
        return value

    def list(self, scope: str) -> list[Any]:
        """The keys of a scope's secrets."""
        return [SecretMetadata(key) for key in self._asked("list_secrets", scope=scope)]

    def listScopes(self) -> Any:  # noqa: N802
        """The scopes."""
        return [SecretScope(name) for name in self._asked("list_scopes")]

    def _asked(self, name: str, **arguments: str) -> Any:
        for argument, value in arguments.items():
            if not isinstance(value, str):
                raise TypeError(f"{argument} must be a string.")
        try:
            return self._call(name, **arguments)
        except WorkspaceCallError as refusal:
            raise IllegalArgumentException(str(refusal)) from None
