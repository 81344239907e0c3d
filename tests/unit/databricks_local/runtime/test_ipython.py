"""What people write in Python cells besides Python."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from databricks_local.runtime import run_notebook

HEADER = "# Databricks notebook source\n"
NEXT = "\n\n# COMMAND ----------\n\n"


def run(source: str) -> Any:
    return run_notebook(HEADER + source, {}, None, "/Shared/book")


def shown(result: Any) -> str:
    assert result.error == "", result.error_trace
    return "".join(output.text for cell in result.cells for output in cell.outputs)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("!echo one; echo two", "one\ntwo\n"),
        ("x = !echo one; echo two\nprint(x, x.n)", "['one', 'two'] one\ntwo\n"),
        ("name = 'you'\n!echo hello {name} $name", "hello you you\n"),
        ("!exit 3\nprint(_exit_code)", "3\n"),
        ("%time x = 1 + 1\nprint(x)", "Wall time:"),
        ("%%time\ny = 2\nprint(y)", "Wall time:"),
        ("%timeit -n 1 -r 1 pass", "per loop"),
        ("print('before')\n%env SOME_WORD=here\n!echo $SOME_WORD", "env: SOME_WORD=here\nhere\n"),
        ("%load_ext autoreload\n%autoreload 2\nprint('on')", "on\n"),
        ("%reload_ext autoreload\nprint('on')", "on\n"),
        ("%matplotlib inline\nprint('on')", "on\n"),
        ("%config InlineBackend.figure_format = 'retina'\nprint('on')", "on\n"),
        ("%who_ls", "[]"),
        ("len?", "Return the number of items in a container."),
        ("?len", "Return the number of items in a container."),
        ("%%capture kept\nprint('quiet')" + NEXT + "print(kept.stdout.upper())", "QUIET\n"),
        ("import asyncio\nvalue = await asyncio.sleep(0, 'awaited')\nprint(value)", "awaited\n"),
        ("import asyncio\nawait asyncio.sleep(0, 5)", "5"),
        ("x = %pwd\nprint(x)", str(Path.cwd())),
        ("  indented = 1\n  print(indented)", "1\n"),
        ("from IPython.display import HTML, display\ndisplay(HTML('<b>x</b>'))", "<b>x</b>"),
        ("from IPython.display import HTML\nHTML('<i>y</i>')", "<i>y</i>"),
        ("get_ipython().run_line_magic('env', 'SOME_OTHER=1')", "env: SOME_OTHER=1"),
        ("%%bash\necho from bash", "from bash\n"),
        ("%lsmagic\nprint('listed')", "listed"),
    ],
)  # fmt: skip
def test_forms_of_ipython(cell: str, text: str) -> None:
    assert text in shown(run(cell))


def test_magics_in_cells_with_the_prefix_of_the_source_format() -> None:
    source = "# MAGIC %%time\n# MAGIC value = 3" + NEXT + "# MAGIC %env NUMBER=4\n# MAGIC print(value)"
    text = shown(run(source))
    assert "Wall time" in text
    assert text.endswith("3\n")


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("%time 1 / 0", "ZeroDivisionError: division by zero"),
        ("%%time\n1 / 0", "ZeroDivisionError: division by zero"),
        ("%%capture\n1 / 0", "ZeroDivisionError: division by zero"),
        ("import asyncio\nawait asyncio.sleep(0)\n1 / 0", "ZeroDivisionError: division by zero"),
        ("%no_such_magic", "UsageError: Line magic function `%no_such_magic` not found."),
        ("x = = 1", "SyntaxError: invalid syntax (book, line 2)"),
        ("%time\nx = = 1", "SyntaxError: invalid syntax (book, line 3)"),
    ],
)
def test_errors_in_magics_fail_the_notebook(cell: str, error: str) -> None:
    assert run(cell).error == error


def test_the_trace_has_no_frames_of_ipython() -> None:
    trace = run("def f():\n    raise KeyError('x')\n\n%time f()").error_trace
    assert "/IPython/" not in trace
    assert trace.endswith("raise KeyError('x')\nKeyError: 'x'")


@pytest.mark.parametrize(
    "cell", ["%time dbutils.notebook.exit('done')", "%%time\ndbutils.notebook.exit('done')"]
)
def test_exit_in_a_magic_ends_the_notebook(cell: str) -> None:
    result = run(cell + NEXT + "1 / 0")
    assert (result.error, result.exit_value) == ("", "done")


def test_a_task_lives_on_until_the_next_await() -> None:
    source = (
        "import asyncio\nasync def later():\n    await asyncio.sleep(0)\n    return 'came'\n"
        "task = asyncio.ensure_future(later())\nawait asyncio.sleep(0)" + NEXT + "print(await task)"
    )
    assert shown(run(source)) == "came\n"


def test_restart_python_forgets_names_and_modules(tmp_path: Path) -> None:
    source = "%time x = 1" + NEXT + "# MAGIC %restart_python" + NEXT + "print('x' in globals())\n%time y = 2"
    assert shown(run(source)).count("Wall time") == 2
    assert "False\n" in shown(run(source))


def test_a_written_file_and_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(run("%%writefile note.txt\nhello" + NEXT + "!cat note.txt")).endswith("hello\n")


def test_the_variable_of_another_environment_is_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/nowhere")
    before = list(sys.path)
    result = run("%env WORD=1")
    assert [output.kind for output in result.cells[0].outputs] == ["stdout"]
    assert sys.path == before


def test_plain_cells_do_not_import_ipython() -> None:
    code = (
        "import sys\nfrom databricks_local.runtime import run_notebook\n"
        "result = run_notebook('# Databricks notebook source\\nx = 1\\nprint(x)', {}, None)\n"
        "print(result.error, 'IPython' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == " False\n"


REGISTERS = (
    "told = []\n"
    "for event in ('pre_run_cell', 'post_run_cell'):\n"
    "    get_ipython().events.register(event, lambda each: told.append(type(each).__name__))"
)


def test_who_registers_for_cells_is_told_when_each_begins_and_ends() -> None:
    # The cell that registers has begun before, and is told of at its end.
    assert "['ExecutionResult', 'ExecutionInfo']" in shown(run(REGISTERS + NEXT + "print(told)"))


@pytest.mark.parametrize(
    ("cell", "error"), [("1 / 0", "ZeroDivisionError"), ("dbutils.notebook.exit('x')", "NotebookExit")]
)
def test_who_registers_for_cells_is_told_what_ended_one(tmp_path: Path, cell: str, error: str) -> None:
    told = tmp_path / "told"
    writes = f"open({str(told)!r}, 'a').write(type(each.error_in_exec).__name__ + ' ')"
    run(f"get_ipython().events.register('post_run_cell', lambda each: {writes})" + NEXT + cell)
    assert told.read_text() == f"NoneType {error} "


def test_an_error_of_who_registered_is_shown_and_ends_nothing() -> None:
    registers = "get_ipython().events.register('pre_run_cell', lambda _: 1 / 0)"
    text = shown(run(registers + NEXT + "print('goes on')"))
    assert "ZeroDivisionError" in text
    assert text.endswith("goes on\n")
