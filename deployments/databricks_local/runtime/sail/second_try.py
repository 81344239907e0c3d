"""Sends a request to Sail again, with casts, when Sail refuses to calculate with texts as Apache Spark does.

Nothing changes and nothing costs before Sail has refused. Only what writes is looked at before: a write that
has begun cannot be begun again.
"""

import importlib
import re
from collections.abc import Callable, Iterator
from typing import Any

from databricks_local.runtime.sail.limits import ANSI_BY_DEFAULT, ANSI_MODE
from databricks_local.runtime.sail.mending import drop_rows, may_fail_late, mend

MAX_HELD_BYTES = 32 * 2**20
"""How much of an answer is held back: once rows were passed on, there is no second try."""

_WHILE_PLANNING = re.compile(
    r"Cannot coerce arithmetic expression|Cannot get result type for arithmetic operation"
    r"|Failed to coerce arguments|failed to match any signature|requires \w+, but received String"
)
_WHILE_RUNNING = re.compile(r"Cannot cast (?:string|value) '")

Send = Callable[[Any], Any]


class SecondTry:
    """Mends requests, with the help of the server that refused them."""

    def __init__(self, builder: Any) -> None:
        """Set up.

        Args:
            builder: Makes channels to the server. Ours must not have the interceptor that uses this.
        """
        self._builder = builder
        self._found: Any = None

    def answer(self, send: Send, request: Any) -> Any:
        """The answer to a request; to the mended one, if that is refused."""
        call = send(request)
        error = call.exception()
        mended = None if error is None else self._mended_after(error, request)
        return call if mended is None else send(mended)

    def answers(self, send: Send, request: Any) -> Iterator[Any]:
        """The answers to a request; to the mended one, if that is refused."""
        if request.plan.HasField("command") and may_fail_late(request):
            request = self._mended(request) or request
        return self._with_second_try(send, request, send(request))

    def _with_second_try(self, send: Send, request: Any, call: Any) -> Iterator[Any]:
        held, size = [], 0
        # What a command answers may be events that somebody waits for.
        limit = MAX_HELD_BYTES if request.plan.HasField("root") else 0
        try:
            for response in call:
                held.append(response)
                size += response.ByteSize()
                if size > limit:
                    break
        except self._grpc.RpcError as error:
            mended = self._mended_after(error, request)
            if mended is None:
                raise
            held, call = [], send(mended)
        yield from held
        held.clear()
        yield from call

    def _mended_after(self, error: Any, request: Any) -> Any:
        words = error.details() or ""
        begun = request.DESCRIPTOR.name == "ExecutePlanRequest" and request.plan.HasField("command")
        if not _WHILE_PLANNING.search(words) and (begun or not _WHILE_RUNNING.search(words)):
            return None
        return self._mended(request)

    def _mended(self, request: Any) -> Any:
        """A request with casts; None if it needs none."""
        ansi = self._ansi(request)
        mended = type(request)()
        mended.CopyFrom(request)
        return mended if mend(mended, lambda relation: self._columns(request, relation), ansi=ansi) else None

    def _ansi(self, request: Any) -> bool:
        asked = self._proto.ConfigRequest(session_id=request.session_id, user_context=request.user_context)
        asked.operation.get_with_default.pairs.add(key=ANSI_MODE, value=ANSI_BY_DEFAULT)
        answer = self._stub.Config(asked, metadata=self._builder.metadata())
        return any(pair.value.lower() == "true" for pair in answer.pairs)

    def _columns(self, request: Any, relation: Any) -> list[tuple[str, str]]:
        asked = self._proto.AnalyzePlanRequest(
            session_id=request.session_id, user_context=request.user_context
        )
        asked.schema.plan.root.CopyFrom(relation)
        drop_rows(asked)
        try:
            answer = self._stub.AnalyzePlan(asked, metadata=self._builder.metadata())
        except self._grpc.RpcError:
            return []
        fields = answer.schema.schema.struct.fields
        return [(field.name, str(field.data_type.WhichOneof("kind"))) for field in fields]

    @property
    def _stub(self) -> Any:
        """The server, on a channel of its own, which is made when it is first needed."""
        if self._found is None:
            self._found = self._proto.SparkConnectServiceStub(self._builder.toChannel())
        return self._found

    @property
    def _proto(self) -> Any:
        return importlib.import_module("pyspark.sql.connect.proto")

    @property
    def _grpc(self) -> Any:
        # By name, since it has no types.
        return importlib.import_module("grpc")
