"""The line between the process of a task and the server. The task sends reports and calls, and gets answers.

It is a socket pair that only these two processes hold, so that no token is needed. Everything on it
is JSON: the server takes no pickles from a process that runs a user's code.
"""

import itertools
import json
import os
import threading
from concurrent.futures import Future
from multiprocessing.connection import Connection
from typing import Any

from databricks_local.runtime.dbutils.calls import WorkspaceCallError


class Channel:
    """The task's end. Threads of the notebook may use it at the same time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._owner = os.getpid()
        threading.Thread(target=self._read, name="workspace-answers", daemon=True).start()

    def send(self, message: dict[str, Any]) -> None:
        """Send a message as JSON."""
        content = json.dumps(message).encode()
        with self._sending:
            self._connection.send_bytes(content)

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Ask the server for something, and wait for the answer.

        Raises:
            WorkspaceCallError: If the server refuses.
            RuntimeError: In a child of the task's process: two processes cannot share the line.
        """
        if os.getpid() != self._owner:
            raise RuntimeError(f"{name} is available in the notebook's own process only, not in its children")
        number = next(self._numbers)
        answer = self._waiting[number] = Future[Any]()
        self.send({"call": name, "arguments": arguments, "number": number})
        return answer.result()

    def _read(self) -> None:
        """Hand the answers to those that wait for them; runs in a thread until the server is gone."""
        try:
            while True:
                message = json.loads(self._connection.recv_bytes())
                answer = self._waiting.pop(message["number"])
                if "refusal" in message:
                    answer.set_exception(WorkspaceCallError(message["refusal"]))
                else:
                    answer.set_result(message["answer"])
        except (EOFError, OSError):
            for number in list(self._waiting):
                self._waiting.pop(number).set_exception(WorkspaceCallError("The workspace is gone."))


def read_message(content: bytes) -> dict[str, Any]:
    r"""Read a message.

    Python keeps bytes that it cannot decode, as those in the name of a file, as lone surrogates. No answer,
    page or database can hold them; here they become text, such as `\udcff`.
    """
    message: dict[str, Any] = json.loads(content)
    return _encodable(message) if b"\\ud" in content else message


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return value
