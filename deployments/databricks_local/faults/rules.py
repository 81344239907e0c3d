"""Decides which fault hits which request or task. Pure, except that rules count."""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import translate
from typing import Generic, TypeVar

UNLIMITED = -1
"""The `count` of a rule without a limit."""


class Effect(StrEnum):
    """What happens to a request."""

    ANSWER = "answer"
    RESET = "reset"
    HALF = "half"
    DELAY = "delay"


class When(StrEnum):
    """Whether the fault comes before or after the handler. `after` loses the answer of work that was done."""

    BEFORE = "before"
    AFTER = "after"


class TaskEffect(StrEnum):
    """What happens to a task."""

    FAIL = "fail"
    DRIVER_LOST = "driver_lost"
    CLUSTER_FAILURE = "cluster_failure"
    SPOT_LOSS = "spot_loss"
    HANG = "hang"


@dataclass(frozen=True)
class Schedule:
    """Which of the requests or tasks that match are hit.

    Attributes:
        count: How many; `UNLIMITED` is all.
        offset: How many are let through before.
        probability: How likely each is hit, from 0 to 1.
        seed: What the random choice begins with; the same seed makes the same choices.
    """

    count: int = 1
    offset: int = 0
    probability: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class HttpFault:
    """A fault of requests.

    Attributes:
        path: What the path has to match, as a regular expression for the whole of it.
        method: What the method has to be; empty is any.
        effect: What happens.
        when: Before or after the handler ran.
        status: The status of the fault's own answer; 0 is none.
        body: Its body.
        content_type: The type of the body.
        retry_after: The header; empty is none.
        delay_seconds: How long to wait before.
    """

    path: str
    method: str = ""
    effect: Effect = Effect.ANSWER
    when: When = When.BEFORE
    status: int = 0
    body: bytes = b""
    content_type: str = "application/json"
    retry_after: str = ""
    delay_seconds: float = 0.0

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is one of those that are meant."""
        return self.method in ("", method) and re.fullmatch(self.path, path) is not None


@dataclass(frozen=True)
class TaskFault:
    """A fault of tasks; each attempt counts.

    Attributes:
        task_key: A glob pattern for the task's key.
        run_name: A glob pattern for the run's name.
        effect: What happens.
        error: The text of the failure.
        after_seconds: How long the task runs before its driver is lost.
    """

    task_key: str = "*"
    run_name: str = "*"
    effect: TaskEffect = TaskEffect.FAIL
    error: str = ""
    after_seconds: float = 0.0

    def matches(self, run_name: str, task_key: str) -> bool:
        """Whether a task is one of those that are meant."""
        return glob_matches(self.run_name, run_name) and glob_matches(self.task_key, task_key)


def glob_matches(pattern: str, text: str) -> bool:
    """Match a glob pattern, the same on every platform; `*` matches slashes, too."""
    return re.fullmatch(glob_expression(pattern), text) is not None


def glob_expression(pattern: str) -> str:
    """The regular expression of a glob pattern."""
    return translate(pattern)


Fault = TypeVar("Fault", HttpFault, TaskFault)


@dataclass
class Rule(Generic[Fault]):
    """A fault, when it happens, and how often it did.

    Attributes:
        fault_id: Its id.
        fault: What happens.
        schedule: Which of those that match are hit.
        seen: How many matched.
        applied: How many were hit.
    """

    fault_id: int
    fault: Fault
    schedule: Schedule = Schedule()
    seen: int = 0
    applied: int = 0
    _dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # For repeatable tests, not for secrecy.
        self._dice = random.Random(self.schedule.seed)  # noqa: S311

    def take(self) -> bool:
        """Count one that matches, and say whether it is hit."""
        self.seen += 1
        if self.seen <= self.schedule.offset:
            return False
        # Always rolled, so that the choices depend only on the seed and the order.
        lucky = self._dice.random() < self.schedule.probability
        hit = lucky and (self.schedule.count == UNLIMITED or self.applied < self.schedule.count)
        self.applied += hit
        return hit


def first_http(rules: Iterable[Rule[HttpFault]], method: str, path: str) -> HttpFault | None:
    """The fault of a request: that of the first rule that hits it. The rules after that one do not see it."""
    hits = (rule.fault for rule in rules if rule.fault.matches(method, path) and rule.take())
    return next(hits, None)


def first_task(rules: Iterable[Rule[TaskFault]], run_name: str, task_key: str) -> TaskFault | None:
    """The fault of an attempt at a task, likewise."""
    hits = (rule.fault for rule in rules if rule.fault.matches(run_name, task_key) and rule.take())
    return next(hits, None)
