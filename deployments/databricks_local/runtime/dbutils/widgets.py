"""`dbutils.widgets`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from databricks_local.runtime.dbutils.help import Helpful
from databricks_local.runtime.magics.sql import WidgetStatement


class InputWidgetNotDefined(Exception):
    """Raised when a widget is read that is neither defined nor passed as a parameter."""

    def __init__(self, name: str) -> None:
        super().__init__(f"No input widget named {name} is defined")


class Widgets(Helpful):
    """`dbutils.widgets`: a parameter of the run wins over the default that the notebook gives."""

    def __init__(self, parameters: dict[str, str]) -> None:
        self._parameters = dict(parameters)
        self._defaults: dict[str, str] = {}

    def text(self, name: str, defaultValue: str = "", label: str | None = None) -> None:  # noqa: N803
        """Define a text widget."""
        self._define(name, defaultValue)

    def dropdown(
        self,
        name: str,
        defaultValue: str,  # noqa: N803
        choices: Sequence[str],
        label: str | None = None,
    ) -> None:
        """Define a widget with one choice of several."""
        self._define(name, _one_of(name, defaultValue, choices))

    def combobox(
        self,
        name: str,
        defaultValue: str,  # noqa: N803
        choices: Sequence[str],
        label: str | None = None,
    ) -> None:
        """Define a widget with choices that takes other text as well."""
        self._define(name, defaultValue)

    def multiselect(
        self,
        name: str,
        defaultValue: str,  # noqa: N803
        choices: Sequence[str],
        label: str | None = None,
    ) -> None:
        """Define a widget with several choices; its value is those chosen, joined by commas."""
        self._define(name, _one_of(name, defaultValue, choices))

    def get(self, name: str) -> str:
        """The value of a widget, or of a parameter for which no widget was defined.

        Raises:
            InputWidgetNotDefined: If there is neither.
        """
        if name in self._parameters:
            return self._parameters[name]
        if name in self._defaults:
            return self._defaults[name]
        raise InputWidgetNotDefined(name)

    def getArgument(self, name: str, defaultValue: str = "") -> str:  # noqa: N802, N803
        """The value of a widget, or the default given here."""
        return self._parameters.get(name, self._defaults.get(name, defaultValue))

    def getAll(self) -> dict[str, str]:  # noqa: N802
        """All values by name."""
        return {**self._defaults, **self._parameters}

    def remove(self, name: str) -> None:
        """Remove a widget.

        Raises:
            InputWidgetNotDefined: If there is none of this name.
        """
        if name not in self._defaults and name not in self._parameters:
            raise InputWidgetNotDefined(name)
        self._defaults.pop(name, None)
        self._parameters.pop(name, None)

    def removeAll(self) -> None:  # noqa: N802
        """Remove every widget."""
        self._defaults.clear()
        self._parameters.clear()

    def follow(self, statement: WidgetStatement, choices: Callable[[str], Sequence[str]]) -> None:
        """Do what `CREATE WIDGET` or `REMOVE WIDGET` says.

        Args:
            statement: The statement.
            choices: Answers its query for choices.
        """
        if statement.kind == "remove":
            self.remove(statement.name)
        elif statement.kind == "text":
            self.text(statement.name, statement.default)
        else:
            offered = choices(statement.choices) if statement.choices else [statement.default]
            getattr(self, statement.kind)(statement.name, statement.default, offered)

    @contextmanager
    def given(self, values: Mapping[str, str]) -> Iterator[None]:
        """Set values while an included notebook runs.

        Without values, its widgets have their defaults (docs: widgets) or the parameters of the run.
        """
        before = dict(self._parameters)
        self._parameters.update(values)
        try:
            yield
        finally:
            self._parameters = before

    def _define(self, name: str, default: str) -> None:
        if not isinstance(name, str) or not isinstance(default, str):
            raise TypeError("A widget's name and default value are strings.")
        self._defaults[name] = default


def _one_of(name: str, default: str, choices: Sequence[str]) -> str:
    if default not in choices:
        raise ValueError(f"The default value {default!r} of widget {name} is not among its choices.")
    return default
