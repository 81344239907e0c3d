"""The names that users import from `databricks_flows`."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys

import databricks_flows
import pytest

from ...docstring_examples import run_examples

NAMES = [
    "AssetChecksFailed",
    "DatabricksJobError",
    "DatabricksRunFailed",
    "DatabricksRunResult",
    "DatabricksTask",
    "FilesNotLoaded",
    "FilesNotUploaded",
    "InvalidJob",
    "JobCluster",
    "JobSpecification",
    "Pipes",
    "PipesSession",
    "RepairPolicy",
    "RunPolicy",
    "SqlResult",
    "TaskResult",
    "analyse_green_energy",
    "aupload_files",
    "cancel_databricks_runs",
    "copy_into",
    "databricks_sql",
    "load_csv_files",
    "load_green_energy",
    "notebook_task",
    "open_pipes",
    "renewable_analysis",
    "run_databricks_job",
    "upload_files",
    "wait_for_partition",
    "wait_for_query",
]
RUN_IN_E2E = {
    "PipesSession",
    "SqlResult",
    "analyse_green_energy",
    "aupload_files",
    "databricks_sql",
    "load_csv_files",
    "load_green_energy",
    "open_pipes",
    "renewable_analysis",
    "run_databricks_job",
    "upload_files",
}
"""Their examples need a stack: `tests/e2e/test_examples.py` runs them."""
OF_BLOCKS = {"DatabricksJobError", "DatabricksRunFailed", "InvalidJob"}
"""`databricks_blocks` exports them as well, and its tests run their examples."""


def loaded_after(statements: str) -> set[str]:
    """The modules of a new process after some statements."""
    code = f"{statements}\nimport sys\nprint(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_the_names_are_these() -> None:
    assert sorted(databricks_flows.__all__) == NAMES
    assert set(NAMES) <= set(dir(databricks_flows))


def test_type_checkers_see_each_name_where_it_is_loaded_from() -> None:
    seen = {
        alias.name: node.module
        for node in ast.walk(ast.parse(inspect.getsource(databricks_flows)))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("databricks_")
        for alias in node.names
    }
    assert seen == databricks_flows._MODULES


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'databricks_flows' has no attribute 'run_job'"):
        databricks_flows.run_job  # noqa: B018


def test_importing_the_package_loads_nothing_else() -> None:
    packages = {module.partition(".")[0] for module in loaded_after("import databricks_flows")}
    assert packages.isdisjoint({"prefect", "pydantic", "databricks", "databricks_blocks", "pandas"})


def test_running_a_job_loads_no_library_of_data_storage_or_charts() -> None:
    modules = loaded_after("from databricks_flows import JobSpecification, run_databricks_job")
    assert modules.isdisjoint({"pandas", "matplotlib", "seaborn", "boto3", "psycopg2", "databricks.sdk"})


@pytest.mark.parametrize("name", [name for name in NAMES if name not in RUN_IN_E2E | OF_BLOCKS])
def test_the_example_of_each_name_runs(name: str) -> None:
    run_examples(getattr(databricks_flows, name), name)


def test_the_example_of_the_package_runs() -> None:
    run_examples(databricks_flows, "databricks_flows")
