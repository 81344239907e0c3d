"""The tables that the notebooks write: each department has its own."""

from __future__ import annotations

import ast
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).parents[4] / "notebooks"
NAMES = ("extract_green", "extract_not_green", "transform_green", "transform_not_green", "analytics")
KINDS = ("green", "not_green", "green_efficiency", "not_green_efficiency", "efficiency_trend")


def of_department(notebook: str, department: str, kind: str) -> str:
    """Name of a table, by the code of a notebook."""
    source = (NOTEBOOKS / f"{notebook}.py").read_text()
    [function] = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name == "of_department"
    ]
    known: dict[str, Any] = {"re": re, "sha256": sha256, "department": department}
    exec(ast.unparse(function), known)
    return str(known["of_department"](kind))


@pytest.mark.parametrize("notebook", NAMES)
def test_no_two_departments_share_a_table(notebook: str) -> None:
    departments = [
        "Manufacturing",
        "Efficiency Manufacturing",
        "Efficiency",
        "Efficiency Trend",
        "Not Green",
        "R&D",
        "R D",
        "r d",
        "",
        "研究",
    ]
    tables = [of_department(notebook, department, kind) for department in departments for kind in KINDS]
    assert len(set(tables)) == len(tables)
    assert tables[:3] == ["green_manufacturing", "not_green_manufacturing", "green_efficiency_manufacturing"]
