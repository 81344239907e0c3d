"""The examples of docstrings that need a workspace, a database or a storage."""

from __future__ import annotations

from pathlib import Path

import databricks_flows
import pytest
from databricks.sdk.service.workspace import ImportFormat, Language
from databricks_flows.green_energy.place import SCHEMA

from ..docstring_examples import run_examples
from ..unit.databricks_flows.test_exported_names import RUN_IN_E2E
from .conftest import Stack
from .green_lab import remove
from .hearing import make_volume


@pytest.mark.usefixtures("objects_as_before")
@pytest.mark.parametrize("name", sorted(RUN_IN_E2E))
def test_the_example_of_each_flow_runs(
    stack: Stack, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.databricks().workspace.upload(
        "/Shared/load",
        b"# Databricks notebook source\npass\n",
        format=ImportFormat.SOURCE,
        language=Language.PYTHON,
        overwrite=True,
    )
    make_volume(stack, "ops")
    monkeypatch.chdir(tmp_path)
    try:
        run_examples(getattr(databricks_flows, name), name)
    finally:
        remove(stack, SCHEMA)
