"""Nothing that is not ours is printed raw."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
from databricks_blocks.csv.faults import InputError
from databricks_blocks.errors import DatabricksRunFailed
from databricks_blocks.run.results import DatabricksRunResult, TaskResult
from databricks_flows.renewable.analysis import RenewableAnalysis
from databricks_flows.renewable.spans import Span
from databricks_flows.shared.progress import Progress, listening, report, say
from databricks_flows.sweep.act import Swept
from dbflow.cli import app
from dbflow.command_errors import one_line_errors
from dbflow.job.commands import _print_json
from dbflow.output import console, errors
from dbflow.sweep import _table
from dbflow.terminal import StepBars, print_run, print_summary
from rich.console import Console
from typer.testing import CliRunner

LINK = "\x1b]8;;http://x\x1b\\"
CLIPBOARD = "\x1b]52;c;ZXZpbA==\x07"
EVIL = f"{LINK}{CLIPBOARD}\x1b[2J\x9b31m[red]\u202e"
SEEN = "␛]8;;http://x␛\\␛]52;c;ZXZpbA==␇␛[2J\\x9b31m[red]\\u202e"
# Colours and the movements of the bars are ours.
OURS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@pytest.fixture(autouse=True)
def coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal, and a wide one."""
    for one in (console, errors):
        monkeypatch.setattr(one, "_force_terminal", True)
        monkeypatch.setattr(one, "_width", 300)


def is_safe(printed: str) -> bool:
    """Whether the hostile text is seen as it is, and nothing of it is a control."""
    not_ours = OURS.sub("", printed).replace("\r", "")
    return SEEN in printed and not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", not_ours)


def test_the_summary_of_an_analysis_shows_names_of_countries_as_they_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    span = Span(EVIL, 2000, 1.0, 2020, 2.0)
    result = RenewableAnalysis(tmp_path / "a.csv", tmp_path / "a.png", 1, [span], "http://d", "http://p", {})
    print_summary(console, result)
    assert is_safe(capsys.readouterr().out)


@pytest.mark.parametrize("field", ["task_key", "exit_value", "outcome", "state"])
def test_the_table_of_a_run_shows_what_notebooks_say_as_it_is(
    capsys: pytest.CaptureFixture[str], field: str
) -> None:
    facts = {"task_key": "a", "state": "SUCCESS", "attempts": 1, "run_id": 1, "run_page_url": "http://d"}
    task = TaskResult(**{**facts, field: EVIL})
    print_run(console, "nightly", DatabricksRunResult(1, "http://d", tasks={"a": task}))
    assert is_safe(capsys.readouterr().out)


def test_the_name_of_a_job_and_its_link_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_run(console, EVIL, DatabricksRunResult(1, "http://d"))
    assert is_safe(capsys.readouterr().out)
    print_run(console, "nightly", DatabricksRunResult(1, EVIL))
    assert is_safe(capsys.readouterr().out)


def test_bars_and_lines_show_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with StepBars(console).showing() as bars, listening(bars.show, bars.say):
        report(Progress("load", 0, 1, EVIL))
        say(f"Task {EVIL}: SUCCESS")
    assert is_safe(capsys.readouterr().out)


@pytest.mark.parametrize("error", [InputError(EVIL), DatabricksRunFailed(EVIL), RuntimeError(EVIL)])
def test_an_error_is_told_as_it_is(capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    with pytest.raises(typer.Exit), one_line_errors():
        raise error
    assert is_safe(capsys.readouterr().err)


def test_what_the_sweep_found_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    console.print(_table([Swept("tables", EVIL, "", EVIL, "left")]))
    assert is_safe(capsys.readouterr().out)


def test_json_is_safe_and_says_what_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    _print_json({"exit value": EVIL})
    printed = capsys.readouterr().out
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", printed)
    assert json.loads(printed) == {"exit value": EVIL}


@pytest.mark.parametrize("arguments", [[EVIL], ["run", EVIL], ["job", EVIL], ["job", "run", "a.json", EVIL]])
def test_arguments_are_repeated_as_they_are(arguments: list[str]) -> None:
    told = CliRunner().invoke(app, arguments, color=True, env={"COLUMNS": "300"})
    assert told.exit_code == 2
    assert not re.search("[\x07\x9b]|\x1b]", told.output)


def test_rich_alone_prints_them_raw(capsys: pytest.CaptureFixture[str]) -> None:
    Console(force_terminal=True).print(CLIPBOARD, highlight=False)
    assert "\x1b]52" in capsys.readouterr().out


def test_options_that_do_not_go_together_are_bad_input() -> None:
    told = CliRunner().invoke(app, ["plan", "--user", "x"])
    assert told.exit_code == 2
    assert "are for a FILE" in told.output
