"""The end of what a process wrote, which can be much."""

import tracemalloc
from pathlib import Path

from databricks_local.execution.driver_log import end_of_log, end_of_logs
from databricks_local.runtime.dbutils.secret_values import Redactor


def test_a_large_log_is_not_read_as_a_whole(tmp_path: Path) -> None:
    log = tmp_path / "driver.log"
    with log.open("wb") as file:
        # A hole: it takes no room on disk.
        file.seek(400_000_000)
        file.write(b"\nthe end\n")
    tracemalloc.start()
    text, more = end_of_log(log, Redactor(), 20_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert text.endswith("\nthe end\n")
    assert (len(text), more) == (20_000, True)
    assert peak < 10_000_000


def test_no_log_is_an_empty_log(tmp_path: Path) -> None:
    assert end_of_log(tmp_path / "none", Redactor()) == ("", False)


def test_two_logs_are_together_no_longer_than_one(tmp_path: Path) -> None:
    logs = tmp_path / "stdout", tmp_path / "stderr"
    for log, text in zip(logs, ("out", "error"), strict=True):
        log.write_text(text)
    assert end_of_logs(logs, Redactor()) == ("outerror", False)
    assert end_of_logs(logs, Redactor(), 6) == ("terror", True)
    assert end_of_logs(logs, Redactor(), 4) == ("rror", True)
