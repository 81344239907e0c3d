"""Cells that other things than Python run: `%run`, `%sh`, `%fs`."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from databricks_local.runtime import Cell, run_notebook
from databricks_local.runtime.dbutils.utilities import DBUtils
from databricks_local.runtime.magics.include import Include, IncludeError, read_include, resolve_path
from databricks_local.runtime.outputs import MAX_CELL_CHARACTERS

HEADER = "# Databricks notebook source\n"
NEXT = "\n\n# COMMAND ----------\n\n"
MAGIC = "# MAGIC "


def run(source: str, books: dict[str, str] | None = None, **options: Any) -> Any:
    """Run a notebook at /Shared/main next to others."""
    found = {path: HEADER + text for path, text in (books or {}).items()}
    return run_notebook(
        HEADER + source,
        options.pop("parameters", {}),
        options.pop("spark", None),
        "/Shared/main",
        find_notebook=found.get,
        **options,
    )


def sh(script: str, option: str = "") -> str:
    return f"{MAGIC}%sh {option}\n" + "\n".join(MAGIC + line for line in script.splitlines())


def text_of(result: Any) -> str:
    return "".join(output.text for cell in result.cells for output in cell.outputs)


@pytest.mark.parametrize(
    ("argument", "include"),
    [
        ("./setup", Include("./setup")),
        ('"../my folder/set up"', Include("../my folder/set up")),
        ("/Users/a b/set up", Include("/Users/a b/set up")),
        ('./setup $X="10" $Y="1"', Include("./setup", {"X": "10", "Y": "1"})),
        ("./setup   $a = 'one two' $b=3", Include("./setup", {"a": "one two", "b": "3"})),
        ('./setup $a="$b = 1"', Include("./setup", {"a": "$b = 1"})),
        ("./pay$ $a=1", Include("./pay$", {"a": "1"})),
    ],
)
def test_what_a_run_cell_asks_for(argument: str, include: Include) -> None:
    assert read_include(Cell("run", "# a remark\n\n", 1, argument)) == include


@pytest.mark.parametrize(
    ("argument", "text", "message"),
    [
        ("", "", "%run needs the path of a notebook, as in %run ./setup"),
        ("./setup", "x = 1", "%run must be in a cell by itself."),
        ('"./setup', "", '%run cannot read "./setup: No closing quotation'),
        ('"./setup" more', "", '%run cannot read "./setup" more: there is more after the closing quote'),
    ],
)
def test_run_cells_that_cannot_be_followed(argument: str, text: str, message: str) -> None:
    with pytest.raises(IncludeError) as refusal:
        read_include(Cell("run", text, 1, argument))
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("path", "including", "resolved"),
    [
        ("./b", "/Shared/a", "/Shared/b"),
        ("../b", "/Shared/x/a", "/Shared/b"),
        ("b", "/Shared/a", "/Shared/b"),
        ("/Users/b", "/Shared/a", "/Users/b"),
        ("../b", "etl/jobs/a", "etl/b"),
        ("../../b", "etl/a", "../b"),
    ],
)
def test_where_a_path_leads(path: str, including: str, resolved: str) -> None:
    assert resolve_path(path, including) == resolved


def test_an_included_notebook_shares_the_namespace() -> None:
    books = {
        "/Shared/lib/helpers": "import math\nbase = 2" + NEXT + f"{MAGIC}%run ../more",
        "/Shared/more": "def double(x):\n    return base * x\nprint('loaded')",
    }
    result = run(
        f"{MAGIC}%run ./lib/helpers" + NEXT + "dbutils.notebook.exit(double(math.floor(3.5)))", books
    )
    assert (result.error, result.exit_value) == ("", "6")
    assert [(cell.language, [output.text for output in cell.outputs]) for cell in result.cells] == [
        ("run", ["loaded\n"]),
        ("python", []),
    ]


def test_parameters_of_a_run_cell_hold_while_the_notebook_runs() -> None:
    books = {
        "/Shared/b": "dbutils.widgets.text('x', 'default')\n"
        "seen = dbutils.widgets.get('x'), dbutils.widgets.getArgument('y', '-'), dbutils.widgets.get('job')"
    }
    after = NEXT + "first = seen" + NEXT + f"{MAGIC}%run ./b" + NEXT + "dbutils.notebook.exit((first, seen))"
    result = run(f'{MAGIC}%run ./b $x="10" $y="two words"' + after, books, parameters={"job": "j"})
    assert result.exit_value == "(('10', 'two words', 'j'), ('default', '-', 'j'))"


def test_exit_in_an_included_notebook_ends_the_run() -> None:
    result = run(f"{MAGIC}%run ./b" + NEXT + "1 / 0", {"/Shared/b": "dbutils.notebook.exit('from b')"})
    assert (result.error, result.exit_value, len(result.cells)) == ("", "from b", 1)


def test_a_restart_in_an_included_notebook_goes_on_with_the_next_cell() -> None:
    books = {"/Shared/b": "x = 1\ndbutils.library.restartPython()" + NEXT + "y = 2"}
    last = "dbutils.notebook.exit(sorted({'before', 'x', 'y'} & set(globals())))"
    result = run(f"before = 0{NEXT}{MAGIC}%run ./b{NEXT}{last}", books)
    assert result.exit_value == "['y']"


def test_the_trace_names_the_included_notebook_and_its_line() -> None:
    books = {"/Shared/b": "x = 1" + NEXT + "def f():\n    raise KeyError('x')"}
    result = run(f"{MAGIC}%run ./b" + NEXT + "f()", books)
    assert result.error == "KeyError: 'x'"
    assert result.error_trace == (
        "Traceback (most recent call last):\n"
        '  File "/Shared/main", line 6, in <module>\n'
        "    f()\n"
        '  File "/Shared/b", line 7, in f\n'
        "    raise KeyError('x')\n"
        "KeyError: 'x'"
    )


@pytest.mark.parametrize(
    ("path", "error"),
    [
        (
            "../none",
            "NotebookNotFoundError: Notebook not found: none. Notebooks can be specified via a relative path "
            "(./Notebook or ../folder/Notebook) or via an absolute path (/Abs/Path/to/Notebook). "
            "Make sure you are specifying the path correctly.",
        ),
        ("./b", "IncludeError: %run goes in a circle: /Shared/main -> /Shared/b -> /Workspace/Shared/main"),
        ("./main", "IncludeError: %run goes in a circle: /Shared/main -> /Shared/main"),
        ("./c", "ZeroDivisionError: division by zero"),
    ],
)
def test_includes_that_fail(path: str, error: str) -> None:
    books = {"/Shared/b": f"{MAGIC}%run /Workspace/Shared/main", "/Shared/c": "1 / 0"}
    result = run(f"{MAGIC}%run {path}" + NEXT + "print('not reached')", books)
    assert result.error == error
    assert [cell.error for cell in result.cells] == [error]


def test_the_same_notebook_may_be_included_twice() -> None:
    books = {"/Shared/b": "n = globals().get('n', 0) + 1", "/Shared/c": f"{MAGIC}%run ./b"}
    cells = [f"{MAGIC}%run ./b", f"{MAGIC}%run ./c", "dbutils.notebook.exit(n)"]
    assert run(NEXT.join(cells), books).exit_value == "2"


@pytest.mark.parametrize(
    ("script", "shown"),
    [
        ("echo one\necho two >&2\necho three", "one\ntwo\nthree\n"),
        ("printf 'gr\\xc3\\xbc\\xff'", "gr\u00fc\ufffd"),
        ("cat; echo end", "end\n"),
        ("false\necho still here\nexit 3", "still here\n"),
        ("[[ a == a ]] && echo bash", "bash\n"),
        ("missing-command", "bash: line 1: missing-command: command not found\n"),
    ],
)
def test_a_shell_cell_shows_what_it_writes_and_goes_on(script: str, shown: str) -> None:
    result = run(sh(script) + NEXT + "x = 1")
    assert (result.error, text_of(result), len(result.cells)) == ("", shown, 2)


def test_with_an_option_a_shell_cell_fails() -> None:
    result = run(sh("echo one\nfalse\necho not reached", "-e") + NEXT + "x = 1")
    assert text_of(result) == "one\n"
    assert len(result.cells) == 1
    assert result.error == (
        "CalledProcessError: Command 'echo one\nfalse\necho not reached' returned non-zero exit status 1."
    )
    assert run(f"{MAGIC}%sh -e exit 4").error.endswith("returned non-zero exit status 4.")
    assert run(f"{MAGIC}%sh -e true").error == ""


def test_a_shell_cell_on_one_line() -> None:
    assert text_of(run(f"{MAGIC}%sh echo one; echo -e two")) == "one\ntwo\n"


def test_a_shell_cell_is_in_the_directory_and_environment_of_the_notebook(tmp_path: Path) -> None:
    source = (
        f"import os\nos.chdir({str(tmp_path)!r})\nos.environ['NAME'] = 'value'{NEXT}{sh('echo $PWD $NAME')}"
    )
    before = Path.cwd()
    try:
        assert text_of(run(source)) == f"{tmp_path} value\n"
    finally:
        os.chdir(before)
        del os.environ["NAME"]


def test_a_shell_cell_does_not_wait_for_what_it_leaves_running(tmp_path: Path) -> None:
    started = time.monotonic()
    result = run(sh(f"sleep 600 &\necho $! > {tmp_path}/pid\necho done"))
    assert text_of(result) == "done\n"
    assert time.monotonic() - started < 10
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_the_output_of_a_shell_cell_is_limited() -> None:
    result = run(sh(f"head -c {MAX_CELL_CHARACTERS + 5} /dev/zero | tr '\\0' x"))
    (output,) = result.cells[0].outputs
    assert (len(output.text), output.truncated) == (MAX_CELL_CHARACTERS, True)


def test_fs_cells(tmp_path: Path) -> None:
    places = {name: str(tmp_path / name[1:]) for name in ("/dbfs", "/Volumes", "/Workspace")}
    for place in places.values():
        Path(place).mkdir()
    cells = [
        "%fs mkdirs /a/b",
        '%fs put /a/b/one.txt "some text"',
        "%fs cp -r dbfs:/a dbfs:/c",
        "%fs ls /c/b",
        "%fs head /c/b/one.txt 4",
        "%fs mv /c/b/one.txt /two.txt",
        "%fs rm -r /a",
    ]
    result = run(NEXT.join(MAGIC + cell for cell in cells), dbutils=DBUtils({}, places=places))
    assert result.error == ""
    listing = result.cells[3].outputs[0]
    assert (listing.columns, [row[:3] for row in listing.rows]) == (
        ["path", "name", "size", "modificationTime"],
        [["dbfs:/c/b/one.txt", "one.txt", "9"]],
    )
    assert result.cells[4].outputs[-1].text == "some"
    assert {place.name for place in (tmp_path / "dbfs").iterdir()} == {"c", "two.txt"}


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("%fs", "ValueError: %fs has no command '', only cp, head, ls, mkdirs, mv, put, rm"),
        ("%fs format c:", "ValueError: %fs has no command 'format', only cp, head, ls, mkdirs, mv, put, rm"),
        ("%fs ls /none", "FileNotFoundException: No such file or directory /none"),
        (
            "%scala",
            "UnsupportedMagicError: %scala cells cannot be run: the local workspace runs Python and SQL",
        ),
        ("%r", "UnsupportedMagicError: %r cells cannot be run: the local workspace runs Python and SQL"),
    ],
)
def test_cells_that_are_refused(tmp_path: Path, cell: str, error: str) -> None:
    places = dict.fromkeys(("/dbfs", "/Volumes", "/Workspace"), str(tmp_path))
    assert run(MAGIC + cell, dbutils=DBUtils({}, places=places)).error == error
