"""The chart is drawn in a process that is ready early, and ends in any case."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from databricks_flows.shared.chart_process import chart_process
from PIL import Image

CHART = "databricks_flows.renewable.chart"
TABLE = "Entity,Code,Year,SHW%\nPeru,PER,2000,3\n"


def test_the_process_draws_and_ends(tmp_path: Path) -> None:
    table = tmp_path / "a b" / "shw.csv"
    table.parent.mkdir()
    table.write_text(TABLE)
    with chart_process(CHART) as charting:
        assert charting.draw(str(table), str(tmp_path / "shw.png")).endswith("in Peru")
    assert Image.open(tmp_path / "shw.png").format == "PNG"


def test_the_process_says_why_it_failed(tmp_path: Path) -> None:
    with (
        chart_process(CHART) as charting,
        pytest.raises(RuntimeError, match=r"No such file or directory: '.*none.csv'"),
    ):
        charting.draw(str(tmp_path / "none.csv"), str(tmp_path / "shw.png"))


def test_the_process_ends_when_its_input_is_closed() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", CHART],
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0
