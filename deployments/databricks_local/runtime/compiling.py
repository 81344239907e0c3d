"""Compiles Python cells."""

import ast
from collections.abc import Iterator
from types import CodeType

from databricks_local.runtime.source import Cell


def compiled(cell: Cell, path: str) -> Iterator[tuple[CodeType, bool]]:
    """Compile the statements of a cell, and separately the expression at its end, whose value is shown.

    Args:
        cell: The cell.
        path: The path of its notebook, for tracebacks.

    Yields:
        Code, and whether its value is shown.
    """
    # Blank lines before the cell, so that line numbers are those of the whole notebook.
    tree = ast.parse("\n" * (cell.first_line - 1) + cell.text, path)
    last = tree.body[-1] if tree.body else None
    shown = isinstance(last, ast.Expr) and not cell.text.rstrip().endswith(";")
    body = tree.body[:-1] if shown else tree.body
    if body:
        yield compile(ast.Module(body, tree.type_ignores), path, "exec", dont_inherit=True), False
    if shown and isinstance(last, ast.Expr):
        yield compile(ast.Expression(last.value), path, "eval", dont_inherit=True), True
