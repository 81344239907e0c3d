"""Code on Databricks tells the flow that launched it what it does, while it does it.

One file without dependencies, for Python 3.8 and newer. Install `databricks-flows` as a library, or put this
file beside the notebook or script.

Examples:
    >>> from databricks_pipes import pipes
    >>> pipes.log.info("read %s rows", 3)
    >>> pipes.asset("main/sales/daily", rows=3)
    >>> pipes.check("no_nulls", passed=True)
    >>> pipes.message({"files": ["a.csv"]})
    >>> pipes.extras.get("day", "today")
    'today'

Where no flow listens, as here, it does nothing, and says so once.
"""

from __future__ import annotations

import atexit
import base64
import builtins
import contextlib
import functools
import io
import json
import logging
import os
import sys
import threading
import time
import traceback
import uuid
import zlib
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableSequence

_CONTEXT, _MESSAGES = "DAGSTER_PIPES_CONTEXT", "DAGSTER_PIPES_MESSAGES"
_SPEAKS = "DATABRICKS_PIPES_PROCESS"
_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_LARGEST_CHUNK = 1 << 20
_MOST_WAITING = 16 << 20
"""Bytes that wait while nothing can be written. Further log lines and output are left out, and counted."""
_MOST_KEPT = 256 << 20
"""The same for assets, checks and messages: the driver shall not run out of memory."""
_SECONDS_AT_THE_END = 10.0
_SECONDS_OF_A_CELL = 5.0
_MOST_CAUSES = 10
_SAME_MOMENT = 0.05
_EMIT = logging.StreamHandler.emit.__code__
_FRAMES_OF_WRAPPERS = 3

__all__ = ["TaskPipes", "pipes"]


class _Sender:
    """Writes messages into a folder, once in a pause, in a thread of its own.

    A chunk is written at once and never changed. Its name tells this process from all others.
    """

    def __init__(self, folder: str, lock: threading.RLock, pause: float = _PAUSE) -> None:
        self._folder = folder
        self._pause = pause
        self._writer = uuid.uuid4().hex[:8]
        self._number = 1
        self._changed = threading.Condition(lock)
        self._waiting: deque[str] = deque()
        self._bytes = self._put = self._sent = 0
        self._left_out: Counter[str] = Counter()
        self._is_urgent = self._fails = False
        self._complaints: set[str] = set()
        threading.Thread(target=self._run, name="databricks-pipes", daemon=True).start()

    def put(self, line: str, method: str) -> None:
        kind, most = _room(method)
        with self._changed:
            if self._bytes > most:
                self._left_out[kind] += 1
                return
            if method == "closed":
                # After it, this would count as code that goes on.
                self._tell_what_is_left_out()
            self._append(line)

    def flush(self, seconds: float, *, tries_again: bool = False) -> bool:
        """Wait until all was written that was put before, or, unless it shall try again, a try has failed."""
        with self._changed:
            wanted = self._put
            self._is_urgent = True
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._sent >= wanted or (self._fails and not tries_again), timeout=seconds
            )
            return self._sent >= wanted

    def _run(self) -> None:
        last = time.monotonic() - self._pause
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                rest = last + (_PAUSE if self._fails else self._pause) - time.monotonic()
                self._changed.wait_for(self._need_not_wait, timeout=max(0.0, rest))
                self._is_urgent = False
                lines = self._chunk()
            error = self._write(lines)
            last = time.monotonic()
            with self._changed:
                self._fails = error is not None
                if error is None:
                    self._forget(len(lines))
                self._changed.notify_all()
            if error is not None:
                self._complain(error)

    def _need_not_wait(self) -> bool:
        # What is more than a chunk does not become less by waiting.
        return self._is_urgent or (self._bytes > _LARGEST_CHUNK and not self._fails)

    def _chunk(self) -> list[str]:
        lines: list[str] = []
        size = 0
        for line in self._waiting:
            size += len(line) + 1
            if lines and size > _LARGEST_CHUNK:
                break
            lines.append(line)
        return lines

    def _forget(self, count: int) -> None:
        for _ in range(count):
            self._bytes -= len(self._waiting.popleft()) + 1
        self._sent += count
        self._number += 1
        if self._bytes < _MOST_WAITING:
            self._tell_what_is_left_out()

    def _tell_what_is_left_out(self) -> None:
        left_out, self._left_out = self._left_out, Counter()
        for kind, number in left_out.items():
            text = f"{number} {kind} are left out: they came faster than they could be written"
            self._append(_line("log", {"message": text, "level": "WARNING"}))

    def _append(self, line: str) -> None:
        self._waiting.append(line)
        self._put += 1
        self._bytes += len(line) + 1
        self._changed.notify_all()

    def _write(self, lines: list[str]) -> OSError | None:
        path = Path(self._folder, f"{self._writer}-{self._number}.json")
        try:
            with path.open("w", encoding="ascii", newline="\n") as file:
                file.write("\n".join(lines))
        except OSError as error:
            # Half a chunk would be read as one that is damaged.
            with contextlib.suppress(OSError):
                path.unlink()
            return error
        return None

    def _complain(self, error: OSError) -> None:
        """Say, each once, that nothing can be written, and what is lost by it."""
        for kind in ("", *tuple(self._left_out)):
            if kind not in self._complaints:
                self._complaints.add(kind)
                lost = f"{kind} for the flow are left out, since too many wait"
                _say(
                    lost if kind else f"messages for the flow cannot be written, and are tried again: {error}"
                )


def _room(method: str) -> tuple[str, float]:
    """What a message is called if it is left out, and how many bytes may wait before it is."""
    if method in ("log", "log_external_stream"):
        return "lines", _MOST_WAITING
    # What begins and ends is small, and decides how all is understood.
    most = float("inf") if method in ("opened", "closed") else _MOST_KEPT
    return "assets, checks and messages", most


class _Output:
    """What was written to a stream, as one message."""

    def __init__(self, stream: str, when: float) -> None:
        self.stream = stream
        self.when = when
        self.pieces: list[str] = []
        self.size = 0

    def add(self, text: str) -> None:
        # Joined when it is sent: to add to a text is to copy it.
        self.pieces.append(text)
        self.size += len(text)

    def goes_on(self, stream: str, now: float) -> bool:
        """Whether more belongs to this message: the rest of its line, or a line of the same moment."""
        if stream != self.stream or self.size >= _LARGEST_CHUNK:
            return False
        return not self.pieces[-1].endswith("\n") or now - self.when < _SAME_MOMENT


class TaskPipes:
    """What code uses to talk to its flow; `pipes` is the one of this process.

    Attributes:
        log: A logger, whose lines are those of the task in the flow.

    Examples:
        >>> from databricks_pipes import pipes
        >>> with pipes:
        ...     pipes.asset("main/sales/daily", rows=3, share=0.5)
        ...     pipes.check("no_nulls", passed=True, asset="main/sales/daily")
    """

    def __init__(self, parameters: Mapping[str, str] | None) -> None:
        """Begin to speak, if a flow listens.

        Args:
            parameters: What the flow has given, by name; empty: no flow listens. `None`: another process
                speaks for this one.
        """
        self.parameters = dict(parameters or {})
        self._sender: _Sender | None = None
        self._context: dict[str, Any] = {}
        self._problem = ""
        self._is_closed = True
        self._last_asset = ""
        self._output: _Output | None = None
        # One for all, and reentrant: the garbage collector may run code that logs at any time.
        self._lock = threading.RLock()
        self._undo: list[Callable[[], Any]] = []
        self.log: logging.Logger = _Log(self)
        if parameters is None:
            return
        if not parameters:
            _say("no flow listens, so nothing is sent")
            return
        try:
            messages = _decoded(parameters[_MESSAGES])
            folder = _place(messages["path"])
        except (KeyError, TypeError, ValueError) as error:
            _say(f"the flow cannot be told anything, since its parameters cannot be read: {error!r}")
            return
        self._read_context()
        self._sender = _Sender(folder, self._lock, _pause_of(messages.get("interval")))
        self._open()
        self._capture(output=bool(messages.get("include_stdio_in_messages")))

    def __enter__(self) -> TaskPipes:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self.close(error)

    def __reduce__(self) -> str:
        # Functions that use it can go to executors, where it says nothing.
        return "pipes"

    @property
    def listening(self) -> bool:
        """Whether a flow listens: what only it wants to know need not be computed otherwise."""
        return self._sender is not None

    @property
    def extras(self) -> dict[str, Any]:
        """The values that the flow gives; none where no flow listens.

        Raises:
            RuntimeError: The flow gives some, but they cannot be read.
        """
        return dict(self._from_context("extras") or {})

    @property
    def partition_key(self) -> str:
        """The partition to work on; empty: none."""
        return str(self._from_context("partition_key") or "")

    @property
    def run_id(self) -> str:
        """Id of the flow run; empty where no flow listens."""
        return str(self._from_context("run_id") or "")

    @property
    def flow_name(self) -> str:
        """Name of the flow; empty where no flow listens."""
        return str(self._from_context("job_name") or "")

    @property
    def retry_number(self) -> int:
        """How often the flow run was retried."""
        return int(self._from_context("retry_number") or 0)

    def asset(
        self,
        key: str = "",
        *,
        upstream: str | Iterable[str] | None = (),
        metadata: Mapping[str, Any] | None = None,
        data_version: str | None = None,
        **values: Any,
    ) -> None:
        """Tell that an asset was made.

        Args:
            key: Its key: parts between slashes, or a URI. Empty: the only asset that the flow names.
            upstream: Key of the asset that it was made from, or several.
            metadata: Values that say more, by name; also `{"raw_value": …, "type": …}` of the protocol.
            data_version: Tells this content of the asset from others.
            values: More metadata, such as `rows=3`.
        """
        with self._tells_what_is_wrong("asset", key):
            keys = self._asset_keys()
            key = str(key) or (keys[0] if len(keys) == 1 else "")
            if not key or (keys and key not in keys):
                wanted = keys or "assets with a key"
                self.log.warning("asset %r is left out: the flow takes %s", key, wanted)
                return
            self._last_asset = key
            said = self._metadata(metadata, values)
            for number, other in enumerate(self._keys_of(upstream), start=1):
                said[f"upstream {number}"] = {"raw_value": other, "type": "asset"}
            version = None if data_version is None else str(data_version)
            params = {"asset_key": key, "data_version": version, "metadata": said}
            self._tell("report_asset_materialization", params)

    def check(
        self,
        name: str,
        passed: bool,
        *,
        asset: str = "",
        severity: str = "ERROR",
        metadata: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> None:
        """Tell what a check of an asset has found.

        Args:
            name: Its name.
            passed: Whether all is well.
            asset: Key of the asset. Empty: the only one that the flow names, or the one that was told last;
                if there is neither, the name of the check.
            severity: What it is if it has failed: `ERROR` or `WARN`.
            metadata: Values that say more, by name.
            values: More metadata, such as `nulls=3`.
        """
        with self._tells_what_is_wrong("check", name):
            keys = self._asset_keys()
            asset = str(asset or (keys[0] if len(keys) == 1 else "") or self._last_asset or name)
            params = {
                "asset_key": asset,
                "check_name": str(name),
                "passed": bool(passed),
                "severity": severity,
                "metadata": self._metadata(metadata, values),
            }
            self._tell("report_asset_check", params)

    def message(self, payload: Any) -> None:
        """Send any JSON to the flow, which gives it to its caller."""
        self._tell("report_custom_message", {"payload": payload})

    def flush(self, seconds: float = _SECONDS_OF_A_CELL) -> bool:
        """Send what waits, now.

        Args:
            seconds: How long this may take.

        Returns:
            Whether all is sent.
        """
        self._put_output()
        return self._sender is None or self._sender.flush(seconds)

    def close(self, error: BaseException | None = None) -> None:
        """Send what waits, and say that this was all. This happens by itself at the end of the program.

        Args:
            error: What has ended the code.
        """
        if self._sender is None:
            return
        self._pause(error)
        self._sender.flush(_SECONDS_AT_THE_END, tries_again=True)

    def stop(self) -> None:
        """Close, and capture nothing any more."""
        self.close()
        self._sender = None
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()

    @contextlib.contextmanager
    def _tells_what_is_wrong(self, kind: str, name: Any) -> Iterator[None]:
        """Leave out what cannot be told: the task does not fail of it."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the border: what objects of users raise is not known
            self.log.warning("%s %s is left out: %s", kind, _shown(name), _shown(error))

    def _metadata(self, given: Mapping[str, Any] | None, values: Mapping[str, Any]) -> dict[str, Any]:
        if given is not None and not isinstance(given, Mapping):
            self.log.warning("metadata %s is left out: it has no names", _shown(given))
            given = None
        return {str(name): _typed(value) for name, value in {**(given or {}), **values}.items()}

    def _keys_of(self, upstream: str | Iterable[str] | None) -> list[str]:
        if isinstance(upstream, str):
            return [upstream]
        if upstream is not None and not isinstance(upstream, Iterable):
            self.log.warning("upstream %s is left out: it is no key, and no list of keys", _shown(upstream))
            return []
        return [str(key) for key in upstream or ()]

    def _from_context(self, name: str) -> Any:
        if self._problem:
            raise RuntimeError(f"What the flow gives to this code cannot be read: {self._problem}")
        return self._context.get(name)

    def _read_context(self) -> None:
        try:
            context = _decoded(self.parameters[_CONTEXT])
            if "path" in context:
                self._context = json.loads(Path(_place(context["path"])).read_text(encoding="utf-8"))
            else:
                self._context = context["data"]
        except (OSError, KeyError, TypeError, ValueError) as error:
            # Code that asks for an extra shall not go on with a default of its own: see `_from_context`.
            self._problem = f"{type(error).__name__}: {error}"

    def _asset_keys(self) -> list[str]:
        return [str(key) for key in self._context.get("asset_keys") or ()]

    def _open(self) -> None:
        self._is_closed = False
        self._put("opened", {"extras": {}})

    def _pause(self, error: BaseException | None = None) -> None:
        """Say that this was all; what comes later is taken as if it had not been said."""
        self._put_output()
        if self._is_closed and error is None:
            return
        self._is_closed = True
        self._put("closed", {} if error is None else {"exception": _exception(error)})

    def _tell(self, method: str, params: Mapping[str, Any], **fields: Any) -> None:
        if self._sender is not None:
            self._put_output()
            self._is_closed = False
            self._put(method, params, **fields)

    def _put(self, method: str, params: Mapping[str, Any], **fields: Any) -> None:
        sender = self._sender
        if sender is None:
            return
        try:
            line = _line(method, params, **fields)
        except Exception as error:  # noqa: BLE001 - the border: what objects of users raise is not known
            text = f"a message ({method}) is left out, since it is no JSON: {type(error).__name__}"
            line = _line("log", {"message": text, "level": "WARNING"})
        sender.put(line, method)

    def _log(self, record: logging.LogRecord, **fields: Any) -> None:
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - the border: as `logging`, which goes on after a wrong format, too
            text = f"{_shown(record.msg)} {type(record.args).__name__}"
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        if record.stack_info:
            text += "\n" + record.stack_info
        params = {"message": text, "level": record.levelname}
        self._tell("log", params, timestamp=record.created, **fields)

    def _log_of_others(self, record: logging.LogRecord) -> None:
        # On Databricks it logs each call of the JVM, with its secrets.
        if record.name.partition(".")[0] != "py4j" or record.levelno >= logging.WARNING:
            self._log(record, logger=record.name)

    def _write_output(self, stream: str, text: str) -> None:
        """Take what was written to a stream: pieces of a line, and lines of a moment, are one message."""
        if self._sender is None or not text:
            return
        now = time.time()
        with self._lock:
            if self._output is None or not self._output.goes_on(stream, now):
                self._put_output()
                self._output = _Output(stream, now)
            self._output.add(text)

    def _put_output(self) -> None:
        if self._sender is None:
            return
        with self._lock:
            last, self._output = self._output, None
            if last is not None:
                params = {"stream": last.stream, "text": "".join(last.pieces), "extras": {}}
                self._put("log_external_stream", params, timestamp=last.when)

    def _capture(self, *, output: bool) -> None:
        _capture_logging(self, self._log_of_others, self._undo)
        watch = None
        if output:
            watch = _capture_output(self._write_output, self._undo)
            threading.Thread(target=self._hand_over_output, daemon=True).start()
        _capture_cells(watch, self._end_cell, self._undo)
        _capture_exception(self.close, self._undo)
        atexit.register(self.close)
        self._undo.append(lambda: atexit.unregister(self.close))
        if hasattr(os, "register_at_fork"):
            # If another thread held the lock at that moment, the child would wait for it for ever.
            os.register_at_fork(
                before=self._lock.acquire,
                after_in_parent=self._lock.release,
                after_in_child=self._fall_silent,
            )

    def _hand_over_output(self) -> None:
        while self._sender is not None:
            time.sleep(_PAUSE)
            self._put_output()

    def _end_cell(self, error: BaseException | None) -> None:
        """A cell of a notebook has ended, and nobody says whether it was the last one."""
        if self._sender is not None:
            self._pause(error)
            self._sender.flush(_SECONDS_OF_A_CELL)

    def _fall_silent(self) -> None:
        # In a forked process. What waits is sent by the one that it was forked from.
        self._sender = None
        self._lock.release()


class _Log(logging.Logger):
    """The logger of `pipes`. It has no parents, so that its lines come once, and a level of its own."""

    def __init__(self, owner: TaskPipes) -> None:
        super().__init__("pipes", logging.DEBUG)
        self._owner = owner

    def callHandlers(self, record: logging.LogRecord) -> None:  # noqa: N802
        self._owner._log(record)
        for handler in self.handlers:
            if record.levelno >= handler.level:
                handler.handle(record)


def _line(method: str, params: Mapping[str, Any], **fields: Any) -> str:
    message = {"__dagster_pipes_version": "0.1", "method": method, "params": params}
    return json.dumps({**message, "timestamp": time.time(), **fields}, default=_plain)


def _plain(value: Any) -> Any:
    """What stands for a value that JSON has not."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return list(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _pause_of(interval: Any) -> float:
    """Seconds between two chunks, as the flow wishes: many tasks at once send less often."""
    is_number = isinstance(interval, (int, float)) and not isinstance(interval, bool)
    return float(interval) if is_number and 0 < interval <= _LONGEST_PAUSE else _PAUSE


def _shown(value: Any) -> str:
    """A value for a line of the log, whatever it is."""
    try:
        if isinstance(value, Exception):
            return f"{type(value).__name__}: {value}"
        return value if isinstance(value, str) else repr(value)
    except Exception:  # noqa: BLE001 - the border: what objects of users raise is not known
        return type(value).__name__


def _typed(value: Any) -> dict[str, Any]:
    # A value of the user's may have the same two names.
    if isinstance(value, dict) and set(value) == {"raw_value", "type"} and isinstance(value["type"], str):
        return dict(value)
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        return {"raw_value": value, "type": "json"}
    if isinstance(value, datetime) and value.tzinfo is not None:
        return {"raw_value": value.timestamp(), "type": "timestamp"}
    if isinstance(value, PurePath):
        return {"raw_value": str(value), "type": "path"}
    return {"raw_value": value, "type": "__infer__"}


def _exception(error: BaseException, causes: int = _MOST_CAUSES) -> dict[str, Any]:
    trace = traceback.TracebackException(type(error), error, error.__traceback__)
    cause = error.__cause__ if causes else None
    context = error.__context__ if causes and not error.__suppress_context__ else None
    return {
        "message": "".join(trace.format_exception_only()),
        "stack": trace.stack.format(),
        "name": type(error).__name__,
        "cause": cause and _exception(cause, causes - 1),
        "context": context and _exception(context, causes - 1),
    }


def _say(text: str) -> None:
    # A program without a console has no stderr.
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"databricks_pipes: {text}\n")


def _decoded(parameter: str) -> dict[str, Any]:
    try:
        value = json.loads(zlib.decompress(base64.b64decode(parameter)))
    except zlib.error as error:
        raise ValueError(str(error)) from error
    return dict(value)


def _place(path: str) -> str:
    """The path of a file or folder for `open`: DBFS is below /dbfs."""
    return path if path.startswith("/Volumes/") or Path(path).exists() else f"/dbfs{path}"


def _find_parameters() -> dict[str, str] | None:
    """What the flow has given: by widgets or job parameters, by arguments, or by the environment.

    Returns:
        `None` in processes of a program that speaks by itself.
    """
    if _is_executor():
        return None
    taken = _take_arguments(getattr(sys, "argv", []))
    for found in (_from_widgets(_widgets()), taken, _from_environment(os.environ)):
        if found:
            # Programs that this one starts inherit the environment, and would speak as other attempts.
            os.environ[_SPEAKS] = str(os.getpid())
            return found
    return None if _is_started_by_another(os.environ) else {}


def _widgets() -> Any:
    """The widgets of the notebook, whichever module asks."""
    dbutils = getattr(sys.modules.get("__main__"), "dbutils", None)
    if dbutils is None:
        dbutils = getattr(_shell(), "user_ns", {}).get("dbutils")
    return getattr(dbutils, "widgets", None)


def _shell() -> Any:
    """IPython, which runs the cells of a notebook; `None`: this is no notebook."""
    for module in ("__main__", "IPython"):
        get_shell = getattr(sys.modules.get(module), "get_ipython", None)
        if callable(get_shell):
            return get_shell()
    return None


def _from_widgets(widgets: Any) -> dict[str, str]:
    found = {}
    for name in (_CONTEXT, _MESSAGES):
        # What a widget raises that is not there has a class of its own in each runtime.
        with contextlib.suppress(Exception):
            if widgets is not None and widgets.get(name):
                found[name] = str(widgets.get(name))
    return found


def _take_arguments(arguments: MutableSequence[str]) -> dict[str, str]:
    """Find the parameters in a command line, and take them out: a strict parser would refuse them.

    They stand as `--dagster-pipes-context VALUE`, or, as job parameters, as `--DAGSTER_PIPES_CONTEXT=VALUE`.
    """
    found = {}
    position = 0
    while position < len(arguments):
        option, equals, value = arguments[position].partition("=")
        name = option[2:].upper().replace("-", "_") if option.startswith("--") else ""
        if name not in (_CONTEXT, _MESSAGES):
            position += 1
            continue
        count = 1 if equals else 2
        found[name] = value if equals else "".join(arguments[position + 1 : position + 2])
        del arguments[position : position + count]
    return found


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    if _is_started_by_another(environment):
        return {}
    return {name: environment[name] for name in (_CONTEXT, _MESSAGES) if environment.get(name)}


def _is_started_by_another(environment: Mapping[str, str]) -> bool:
    """Whether a process that speaks has started this one."""
    return environment.get(_SPEAKS, str(os.getpid())) != str(os.getpid())


def _is_executor() -> bool:
    """Whether this process works for an executor of Spark, where a function has imported this file."""
    context = getattr(sys.modules.get("pyspark.taskcontext"), "TaskContext", None)
    return context is not None and context.get() is not None


def _capture_logging(owner: TaskPipes, take: Callable[[logging.LogRecord], None], undo: list[Any]) -> None:
    """See all records, without a handler: `logging.basicConfig` does nothing where one is there."""
    original = logging.Logger.callHandlers

    @functools.wraps(original)
    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        take(record)
        original(self, record)

    call_handlers.owner = owner  # type: ignore[attr-defined]
    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]
    undo.append(lambda: setattr(logging.Logger, "callHandlers", original))


def _capture_output(take: Callable[[str, str], None], undo: list[Any]) -> Callable[[], None]:
    """See what is written to stdout and stderr.

    Args:
        take: Gets the name of the stream and the text.
        undo: Gets what ends this.

    Returns:
        Looks whether the streams are others by now: a notebook may have new ones in each cell, and IPython
        puts back the `write` that was there before the cell.
    """
    original = builtins.print
    streams = {name: _Tee(name, take) for name in ("stdout", "stderr")}

    def watch() -> None:
        for name, tee in streams.items():
            tee.watch(getattr(sys, name))

    # `wraps`, so that a function that is given `print` can still be pickled.
    @functools.wraps(original)
    def print_and_watch(*values: Any, **options: Any) -> None:
        watch()
        original(*values, **options)

    watch()
    builtins.print = print_and_watch
    undo.append(lambda: setattr(builtins, "print", original))
    return watch


class _Tee:
    """Sees what is written to a stream, which stays where it is: others hold it, or put back another one."""

    def __init__(self, name: str, take: Callable[[str, str], None]) -> None:
        self._name = name
        self._take = take
        self._inside = threading.local()

    def watch(self, stream: Any) -> None:
        if _is_console(stream) and getattr(stream.write, "tee", None) is not self:
            write_and_take = functools.partial(self._write, stream.write)
            write_and_take.tee = self  # type: ignore[attr-defined]
            with contextlib.suppress(AttributeError):
                stream.write = write_and_take

    def _write(self, write: Callable[[str], Any], text: str) -> Any:
        # Whoever wraps this, and is wrapped by it in turn, writes one text once.
        if getattr(self._inside, "is_writing", False):
            return write(text)
        self._inside.is_writing = True
        try:
            return write(text)
        finally:
            self._inside.is_writing = False
            # What a handler of `logging` writes has come as a record, with its logger and level.
            if not _is_called_by(_EMIT):
                self._take(self._name, text)


def _is_called_by(code: Any) -> bool:
    frame: Any = sys._getframe(2)
    for _ in range(_FRAMES_OF_WRAPPERS):
        if frame is None or frame.f_code is code:
            return frame is not None
        frame = frame.f_back
    return False


def _is_console(stream: Any) -> bool:
    """Whether a stream is what people see, and not a file or text that output was redirected to."""
    if isinstance(stream, io.TextIOWrapper):
        return str(getattr(stream, "name", "")).startswith("<")
    return stream is not None and not isinstance(stream, io.StringIO)


def _capture_cells(
    begin: Callable[[], None] | None, end: Callable[[BaseException | None], None], undo: list[Any]
) -> None:
    """See where cells begin and end: the process of a notebook may be killed after its last one."""
    shell = _shell()
    if shell is None:
        return

    def before_cell(_: Any) -> None:
        if begin is not None:
            begin()

    def after_cell(result: Any) -> None:
        error = result.error_before_exec or result.error_in_exec
        # `dbutils.notebook.exit` ends a notebook by an exception, which is no error.
        is_exit = type(error).__name__ == "NotebookExit"
        if is_exit or not isinstance(error, (Exception, KeyboardInterrupt)):
            error = None
        end(error)

    for event, tell in (("pre_run_cell", before_cell), ("post_run_cell", after_cell)):
        shell.events.register(event, tell)
        undo.append(functools.partial(shell.events.unregister, event, tell))


def _capture_exception(close: Callable[[BaseException], None], undo: list[Any]) -> None:
    original = sys.excepthook

    def hook(kind: Any, error: BaseException, trace: Any) -> None:
        close(error)
        original(kind, error, trace)

    sys.excepthook = hook
    undo.append(lambda: setattr(sys, "excepthook", original))


def _begin() -> TaskPipes:
    """Make the pipes of this process; if the file is imported anew, the earlier ones end."""
    earlier = getattr(logging.Logger.callHandlers, "owner", None)
    if earlier is None:
        return TaskPipes(_find_parameters())
    earlier.stop()
    return TaskPipes(earlier.parameters)


pipes = _begin()
