"""Which request or task has a fault."""

import math
from typing import Any

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.faults.book import FaultBook
from databricks_local.faults.rules import (
    Effect,
    HttpFault,
    Rule,
    Schedule,
    TaskFault,
    first_http,
    glob_expression,
)

GET_RUN = "/api/2.2/jobs/runs/get"


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule(), "x....."),
        (Schedule(count=2), "xx...."),
        (Schedule(count=2, offset=1), ".xx..."),
        (Schedule(count=-1), "xxxxxx"),
        (Schedule(count=-1, offset=4), "....xx"),
        (Schedule(count=1, offset=9), "......"),
        (Schedule(count=-1, probability=0.0), "......"),
        (Schedule(count=-1, probability=1.0, seed=7), "xxxxxx"),
    ],
)
def test_count_and_offset(schedule: Schedule, expected: str) -> None:
    rule = Rule(1, TaskFault(), schedule)
    assert "".join(".x"[rule.take()] for _ in range(6)) == expected
    assert (rule.seen, rule.applied) == (6, expected.count("x"))


def test_chance_is_the_same_with_the_same_seed() -> None:
    def hits(seed: int, **fields: int) -> list[bool]:
        rule = Rule(1, TaskFault(), Schedule(probability=0.3, seed=seed, **fields))
        return [rule.take() for _ in range(300)]

    assert hits(1, count=-1) == hits(1, count=-1)
    assert hits(1, count=-1) != hits(2, count=-1)
    assert 60 <= sum(hits(1, count=-1)) <= 120
    first_five = hits(1, count=5)
    assert sum(first_five) == 5
    assert first_five[: first_five.index(True) + 1] == hits(1, count=-1)[: first_five.index(True) + 1]


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        (glob_expression("/api/*/jobs/runs/get"), GET_RUN, True),
        (glob_expression("/api/*"), GET_RUN, True),
        (glob_expression("/api/*/jobs/runs/ge"), GET_RUN, False),
        (glob_expression("/api/2.?/jobs/runs/get"), GET_RUN, True),
        (glob_expression("/api/2.[01]/jobs/runs/get"), GET_RUN, False),
        (r"/api/2\.\d/jobs/runs/(get|list)", GET_RUN, True),
        (r"/api/2\.\d/jobs/runs", GET_RUN, False),
    ],
)
def test_paths(pattern: str, path: str, matches: bool) -> None:
    assert HttpFault(pattern).matches("GET", path) is matches
    assert HttpFault(pattern, method="GET").matches("GET", path) is matches
    assert not HttpFault(pattern, method="POST").matches("GET", path)


def test_the_first_rule_that_hits_is_taken_and_those_after_it_do_not_see_the_request() -> None:
    once, always = (
        Rule(1, HttpFault("/a", status=500)),
        Rule(2, HttpFault("/a", status=503), Schedule(count=-1)),
    )
    found = [first_http([once, always], "GET", path) for path in ("/a", "/b", "/a")]
    assert [fault.status if fault else 0 for fault in found] == [500, 0, 503]
    assert (once.seen, always.seen) == (2, 1)


@pytest.mark.parametrize(
    ("task", "run_name", "key", "matches"),
    [
        (TaskFault(), "any", "any", True),
        (TaskFault(task_key="load_*"), "nightly", "load_a", True),
        (TaskFault(task_key="load_*"), "nightly", "reload_a", False),
        (TaskFault(run_name="night*"), "nightly", "x", True),
        (TaskFault(task_key="x", run_name="day*"), "nightly", "x", False),
    ],
)
def test_tasks(task: TaskFault, run_name: str, key: str, matches: bool) -> None:
    assert task.matches(run_name, key) is matches


@pytest.mark.parametrize(
    ("body", "content", "content_type"),
    [
        ({"status": 503}, b"", "application/json"),
        ({"body": {"error_code": "X"}}, b'{"error_code": "X"}', "application/json"),
        ({"body": "<html>"}, b"<html>", "text/html; charset=utf-8"),
        ({"body": "gone"}, b"gone", "text/plain; charset=utf-8"),
        ({"body": "{", "content_type": "application/json"}, b"{", "application/json"),
    ],
)
def test_bodies(body: dict[str, Any], content: bytes, content_type: str) -> None:
    book = FaultBook()
    book.add({"path": "*", **body})
    fault = book.of_request("GET", "/")
    assert fault is not None
    assert (fault.body, fault.content_type) == (content, content_type)
    assert (fault.status, fault.effect) == (body.get("status", 200), Effect.ANSWER)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "A fault needs a path, a path_regex, a task_key or a run_name."),
        ({"path": "*"}, "A fault needs a status, an effect or delay_seconds."),
        ({"path": "*", "effect": "answer"}, "A fault needs a status, an effect or delay_seconds."),
        ({"path": "*", "effect": "explode"}, "effect must be one of: answer, reset, half, delay"),
        ({"path": "*", "status": 99}, "status must be between 200 and 599, but is 99."),
        ({"path": "*", "status": 204, "body": "x"}, "An answer with status 204 has no body."),
        ({"path": "*", "status": 503, "count": 0}, "count must be -1 or a number from 1, but is 0."),
        ({"path": "*", "status": 503, "offset": -1}, "offset must be 0 or a positive number, but is -1."),
        ({"path": "*", "status": 503, "probability": 2}, "probability must be between 0 and 1, but is 2."),
        ({"path": "*", "status": 503, "probability": 10**400}, "probability must be between 0 and 1"),
        ({"path": "*", "status": 503, "probability": math.nan}, "probability must be between 0 and 1"),
        ({"path": "*", "status": 503, "probability": "x"}, "probability must be a number."),
        ({"path": "*", "status": 503, "retry_after": "1\r\nx"}, "retry_after must be printable ASCII."),
        ({"path": "*", "stauts": 503}, "Unknown fields of a fault: stauts"),
        ({"task_key": "*", "status": 503}, "Unknown fields of a fault: status"),
        ({"task_key": "*", "effect": "reset"}, "effect must be one of: fail, driver_lost, cluster_failure, "),
        ({"path_regex": "(", "status": 500}, "path_regex is no regular expression: "),
    ],
)
def test_refusals(body: dict[str, Any], message: str) -> None:
    book = FaultBook()
    with pytest.raises(ApiError) as caught:
        book.add(body)
    assert caught.value.message.startswith(message)
    assert book.show() == []


def test_a_book_shows_counts_and_removes() -> None:
    book = FaultBook()
    first = book.add({"path": "/a", "status": 500, "count": 2})
    second = book.add({"task_key": "t", "error": "ValueError: no"})
    assert book.of_request("GET", "/a") is not None
    assert book.of_task("run", "t") is not None
    assert book.of_task("run", "t") is None
    assert book.show() == [
        {"path": "/a", "status": 500, "count": 2, "fault_id": first, "seen": 1, "applied": 1},
        {"task_key": "t", "error": "ValueError: no", "fault_id": second, "seen": 2, "applied": 1},
    ]
    book.remove(first)
    assert book.of_request("GET", "/a") is None
    with pytest.raises(ApiError, match=f"Fault {first} does not exist"):
        book.remove(first)
    book.clear()
    assert book.show() == []
