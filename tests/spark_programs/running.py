"""Runs the programs of a theme in a session, and says what became of each. It runs in notebooks on both engines.

A result is the types and the rows, or a value; where Spark refuses, it is the condition of the error. Rows have no
order: a program that is about order returns a value, and so does one about the names of columns.
"""

import datetime
import importlib
import inspect
import os
import time
from decimal import Decimal

THEMES = (
    "aggregates", "arithmetic", "casts", "dates", "files", "functions", "joins", "nested", "pandas_api", "tables",
    "texts", "texts_as_numbers", "windows",
)  # fmt: skip

ONE_MODE = frozenset({"functions", "pandas_api"})
"""Themes that ANSI mode hardly touches, and that take long."""


def modes(theme):
    """The ANSI modes in which a theme is run."""
    return ("on",) if theme in ONE_MODE else ("off", "on")


def programs(theme):
    """The programs of a theme by their names: its functions, but for helpers."""
    module = importlib.import_module(f"spark_programs.{theme}")
    return {
        name: each
        for name, each in inspect.getmembers(module, inspect.isfunction)
        if each.__module__ == module.__name__ and not name.startswith("_")
    }


def outcomes(spark, theme, mode, folder):
    """What became of each program of a theme."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    spark.conf.set("spark.sql.ansi.enabled", str(mode == "on").lower())
    return {
        name: outcome(spark, program, f"{folder}/{mode}/{name}") for name, program in programs(theme).items()
    }


def outcome(spark, program, folder):
    """The result of a program, or its error."""
    from pyspark.sql import DataFrame

    takes_folder = len(inspect.signature(program).parameters) > 1
    try:
        result = program(spark, folder) if takes_folder else program(spark)
        if not isinstance(result, DataFrame):
            return {"value": plain(result)}
        types = [field.dataType.simpleString() for field in result.schema]
        return {"types": types, "rows": sorted((plain(list(row)) for row in result.collect()), key=repr)}
    except Exception as error:  # noqa: BLE001 - whatever a program raises is its outcome
        condition = getattr(error, "getCondition", lambda: None)()
        return {"error": condition or type(error).__name__, "words": str(error)}


def plain(value):
    """A value as JSON has it, with its type where JSON does not tell it."""
    if isinstance(value, float):
        # The last digits depend on the order in which numbers are added up.
        return f"{value:.12g}f"
    if isinstance(value, bool | int | str | type(None)):
        return value
    if isinstance(value, dict):
        # A map's entries have an order, but not the same everywhere.
        return {"map": sorted(([plain(key), plain(each)] for key, each in value.items()), key=repr)}
    if hasattr(value, "asDict"):
        return {"struct": [[name, plain(each)] for name, each in zip(value.__fields__, value, strict=True)]}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return str(value).replace(" ", "T") if isinstance(value, Decimal | datetime.date) else repr(value)
