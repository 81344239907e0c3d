"""The examples of the docstrings, run as they stand."""

from __future__ import annotations

import doctest
from importlib import import_module
from pkgutil import iter_modules

import pytest
from databricks_blocks import pipes

MODULES = [module.name for module in iter_modules(pipes.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    assert doctest.testmod(import_module(f"databricks_blocks.pipes.{name}")).failed == 0


@pytest.mark.parametrize("name", ["AssetResult", "CheckResult", "Pipes", "PipesResult"])
def test_the_names_of_users_have_examples(name: str) -> None:
    documented = getattr(import_module("databricks_blocks.pipes.pipes"), name)
    assert ">>> " in (documented.__doc__ or "")
