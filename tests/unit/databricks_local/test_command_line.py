"""What `python -m databricks_local` and `LocalWorkspace` refuse before anything starts."""

import sys
from pathlib import Path

import pytest
from databricks_local import LocalWorkspace
from databricks_local.__main__ import main

REFUSED = "The seconds between two deliveries of logs must be at least 0.1, but are"


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_logs_are_not_delivered_without_a_pause(
    seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--root", str(tmp_path / "root"), "--token", "x", f"--log-delivery-seconds={seconds}"]
    monkeypatch.setattr(sys, "argv", ["databricks_local", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"python -m databricks_local: error: {REFUSED} {seconds}."
    assert not (tmp_path / "root").exists()
    with pytest.raises(ValueError, match=REFUSED):
        LocalWorkspace(log_delivery_seconds=seconds)
