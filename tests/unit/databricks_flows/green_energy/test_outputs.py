"""What an analysis leaves in its folder, also after one that was killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from databricks_flows.green_energy.chart import MODULE
from databricks_flows.green_energy.outputs import write_results
from databricks_flows.shared.chart_process import chart_process

from .green_lab import department

FOUND = [department("Logistics", [0.1, 0.2], [0.3])]


@pytest.mark.parametrize("flow_run_id", ["", "0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"])
def test_what_a_killed_attempt_left_is_removed_by_the_next(tmp_path: Path, flow_run_id: str) -> None:
    unfinished = tmp_path / f".green-energy-{flow_run_id}".rstrip("-")
    unfinished.mkdir()
    (unfinished / "green_energy.csv").write_text("half")
    with chart_process(MODULE) as charting:
        written = write_results(FOUND, charting, tmp_path, flow_run_id=flow_run_id)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["green_energy.csv", "green_energy.png"]
    assert written.table.read_text().count("\n") == 4
