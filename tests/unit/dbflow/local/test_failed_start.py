"""A start that fails stops what it started, also where the stack was to stay up."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from dbflow import run
from dbflow.cli import app
from dbflow.local import stack as module
from dbflow.local.errors import StackError
from dbflow.local.service import Service, ServiceCommand
from dbflow.local.stack import NAMES, LocalStack
from dbflow.local.state import ServiceRecord
from typer.testing import CliRunner


class Sleeper(Service):
    """A process that does nothing, and is healthy at once."""

    broken = ""

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        super().__init__(root)

    def command(self, chosen: Mapping[str, int]) -> ServiceCommand:
        return ServiceCommand([sys.executable, "-IS", "-c", "import time; time.sleep(600)"], {}, self.root)

    def url(self, chosen: Mapping[str, int]) -> str:
        return f"http://127.0.0.1:{chosen['main']}"

    def healthy(self, chosen: Mapping[str, int]) -> bool:
        return True

    def complete(self, chosen: Mapping[str, int], record: ServiceRecord) -> None:
        if self.name == self.broken:
            raise StackError(f"{self.name} cannot be made")


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStack:
    def services(root: Path, *_: Any) -> list[Service]:
        return [Sleeper(root, name) for name in NAMES]

    monkeypatch.setattr(module, "_services", services)
    monkeypatch.chdir(tmp_path)
    return LocalStack()


def states(stack: LocalStack) -> dict[str, str]:
    return {service.name: service.state for service in stack.status()}


def test_the_service_that_fails_is_stopped_and_the_others_with_the_release(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sleeper, "broken", "storage")
    with pytest.raises(StackError, match="storage cannot be made"):
        stack.start(keep=True)
    assert states(stack) == {**dict.fromkeys(NAMES, "healthy"), "storage": "died"}
    stack.release()
    assert states(stack) == dict.fromkeys(NAMES, "stopped")


def test_a_stack_that_was_kept_before_stays(stack: LocalStack) -> None:
    stack.start()
    stack.keep()
    stack.release()
    try:
        assert states(stack) == dict.fromkeys(NAMES, "healthy")
    finally:
        assert sorted(stack.stop()) == sorted(NAMES)


@pytest.mark.parametrize(("error", "state"), [(None, "healthy"), (StackError("no blocks"), "stopped")])
def test_up_leaves_the_stack_up_only_if_all_of_it_was_made(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch, error: Exception | None, state: str
) -> None:
    def prepare(*_: Any) -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(run, "start", lambda stack, progress, _: stack.start(progress=progress))
    monkeypatch.setattr(run, "using_prefect", lambda server: nullcontext())
    monkeypatch.setattr(run, "prepare", prepare)
    result = CliRunner().invoke(app, ["up", "--detach"])
    try:
        assert result.exit_code == (0 if error is None else 2), result.output
        assert states(stack) == dict.fromkeys(NAMES, state)
    finally:
        stack.stop()
