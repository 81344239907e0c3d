"""IPython for the cells that need it: what it adds to Python, its magics, and its `display`.

The runtime of Databricks runs notebooks on IPython. Here a notebook begins without it, since most cells are
plain Python and the import takes a quarter of a second.
"""

import asyncio
import inspect
import sys
import tempfile
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NoReturn

from databricks_local.runtime.magics.shell import run_script
from databricks_local.runtime.outputs import Output, bundle_output

LineMagic = Callable[[str], object]


class IPythonShell:
    """The shell of one notebook, made when a cell first needs it.

    Attributes:
        magics: The line magics of the notebook's own, by name.
        given: The names that the notebook did not define itself.
    """

    def __init__(self, directory: Path | None, show: Callable[[Output], object]) -> None:
        """Set up.

        Args:
            directory: Where IPython keeps its files. `None`: in a temporary directory.
            show: Gets what IPython displays.
        """
        self._directory = directory
        self._show = show
        self._shell: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.magics: dict[str, LineMagic] = {}
        self.given: Collection[str] = ()

    def enter(self, module: ModuleType) -> Any:
        """The shell, for the namespace of the notebook."""
        if self._shell is None:
            self._shell = self._make(module)
        return self._shell

    def leave(self) -> None:
        """Forget the shell; the next one begins anew."""
        if self._shell is not None:
            type(self._shell).clear_instance()
            self._shell = None

    @contextmanager
    def one_cell(self, text: str) -> Iterator[None]:
        """Tell those who have registered for it (docs: IPython events) that a cell begins, and how it ends.

        Args:
            text: The cell.
        """
        self._tell("pre_run_cell", text, None)
        error: BaseException | None = None
        try:
            yield
        except BaseException as raised:
            error = raised
            raise
        finally:
            self._tell("post_run_cell", text, error)

    def _tell(self, event: str, text: str, error: BaseException | None) -> None:
        if self._shell is None:
            return
        from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult

        told: Any = ExecutionInfo(text, False, False, True, None)  # type: ignore[no-untyped-call]
        if event == "post_run_cell":
            told = ExecutionResult(told)  # type: ignore[no-untyped-call]
            told.error_in_exec = error
        try:
            self._shell.events.trigger(event, told)
        except Exception:  # noqa: BLE001 - the border: what a callback raises is shown, and ends no cell
            traceback.print_exc()

    def execute(self, codes: Sequence[CodeType], namespace: dict[str, Any]) -> Any:
        """Execute the parts of a cell, in an event loop if one awaits something.

        Tasks that it leaves behind live on until the next `await`.

        Returns:
            The value of the last part.
        """
        if not any(code.co_flags & inspect.CO_COROUTINE for code in codes):
            value = None
            for code in codes:
                value = eval(code, namespace)  # noqa: S307 - running the notebook is the purpose
            return value
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop.run_until_complete(_awaited(codes, namespace))

    def _make(self, module: ModuleType) -> Any:
        from IPython.core.displaypub import DisplayPublisher
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        show = self._show

        class Publisher(DisplayPublisher):
            """Makes output of the cell of what `IPython.display.display` publishes."""

            def publish(self, data: Mapping[str, Any], *_: Any, **__: Any) -> None:
                show(bundle_output(data))

        class NotebookShell(InteractiveShell):
            """Leaves errors to the notebook, in which they end the run."""

            def showtraceback(self, *_: Any, **__: Any) -> NoReturn:
                error = sys.exception()
                raise error if error is not None else RuntimeError("There is no error to show.")

            def init_virtualenv(self) -> None:
                """The environment is that of the workspace, whatever the variables say."""

            def run_cell(self, *arguments: Any, **named: Any) -> Any:
                result = super().run_cell(*arguments, **named)  # type: ignore[no-untyped-call]
                result.raise_error()
                return result

            def system(self, command: str) -> None:
                expanded = self.var_expand(command, depth=1)  # type: ignore[no-untyped-call]
                self.user_ns["_exit_code"] = run_script(expanded)

        self.leave()
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        config.InteractiveShell.ipython_dir = tempfile.mkdtemp(prefix="ipython-", dir=self._directory)
        shell = NotebookShell.instance(
            config=config, user_module=module, user_ns=vars(module), display_pub_class=Publisher
        )
        shell.user_ns_hidden.update({name: vars(module).get(name) for name in self.given})
        for name, magic in self.magics.items():
            shell.magics_manager.register_function(magic, "line", name)
        return shell


async def _awaited(codes: Sequence[CodeType], namespace: dict[str, Any]) -> Any:
    value = None
    for code in codes:
        value = eval(code, namespace)  # noqa: S307 - running the notebook is the purpose
        if code.co_flags & inspect.CO_COROUTINE:
            value = await value
    return value
