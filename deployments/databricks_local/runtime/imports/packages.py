"""The packages that the Databricks runtime has and this environment may not have."""

RUNTIME = "16.4 LTS"

RUNTIME_PACKAGES = {
    "nest_asyncio": ("nest-asyncio", "1.6.0"),
    "plotly": ("plotly", "5.22.0"),
    "requests": ("requests", "2.32.2"),
    "scipy": ("scipy", "1.13.1"),
    "sklearn": ("scikit-learn", "1.4.2"),
    "sqlparse": ("sqlparse", "0.5.1"),
    "statsmodels": ("statsmodels", "0.14.2"),
    "tenacity": ("tenacity", "8.2.2"),
    "yaml": ("pyyaml", "6.0.1"),
}
"""The packages of the extra `runtime` by their modules, and what `RUNTIME` has of them, the oldest allowed.

Docs: release notes of the runtime, installed Python libraries. A test compares this with the extra.
"""

OTHERS = {
    "mlflow": "the ML runtime has it; here, install it with %pip or as a library of the task",
    "delta": "delta-spark needs Delta's jars; use SQL (MERGE, UPDATE, DELETE) on the engine sail",
}


def explain(error: BaseException) -> None:
    """Say in a `ModuleNotFoundError` how to get the package, if a notebook on Databricks would have it."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return
    name = error.name.partition(".")[0]
    if name in RUNTIME_PACKAGES:
        hint = (
            f"the Databricks runtime has it ({RUNTIME}: {' '.join(RUNTIME_PACKAGES[name])}); "
            "here, it comes with: pip install 'databricks-flows[runtime]'"
        )
    elif name in OTHERS:
        hint = OTHERS[name]
    else:
        return
    error.msg = f"{error.msg}: {hint}"
    error.args = (error.msg,)
