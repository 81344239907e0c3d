"""When a request is sent a second time."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from databricks_local.runtime.sail import second_try
from databricks_local.runtime.sail.second_try import SecondTry
from pyspark.sql.connect import proto

REFUSAL = "Cannot coerce arithmetic expression Utf8 + Utf8 to valid types"


class Refusal(grpc.RpcError):  # type: ignore[misc]
    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words

    def details(self) -> str:
        return self.words


class Server:
    """A server that refuses to add texts, after it has sent some rows."""

    def __init__(self, words: str = REFUSAL, sizes: tuple[int, ...] = ()) -> None:
        self.words, self.sizes = words, sizes
        self.sent: list[Any] = []
        self.asked = 0

    def __call__(self, request: Any) -> Iterator[Any]:
        self.sent.append(type(request)())
        self.sent[-1].CopyFrom(request)
        return self.answers("EVAL_MODE_TRY" not in str(request))

    def answers(self, refuses: bool) -> Iterator[Any]:
        for size in self.sizes:
            yield proto.ExecutePlanResponse(arrow_batch={"data": b"x" * size, "row_count": 1})
        if refuses:
            raise Refusal(self.words)

    # What a second try asks for.

    def Config(self, _: Any, metadata: Any) -> Any:  # noqa: N802 - the protocol's own name
        self.asked += 1
        return proto.ConfigResponse(pairs=[{"key": "spark.sql.ansi.enabled", "value": "false"}])

    def AnalyzePlan(self, request: Any, metadata: Any) -> Any:  # noqa: N802
        self.asked += 1
        answer = proto.AnalyzePlanResponse()
        kind = "double" if "cast" in str(request.schema.plan) else "string"
        field = answer.schema.schema.struct.fields.add(name="(a + b)")
        getattr(field.data_type, kind).SetInParent()
        return answer


def tried(server: Server, monkeypatch: pytest.MonkeyPatch, *, write: bool = False) -> Iterator[Any]:
    class Builder:
        def metadata(self) -> list[Any]:
            return []

    attempt = SecondTry(Builder())
    monkeypatch.setattr(attempt, "_found", server)
    request = proto.ExecutePlanRequest()
    plan = request.plan
    project = (plan.command.write_operation.input if write else plan.root).project
    project.input.read.named_table.unparsed_identifier = "t"
    added = project.expressions.add().unresolved_function
    added.function_name = "/" if write else "+"
    for name in ("a", "b"):
        added.arguments.add().unresolved_attribute.unparsed_identifier = name
    return attempt.answers(server, request)


def test_rows_of_the_first_try_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(sizes=(5, 5))
    assert len(list(tried(server, monkeypatch))) == 2
    assert server.asked
    assert ["cast" in str(request) for request in server.sent] == [False, True]


def test_another_error_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(words="Table not found: t")
    with pytest.raises(Refusal, match="Table not found"):
        list(tried(server, monkeypatch))
    assert (len(server.sent), server.asked) == (1, 0)


def test_once_rows_were_passed_on_there_is_no_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_try, "MAX_HELD_BYTES", 100)
    server = Server(sizes=(101, 1))
    answers = tried(server, monkeypatch)
    next(answers)
    with pytest.raises(Refusal):
        list(answers)
    assert len(server.sent) == 1


def test_a_write_gets_its_casts_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    assert list(tried(server, monkeypatch, write=True)) == []
    assert ["cast" in str(request) for request in server.sent] == [True]


def test_a_write_is_not_begun_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(words="Cannot cast string 'x' to value of Float64 type")
    monkeypatch.setattr(second_try, "may_fail_late", lambda _: False)
    with pytest.raises(Refusal):
        list(tried(server, monkeypatch, write=True))
    assert len(server.sent) == 1


def test_what_a_command_answers_is_passed_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(words="the second answer has not come", sizes=(5,))
    monkeypatch.setattr(second_try, "may_fail_late", lambda _: False)
    assert next(tried(server, monkeypatch, write=True)).arrow_batch.row_count == 1
