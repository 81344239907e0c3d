"""Compiles Python cells, with top-level `await` as in IPython."""

import ast
from collections.abc import Callable, Iterator
from types import CodeType

from databricks_local.runtime.source import Cell

Transform = Callable[[str], str]
"""Turns a cell with magics, `!commands` or `help?` into Python, as IPython does."""


def compiled(cell: Cell, path: str, transform: Transform = str) -> Iterator[tuple[CodeType, bool]]:
    """Compile the statements of a cell, and separately the expression at its end, whose value is shown.

    Args:
        cell: The cell.
        path: The path of its notebook, for tracebacks.
        transform: Applied to a cell that is no Python; what IPython adds to the language never is.

    Yields:
        Code, and whether its value is shown.
    """
    tree = _parsed(cell, path, transform)
    last = tree.body[-1] if tree.body else None
    shown = isinstance(last, ast.Expr) and not cell.text.rstrip().endswith(";")
    body = tree.body[:-1] if shown else tree.body
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    if body:
        yield compile(ast.Module(body, tree.type_ignores), path, "exec", flags, dont_inherit=True), False
    if shown and isinstance(last, ast.Expr):
        yield compile(ast.Expression(last.value), path, "eval", flags, dont_inherit=True), True


def _parsed(cell: Cell, path: str, transform: Transform) -> ast.Module:
    # Blank lines before the cell, so that line numbers are those of the whole notebook.
    before = "\n" * (cell.first_line - 1)
    try:
        return ast.parse(before + cell.text, path)
    except SyntaxError:
        changed = transform(cell.text)
        if changed.strip() == cell.text.strip():
            raise
    return ast.parse(before + changed, path)
