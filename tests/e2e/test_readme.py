"""The code of the README runs as it is written."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from databricks.sdk.service.workspace import ImportFormat, Language

from .conftest import Stack

README = Path(__file__).parents[2] / "README.md"


def test_the_example_of_a_job(stack: Stack) -> None:
    (code,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
        if "@flow" in block
    ]
    for name, body in (("load", "pass"), ("train", "dbutils.notebook.exit(dbutils.widgets.get('day'))")):
        stack.databricks().workspace.upload(
            f"/Shared/{name}",
            f"# Databricks notebook source\n{body}\n".encode(),
            format=ImportFormat.SOURCE,
            language=Language.PYTHON,
            overwrite=True,
        )
    namespace: dict[str, Any] = {"__name__": "readme", "__file__": str(README)}
    exec(compile(code, str(README), "exec"), namespace)
    assert asyncio.run(namespace["nightly_sales"]("2026-11-20")) == "2026-11-20"
