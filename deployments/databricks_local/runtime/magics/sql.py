"""`%sql`: what a notebook does with a statement before Spark gets it. Pure.

Widgets come into SQL as `:name`, which is bound, and as `${name}`, `$name` and `getArgument('name')`, which
are replaced in the text (docs: Databricks widgets). `CREATE WIDGET` and `REMOVE WIDGET` are done here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from databricks_local.runtime.source import OPAQUE, pieces_of, without_comments_before

_WIDGET = re.compile(
    r"""(?isx) \s* CREATE \s+ WIDGET \s+ (?P<kind>TEXT|DROPDOWN|COMBOBOX|MULTISELECT) \s+
        (?P<name> `[^`]+` | [\w.\-]+ ) \s+ DEFAULT \s+ (?P<default> '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" )
        (?: \s+ CHOICES \s+ (?P<choices> .+ ) )? \s* """
)
_REMOVED = re.compile(r"(?isx) \s* REMOVE \s+ WIDGET \s+ (?P<name> `[^`]+` | [\w.\-]+ ) \s*")
# Not `::` of a cast, and not the path of a JSON column as in `column:field`.
_MARKERS = re.compile(rf"""{OPAQUE} | (?<![\w:)\]`"']):(?P<name>[A-Za-z_]\w*)""", re.VERBOSE)
# In one pattern: the value of a widget may look like a reference, and is not looked into.
_REFERENCE = re.compile(
    r"""(?x) \b (?i:getArgument) \s* \( \s* (?P<quote>['"]) (?P<argument>[^'"]*) (?P=quote) \s* \)
        | \$ \{ (?P<long>[^{}]+) \} | \$ (?P<short>[A-Za-z_]\w*)"""
)

Lookup = Callable[[str], str | None]
"""Finds the value of a name; None if it has none."""


@dataclass(frozen=True)
class WidgetStatement:
    """A statement about a widget.

    Attributes:
        kind: `text`, `dropdown`, `combobox`, `multiselect`, or `remove`.
        name: The widget.
        default: Its default value.
        choices: The query for its choices; empty if there is none.
    """

    kind: str
    name: str
    default: str = ""
    choices: str = ""


def widget_statement(statement: str) -> WidgetStatement | None:
    """Read `CREATE WIDGET` and `REMOVE WIDGET`; None for any other statement.

    Example:
        >>> widget_statement("CREATE WIDGET TEXT year DEFAULT '2024'")
        WidgetStatement(kind='text', name='year', default='2024', choices='')
    """
    statement = without_comments_before(statement)[1]
    removed = _REMOVED.fullmatch(statement)
    if removed is not None:
        return WidgetStatement("remove", removed["name"].strip("`"))
    found = _WIDGET.fullmatch(statement)
    if found is None:
        return None
    default = re.sub(r"\\(.)", r"\1", found["default"][1:-1])
    return WidgetStatement(found["kind"].lower(), found["name"].strip("`"), default, found["choices"] or "")


def bound_parameters(statement: str, widgets: Mapping[str, str]) -> dict[str, str]:
    """The widgets that a statement names as `:name`, outside of quotes and comments.

    Example:
        >>> bound_parameters("SELECT :a, b::int, ':c' FROM t", {"a": "1", "int": "2", "c": "3"})
        {'a': '1'}
    """
    markers = (found["name"] for found in pieces_of(_MARKERS, statement))
    return {name: widgets[name] for name in markers if name in widgets}


def replaced(statement: str, widget: Lookup, configuration: Lookup) -> str:
    """A statement with `getArgument`, `${name}` and `$name` replaced.

    Args:
        statement: The statement. The text is replaced in quotes, too, as people use it there.
        widget: Finds the value of a widget.
        configuration: Finds the value of a Spark configuration, as Spark does for `${name}`.

    Example:
        >>> replaced("SELECT * FROM ${schema}.t", {"schema": "sales"}.get, {}.get)
        'SELECT * FROM sales.t'
    """

    def value_of(found: re.Match[str]) -> str:
        name = found["argument"] if found["quote"] else found["long"] or found["short"]
        value = widget(name)
        if found["quote"]:
            value = value and value.replace("\\", "\\\\").replace("'", "\\'")
            return found[0] if value is None else f"'{value}'"
        if value is None and found["long"]:
            value = configuration(name)
        return found[0] if value is None else value

    return _REFERENCE.sub(value_of, statement)
