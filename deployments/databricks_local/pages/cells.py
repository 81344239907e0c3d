"""What a notebook left: its cells with their output."""

from html import escape

from databricks_local.runs.models import TaskRun
from databricks_local.runtime.outputs import CellResult, Output

MAX_ROWS = 200
"""Rows of a table that a page shows."""

FRAME_STYLE = "body{margin:8px;font:14px/1.5 system-ui,sans-serif;color:#1a2330;background:#fff}"


def task_output(task: TaskRun) -> str:
    """The cells of a task with their output, what it returned, and its error."""
    shown = [_cell(cell) for cell in task.cells]
    if task.logs:
        cut = '<p class="soft small note">There was more before this.</p>' if task.logs_truncated else ""
        shown.append(f'{cut}<pre class="stdout">{escape(task.logs)}</pre>')
    if task.exit_value is not None:
        cut = " It was longer." if task.exit_truncated else ""
        shown.append(f'<p class="soft note">Exit value{cut}</p><pre>{escape(task.exit_value)}</pre>')
    problem = task.error_trace or task.error
    if problem:
        shown.append(f'<pre class="error">{escape(problem)}</pre>')
    return "".join(shown)


def _cell(cell: CellResult) -> str:
    title = f"{escape(cell.title)} · " if cell.title else ""
    source = f"%{cell.language}\n{cell.source}" if cell.language != "python" else cell.source
    outputs = "".join(_output(output) for output in cell.outputs)
    return (
        f'<div class="cell"><p class="soft small">{title}Cell {cell.index + 1}, {cell.seconds:.2f} s</p>'
        f'<pre class="code">{escape(source)}</pre>{outputs}</div>'
    )


def _output(output: Output) -> str:
    cut = '<p class="soft small note">There was more; it is left out.</p>' if output.truncated else ""
    if output.kind == "table":
        return _table(output, cut)
    if output.kind == "image":
        return f'<img class="plot" alt="A plot" src="data:image/png;base64,{escape(output.text)}">'
    if output.kind == "html":
        # Shown apart from this page: no script of a notebook runs, and nothing of here is in its reach.
        page = f"<!doctype html><meta charset=utf-8><style>{FRAME_STYLE}</style>{output.text}"
        return f'<iframe sandbox="" title="HTML output" srcdoc="{escape(page)}"></iframe>{cut}'
    return f'<pre class="{escape(output.kind)}">{escape(output.text)}</pre>{cut}'


def _table(output: Output, cut: str) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in output.columns)
    kept = output.rows[:MAX_ROWS]
    rows = "".join(f"<tr>{''.join(_value(value) for value in row)}</tr>" for row in kept)
    if len(kept) < len(output.rows):
        cut = f'<p class="soft small note">The first {len(kept)} of {len(output.rows)} rows.</p>{cut}'
    table = f'<table class="data"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return f'<div class="scroll tall">{table}</div>{cut}'


def _value(value: str | None) -> str:
    return f"<td>{'<i>null</i>' if value is None else escape(value)}</td>"
