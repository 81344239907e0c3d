"""Lines of a chunk, read as messages. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from databricks_blocks.pipes.metadata import Metadata, read_metadata
from databricks_blocks.pipes.protocol import (
    VERSION,
    AnyMessage,
    AssetCheck,
    Closed,
    CustomMessage,
    LogLine,
    Malformed,
    Materialization,
    Opened,
    RemoteException,
    StreamText,
)

_VERSION_FIELD = "__dagster_pipes_version"
_MOST_OF_A_BAD_LINE = 200
_MOST_LEVELS = 100


def read_line(line: str) -> tuple[AnyMessage | Malformed, list[str]]:
    """Read one line of a chunk.

    Fields that are not known are ignored.

    Args:
        line: JSON, as the writers make it; NaN and Infinity are read as Python writes them.

    Returns:
        The message, and what is odd about it.
    """
    notes: list[str] = []
    try:
        return _message(json.loads(line), notes), notes
    except (ValueError, RecursionError) as error:
        return Malformed(f"no JSON ({error})", line[:_MOST_OF_A_BAD_LINE]), []
    except _Unusable as error:
        return Malformed(str(error), line[:_MOST_OF_A_BAD_LINE]), notes
    except Exception as error:  # noqa: BLE001 - one line, however odd, must not silence all tasks of a run
        return Malformed(f"cannot be read ({error!r})", line[:_MOST_OF_A_BAD_LINE]), notes


def _message(raw: Any, notes: list[str]) -> AnyMessage:
    method = raw.get("method") if isinstance(raw, dict) else None
    if not isinstance(method, str):
        raise _Unusable("no message: it has no method")
    if method not in _READERS:
        raise _Unusable(f"method `{method}` is not known")
    params = raw.get("params") or {}
    if not isinstance(params, dict):
        raise _Unusable(f"params of `{method}` are no object")
    if _is_deep(raw):
        raise _Unusable("it is nested too deeply")
    version = raw.get(_VERSION_FIELD)
    if version != VERSION:
        notes.append(f"version {version!r} of the protocol is not known; read as {VERSION}")
    return _READERS[method](_Params(method, params, notes, _own_fields(raw)))


class _Unusable(Exception):
    """A message lacks what it is about."""


@dataclass(frozen=True)
class _Params:
    method: str
    params: Mapping[str, Any]
    notes: list[str]
    own: Mapping[str, Any]

    def text(self, name: str, default: str | None = None) -> str:
        value = self.params.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise _Unusable(f"`{self.method}` needs a text in `{name}`")
        return value

    def metadata(self) -> Mapping[str, Metadata]:
        value = self.params.get("metadata")
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.notes.append(f"metadata of `{self.method}` is no object, and left out")
            return {}
        return {name: read_metadata(name, entry, self.notes) for name, entry in value.items()}


def _opened(params: _Params) -> Opened:
    extras = params.params.get("extras")
    return Opened(extras if isinstance(extras, dict) else {}, **params.own)


def _closed(params: _Params) -> Closed:
    return Closed(_exception(params.params.get("exception")), **params.own)


def _log(params: _Params) -> LogLine:
    return LogLine(params.text("message"), params.text("level", "INFO"), **params.own)


def _materialization(params: _Params) -> Materialization:
    version = params.params.get("data_version")
    return Materialization(
        params.text("asset_key"), None if version is None else str(version), params.metadata(), **params.own
    )


def _check(params: _Params) -> AssetCheck:
    passed = params.params.get("passed")
    if not isinstance(passed, bool):
        raise _Unusable("`report_asset_check` needs true or false in `passed`")
    severity = params.params.get("severity", "ERROR")
    if severity not in ("ERROR", "WARN"):
        params.notes.append(f"severity {severity!r} of a check is not known; read as ERROR")
        severity = "ERROR"
    key, name = params.text("asset_key"), params.text("check_name")
    return AssetCheck(key, name, passed, severity, params.metadata(), **params.own)


def _custom(params: _Params) -> CustomMessage:
    return CustomMessage(params.params.get("payload"), **params.own)


def _stream(params: _Params) -> StreamText:
    return StreamText(params.text("stream", "stdout"), params.text("text"), **params.own)


_READERS: dict[str, Callable[[_Params], AnyMessage]] = {
    "opened": _opened,
    "closed": _closed,
    "log": _log,
    "report_asset_materialization": _materialization,
    "report_asset_check": _check,
    "report_custom_message": _custom,
    "log_external_stream": _stream,
}


def _own_fields(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that our own writer adds."""
    own: dict[str, Any] = {}
    timestamp, logger = raw.get("timestamp"), raw.get("logger")
    if isinstance(timestamp, int | float) and not isinstance(timestamp, bool):
        # An integer may be too large for a float, and is no time then.
        with suppress(OverflowError):
            own["timestamp"] = float(timestamp)
    if isinstance(logger, str):
        own["logger"] = logger
    return own


def _exception(value: Any) -> RemoteException | None:
    if not isinstance(value, dict):
        return None
    stack = value.get("stack")
    return RemoteException(
        message=str(value.get("message") or ""),
        stack=tuple(map(str, stack)) if isinstance(stack, list) else (),
        name=str(value.get("name") or ""),
        cause=_exception(value.get("cause")),
        context=_exception(value.get("context")),
    )


def _is_deep(value: Any) -> bool:
    """Whether a value is nested so deeply that code which follows it would end in a RecursionError."""
    level: list[Any] = [value]
    for _ in range(_MOST_LEVELS):
        inner = [item.values() if isinstance(item, dict) else item for item in level]
        level = [item for items in inner for item in items if isinstance(item, dict | list)]
        if not level:
            return False
    return True
