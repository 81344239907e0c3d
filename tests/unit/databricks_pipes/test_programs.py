"""Programs that use the helper: how they begin, what is captured, how they end."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from databricks_blocks.pipes.parameters import arguments_of
from databricks_blocks.pipes.protocol import Closed

from .flow_lab import HELPER, LocalFlow

SPEAKS = "from databricks_pipes import pipes\npipes.log.info('day %s', pipes.extras.get('day', 'today'))\n"


@pytest.fixture
def flow(tmp_path: Path) -> LocalFlow:
    return LocalFlow(tmp_path / "flow", include_stdio=True)


def test_the_syntax_is_that_of_python_3_8() -> None:
    ast.parse((HELPER / "databricks_pipes.py").read_text(encoding="utf-8"), feature_version=(3, 8))


def test_by_hand_it_does_nothing_and_says_so_once(flow: LocalFlow) -> None:
    said = flow.run(
        """
        import logging, sys
        before = (print, logging.Logger.callHandlers, sys.excepthook)
        from databricks_pipes import pipes
        assert before == (print, logging.Logger.callHandlers, sys.excepthook)
        for _ in range(2):
            pipes.log.info("x")
            pipes.asset("a", rows=1)
            pipes.check("b", passed=False)
            pipes.message({})
        with pipes:
            print(pipes.listening, pipes.extras, repr(pipes.partition_key))
        """
    )
    assert said == "False {} ''\ndatabricks_pipes: no flow listens, so nothing is sent\nexit code 0"
    assert list(flow.folder.iterdir()) == []


@pytest.mark.parametrize(
    "written",
    [
        "--dagster-pipes-context {0} --dagster-pipes-messages {1}",
        "--DAGSTER_PIPES_CONTEXT={0} --DAGSTER_PIPES_MESSAGES={1}",
    ],
)
def test_parameters_by_arguments_which_a_strict_parser_never_sees(flow: LocalFlow, written: str) -> None:
    _, context, _, messages = arguments_of(flow.given.environment)
    arguments = ["--day", "1", *written.format(context, messages).split(), "rest"]
    said = flow.run(f"{SPEAKS}import sys\nprint(sys.argv[1:])\n", *arguments)
    assert said == "['--day', '1', 'rest']\nexit code 0"
    assert flow.finish().lines == ["day 2026-11-27"]
    assert flow.kinds[-1] == "Closed"
    assert flow.warnings == []


def test_parameters_by_the_environment_are_not_those_of_programs_that_it_starts(flow: LocalFlow) -> None:
    source = f"""
        {SPEAKS.splitlines()[0]}
        import multiprocessing, os, subprocess, sys
        if len(sys.argv) == 1:
            pipes.log.info("parent")
            subprocess.run([sys.executable, __file__, "child"], check=True)
            multiprocessing.get_context("fork").Process(target=pipes.log.info, args=("forked",)).start()
        else:
            pipes.log.info("child")
    """
    # A flow listens, to the parent: a child that said otherwise would be wrong.
    assert flow.run(source, **flow.given.environment) == "exit code 0"
    assert flow.finish().lines == ["parent"]
    assert {each.attempt for each in flow.heard} == {1}


def test_print_and_streams_come_as_lines_in_order_and_are_printed_all_the_same(flow: LocalFlow) -> None:
    said = flow.run(
        """
        from databricks_pipes import pipes
        import contextlib, io, logging, pickle, sys
        print("one", 1)
        sys.stdout.write("half, ")
        print("whole")
        pipes.log.info("between")
        print("error", file=sys.stderr)
        logging.basicConfig(level=logging.INFO, format="formatted %(message)s")
        logging.getLogger("theirs").info("once")
        with contextlib.redirect_stdout(io.StringIO()):
            print("not for people")
        with open(__file__ + ".txt", "w") as file:
            print("into a file", file=file)
        assert pickle.loads(pickle.dumps(print)) is print
        print("last", end="")
        """,
        **flow.given.environment,
    )
    assert said == "one 1\nhalf, whole\nlasterror\nformatted once\nexit code 0"
    flow.finish()
    assert flow.output("stdout") == ["one 1", "half, whole", "last"]
    assert flow.output("stderr") == ["error"]
    assert flow.lines == ["between", "once"]
    times = [each.time for each in flow.heard]
    assert times == sorted(times)


def test_without_the_wish_of_the_flow_output_stays_where_it_is(tmp_path: Path) -> None:
    flow = LocalFlow(tmp_path / "flow")
    flow.run(f"{SPEAKS}print('secret')\n", **flow.given.environment)
    assert flow.finish().kinds == ["Opened", "LogLine", "Closed"]


def test_an_exception_is_told_after_all_that_was_said(flow: LocalFlow) -> None:
    source = f"{SPEAKS}print('then')\nraise ValueError('no such day')\n"
    said = flow.run(source, **flow.given.environment)
    assert said.count("ValueError: no such day") == 1
    assert said.endswith("exit code 1")
    assert flow.finish().warnings == []
    assert flow.lines == ["day 2026-11-27"]
    assert "then" in flow.output("stdout")
    (closed,) = [each for each in flow.messages if isinstance(each, Closed)]
    assert closed.exception is not None
    assert closed.exception.name == "ValueError"


def test_an_exit_with_a_code_loses_nothing(flow: LocalFlow) -> None:
    assert flow.run(f"{SPEAKS}raise SystemExit(3)\n", **flow.given.environment).endswith("exit code 3")
    assert flow.finish().lines == ["day 2026-11-27"]
    assert flow.kinds[-1] == "Closed"


def test_a_killed_program_has_said_what_was_sent(flow: LocalFlow) -> None:
    source = f"{SPEAKS}import os\npipes.flush()\npipes.log.info('never sent')\nos._exit(9)\n"
    assert flow.run(source, **flow.given.environment).endswith("exit code 9")
    assert "day 2026-11-27" in flow.finish().lines
    (warning,) = flow.warnings
    assert "never said `closed`" in warning


def test_an_import_anew_is_another_attempt_and_says_nothing_twice(flow: LocalFlow) -> None:
    """As after `dbutils.library.restartPython` on the local workspace."""
    source = f"""
        import logging, sys
        {SPEAKS.splitlines()[0]}
        logging.warning("first")
        del sys.modules["databricks_pipes"]
        {SPEAKS.splitlines()[0]}
        logging.warning("second")
    """
    flow.run(source, **flow.given.environment)
    assert sorted(flow.finish().lines) == ["first", "second"]
    assert flow.warnings == []


def test_a_function_for_executors_may_hold_it(flow: LocalFlow) -> None:
    source = f"{SPEAKS}import pickle\nassert pickle.loads(pickle.dumps(pipes)) is pipes\n"
    assert flow.run(source, **flow.given.environment).endswith("exit code 0")


CELLS = """
import os, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in sys.argv[1:]:
    shell.run_cell(cell)
os._exit(0)
"""
"""A notebook, whose process is killed after its last cell: nothing that runs at an exit helps."""


def test_a_notebook_sends_all_at_the_end_of_each_cell(flow: LocalFlow) -> None:
    written = "import logging, sys; x = sys.stdout.write('written\\n'); logging.warning('logged')"
    cells = (SPEAKS, "print('printed')", "pass", written, "pipes.log.info('last')")
    flow.run(CELLS, *cells, **flow.given.environment)
    assert flow.finish().lines == ["day 2026-11-27", "logged", "last"]
    assert flow.output("stdout") == ["printed", "written"]
    assert flow.output("stderr") == []
    # Cells that say nothing, or only print, are sent, and end nothing.
    assert flow.kinds.count("Closed") == 3
    assert flow.warnings == []


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("int('no day')", "ValueError"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        # As `dbutils.notebook.exit` does it.
        ("class NotebookExit(Exception): pass\nraise NotebookExit('1')", ""),
    ],
)
def test_what_ended_a_notebook_is_told(flow: LocalFlow, cell: str, name: str) -> None:
    flow.run(CELLS, SPEAKS, cell, **flow.given.environment)
    assert flow.finish().warnings == []
    ended = [each.exception for each in flow.messages if isinstance(each, Closed)][-1]
    assert (ended.name if ended else "") == name


def test_widgets_are_found_from_a_module_of_the_notebook(flow: LocalFlow) -> None:
    """`dbutils` is a name of the notebook; its widgets raise for what is not there."""
    widgets = f"""
class Widgets:
    def get(self, name):
        if name not in {flow.given.environment!r}:
            raise RuntimeError("InputWidgetNotDefined")
        return {flow.given.environment!r}[name]
class dbutils:
    widgets = Widgets()
"""
    flow.run(CELLS, widgets, SPEAKS)
    assert flow.finish().lines == ["day 2026-11-27"]


def test_an_executor_of_spark_says_nothing(flow: LocalFlow) -> None:
    on_executor = """
        import sys, types
        context = types.SimpleNamespace(get=lambda: "a task of a job")
        sys.modules["pyspark.taskcontext"] = types.SimpleNamespace(TaskContext=context)
        from databricks_pipes import pipes
        assert not pipes.listening
    """
    # "No flow listens" would come once for each worker, and not be true.
    assert flow.run(on_executor, **flow.given.environment) == "exit code 0"
    assert list(flow.folder.iterdir()) == []


def test_a_fork_while_another_thread_prints_does_not_hang(flow: LocalFlow) -> None:
    """The lock of the helper would never be released in the child, whose first `print` would wait for it."""
    source = """
        from databricks_pipes import pipes
        import os, signal, threading, time
        prints = threading.Event()

        def print_for_a_second():
            with pipes._lock:
                prints.set()
                time.sleep(1)

        thread = threading.Thread(target=print_for_a_second)
        thread.start()
        prints.wait()
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            print("child", flush=True)
            pipes.log.info("from the child")
            grandchild = os.fork()
            if grandchild == 0:
                print("grandchild", flush=True)
                os._exit(0)
            assert os.waitpid(grandchild, 0)[1] == 0
            os._exit(0)
        print("status of the child", os.waitpid(child, 0)[1])
        thread.join()
    """
    said = flow.run(source, **flow.given.environment)
    assert said == "child\ngrandchild\nstatus of the child 0\nexit code 0"
    # The parent speaks on, and only the parent.
    assert flow.finish().output("stdout") == ["status of the child 0"]
    assert flow.lines == []
    assert flow.warnings == []
