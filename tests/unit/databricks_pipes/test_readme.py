"""The example of the README runs, and every part that it names is there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import databricks_pipes
import pytest

from ...docstring_examples import run_examples
from .flow_lab import HELPER, LocalFlow

README = (HELPER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("listens", [True, False])
def test_the_example_runs_with_and_without_a_flow(tmp_path: Path, listens: bool) -> None:
    flow = LocalFlow(tmp_path / "flow")
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    environment = flow.given.environment if listens else {}
    assert flow.run(example, **environment).endswith("exit code 0")
    if listens:
        assert flow.finish().lines == ["reading 2026-11-27"]
        assert flow.kinds == ["Opened", "LogLine", "Materialization", "AssetCheck", "CustomMessage", "Closed"]


def test_the_parts_of_the_readme_are_there() -> None:
    table = README[README.index("| part | meaning |") :].partition("\n\n")[0]
    names = re.findall(r"`pipes\.(\w+)", table) + re.findall(r"`\.(\w+)`", table)
    assert {"log", "asset", "retry_number", "close"} <= set(names)
    for name in names:
        assert hasattr(databricks_pipes.pipes, name), name


@pytest.mark.parametrize("documented", [databricks_pipes, databricks_pipes.TaskPipes])
def test_the_examples_of_the_docstrings_run(documented: object) -> None:
    run_examples(documented, str(documented))


def test_it_needs_nothing_but_python() -> None:
    source = (HELPER / "databricks_pipes.py").read_text(encoding="utf-8")
    imported = re.findall(r"^\s*(?:from|import) ([\w.]+)", source, re.MULTILINE)
    foreign = [name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names]
    # Its own examples import it.
    assert set(foreign) - {"databricks_pipes"} == set()
