"""The packages that the Databricks runtime has and this environment may not have."""

RUNTIME_MODULES = frozenset(
    {"nest_asyncio", "plotly", "requests", "scipy", "sklearn", "sqlparse", "statsmodels", "tenacity", "yaml"}
)
"""The modules of the extra `runtime` (docs: release notes of the runtime, installed Python libraries)."""

OTHERS = {
    "mlflow": "the ML runtime has it; here, install it with %pip or as a library of the task",
    "delta": "delta-spark needs Delta's jars; use SQL (MERGE, UPDATE, DELETE) on the engine sail",
}


def explain(error: BaseException) -> None:
    """Say in a `ModuleNotFoundError` how to get the package, if a notebook on Databricks would have it."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return
    name = error.name.partition(".")[0]
    if name in RUNTIME_MODULES:
        hint = "it comes with the Databricks runtime; here, with: pip install 'databricks-flows[runtime]'"
    elif name in OTHERS:
        hint = OTHERS[name]
    else:
        return
    error.msg = f"{error.msg}: {hint}"
    error.args = (error.msg,)
