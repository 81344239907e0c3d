"""The pages as text. Pure; everything that comes from outside is escaped."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from deployments.local.workspace.models import NotebookSpec, Run, TaskRun
from deployments.local.workspace.runtime.outputs import CellResult, Output
from deployments.local.workspace.states import SUCCEEDED, State

REFRESH_SECONDS = 2

STYLE = """
:root { color-scheme: light dark; --ink: #1b2430; --soft: #5b6675; --line: #dde2e8;
  --bg: #fff; --box: #f6f8fa; --good: #1a7f4b; --bad: #b3261e; --busy: #1f5fbf; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ef; --soft: #9aa5b3; --line: #313a45; --bg: #12171d;
  --box: #1a2129; --good: #5ac48d; --bad: #ff8a80; --busy: #82b1ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem 1rem 4rem; background: var(--bg); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
a { color: var(--busy); }
h1 { font-size: 1.4rem; margin: .3rem 0 .6rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere; }
.soft { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--soft); font-weight: 500; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.state { font-weight: 600; white-space: nowrap; }
.good { color: var(--good); } .bad { color: var(--bad); } .busy { color: var(--busy); }
pre { background: var(--box); border: 1px solid var(--line); border-radius: 6px; margin: .3rem 0;
  padding: .6rem .8rem; max-height: 30rem; overflow: auto; font: 13px/1.45 ui-monospace, monospace;
  white-space: pre-wrap; overflow-wrap: anywhere; }
pre.code { background: none; } pre.error, pre.stderr { border-left: 3px solid var(--bad); }
.cell { margin: 1rem 0; }
input, button { font: inherit; padding: .4rem .7rem; }
"""


def document(title: str, body: str, *, refresh: bool = False) -> str:
    """A whole page."""
    meta = f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}">' if refresh else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>{meta}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body>{body}</body></html>"
    )


def runs_page(runs: Sequence[Run], total: int, now: int) -> str:
    """The list of runs, the newest first."""
    rows = "".join(_run_row(run, now) for run in runs)
    table = (
        '<div class="scroll"><table><thead><tr><th>Run</th><th>State</th><th>Tasks</th><th>Started</th>'
        f"<th>Duration</th></tr></thead><tbody>{rows}</tbody></table></div>"
        if runs
        else '<p class="soft">Nothing was run yet.</p>'
    )
    more = f'<p class="soft">The last {len(runs)} of {total} runs.</p>' if total > len(runs) else ""
    active = any(not run.state.terminal for run in runs)
    return document("Runs", f"<h1>Runs</h1>{table}{more}", refresh=active)


def run_page(run: Run, tasks: Sequence[TaskRun], now: int) -> str:
    """One run: its state, its tasks with their output, and what their notebooks printed."""
    rows = "".join(_task_row(task, now) for task in tasks)
    message = f"<p>{escape(run.state.message)}</p>" if run.state.terminal and run.state.message else ""
    head = (
        f'<p><a href="/">All runs</a></p><h1>{escape(run.spec.name)}</h1>'
        f'<p>{_state(run.state)} <span class="soft">run {run.run_id} of job {run.job_id}, started '
        f"{_time(run.start_time)}, {_duration(run.start_time, run.end_time, now)}</span></p>{message}"
    )
    table = (
        '<div class="scroll"><table><thead><tr><th>Task</th><th>State</th><th>Duration</th><th>After</th>'
        f"<th>Notebook</th><th>Error</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
    details = "".join(_task_details(task) for task in tasks)
    return document(f"{run.spec.name} – run", head + table + details, refresh=not run.state.terminal)


def export_page(task: TaskRun) -> str:
    """The cells of a notebook run with their output, as `runs/export` returns them."""
    return document(_what(task), f"<h1>{escape(_what(task))}</h1>{_task_details(task)}")


def login_page(target: str, problem: str = "") -> str:
    """The form that asks for the token."""
    note = f'<p class="bad">{escape(problem)}</p>' if problem else ""
    return document(
        "Log in",
        f'<h1>Local Databricks workspace</h1>{note}<form method="post" action="/login">'
        f'<input type="hidden" name="next" value="{escape(target)}">'
        '<label>Token <input type="password" name="token" autocomplete="current-password" autofocus></label> '
        "<button>Log in</button></form>",
    )


def message_page(title: str, text: str) -> str:
    """A page that says one thing."""
    return document(title, f'<p><a href="/">All runs</a></p><h1>{escape(title)}</h1><p>{escape(text)}</p>')


def _run_row(run: Run, now: int) -> str:
    done = sum(task.state.terminal for task in run.tasks)
    return (
        f'<tr><td><a href="/jobs/{run.job_id}/runs/{run.run_id}">{escape(run.spec.name)}</a></td>'
        f'<td>{_state(run.state)}</td><td class="number">{done} of {len(run.tasks)}</td>'
        f'<td class="number">{_time(run.start_time)}</td>'
        f'<td class="number">{_duration(run.start_time, run.end_time, now)}</td></tr>'
    )


def _task_row(task: TaskRun, now: int) -> str:
    return (
        f'<tr><td><a href="#task-{task.run_id}">{escape(task.spec.key)}</a></td><td>{_state(task.state)}</td>'
        f'<td class="number">{_duration(task.start_time, task.end_time, now)}</td>'
        f"<td>{escape(', '.join(task.spec.depends_on))}</td><td>{escape(_what(task))}</td>"
        f"<td>{escape(task.error or (task.state.message if task.state.terminal else ''))}</td></tr>"
    )


def _what(task: TaskRun) -> str:
    body = task.spec.body
    return body.path if isinstance(body, NotebookSpec) else type(body).__name__.removesuffix("Spec")


def _task_details(task: TaskRun) -> str:
    shown = [f'<h2 id="task-{task.run_id}">{escape(task.spec.key)}</h2>']
    if task.exit_value is not None:
        shown.append(f'<p class="soft">Exit value</p><pre>{escape(task.exit_value)}</pre>')
    shown.extend(_cell(cell) for cell in task.cells)
    if task.error_trace or task.error:
        shown.append(f'<pre class="error">{escape(task.error_trace or task.error)}</pre>')
    return "".join(shown)


def _cell(cell: CellResult) -> str:
    title = f"{escape(cell.title)} · " if cell.title else ""
    source = f"%{cell.language}\n{cell.source}" if cell.language != "python" else cell.source
    outputs = "".join(_output(output) for output in cell.outputs)
    return (
        f'<div class="cell"><p class="soft">{title}Cell {cell.index + 1}, {cell.seconds:.2f} s</p>'
        f'<pre class="code">{escape(source)}</pre>{outputs}</div>'
    )


def _output(output: Output) -> str:
    cut = '<p class="soft">There was more; it is left out.</p>' if output.truncated else ""
    if output.kind == "table":
        head = "".join(f"<th>{escape(name)}</th>" for name in output.columns)
        rows = "".join(f"<tr>{''.join(_value(value) for value in row)}</tr>" for row in output.rows)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        return f'<div class="scroll">{table}</div>{cut}'
    return f'<pre class="{escape(output.kind)}">{escape(output.text)}</pre>{cut}'


def _value(value: str | None) -> str:
    return f"<td>{'<i>null</i>' if value is None else escape(value)}</td>"


def _state(state: State) -> str:
    if not state.terminal:
        style = "busy"
    elif state.result in SUCCEEDED:
        style = "good"
    else:
        style = "bad"
    return f'<span class="state {style}">{escape((state.result or state.life_cycle).value)}</span>'


def _time(milliseconds: int) -> str:
    return (
        datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        if milliseconds
        else ""
    )


def _duration(start: int, end: int, now: int) -> str:
    return f"{max((end or now) - start, 0) / 1000:.1f} s" if start else ""
