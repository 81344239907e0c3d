"""What is decided about programs and libraries, without running them."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.execution.driver_log import end_of_log
from databricks_local.execution.provisioning.installing import installation_failure
from databricks_local.files.workspace_files import MAX_NOTEBOOK_BYTES
from databricks_local.jobs.bodies.programs import arguments_of, parse_python_file
from databricks_local.jobs.libraries import Library, parse_libraries
from databricks_local.jobs.specs import PythonFileSpec, PythonWheelSpec
from databricks_local.runtime.dbutils.secret_values import Redactor
from databricks_local.runtime.environment import FIXED
from databricks_local.tasks.code import file_source


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/Shared/a.py", "/Workspace/Shared/a.py"),
        ("/Workspace/Shared/a.py", "/Workspace/Shared/a.py"),
        ("/Volumes/a/b/c/d.py", "/Volumes/a/b/c/d.py"),
        ("dbfs:/a.py", "dbfs:/a.py"),
    ],
)
def test_paths_of_python_files(given: str, path: str) -> None:
    assert parse_python_file({"python_file": given, "parameters": ["a", 1]}) == PythonFileSpec(
        path, ("a", "1")
    )


@pytest.mark.parametrize("path", ["a.py", "s3://bucket/a.py", "./a.py", ""])
def test_paths_that_are_refused(path: str) -> None:
    with pytest.raises(ApiError):
        parse_python_file({"python_file": path})


def test_the_command_line_of_a_wheel() -> None:
    assert arguments_of(PythonWheelSpec("a", "b", ("x", "y"))) == ("x", "y")
    assert arguments_of(PythonWheelSpec("a", "b", (), {"k": "v w"})) == ("--k=v w",)


def test_libraries() -> None:
    body: dict[str, Any] = {
        "libraries": [{"pypi": {"package": "a==1", "repo": "http://x"}}, {"whl": "/b.whl"}]
    }
    first, second = parse_libraries(body)
    assert (first, second) == (Library("pypi", "a==1", "http://x"), Library("whl", "/b.whl"))
    assert (str(first), str(second)) == ('pypi { package: "a==1" }', 'whl: "/b.whl"')


def test_the_message_of_a_failure_holds_no_password() -> None:
    command = "pip install a --index-url https://me:pass@host/simple"
    message = installation_failure(Library("pypi", "a"), "c-1", command, 1, "ERROR: no")
    assert "pip install a --index-url https://****@host/simple) exited with code 1. ERROR: no" in message


def test_file_source_stays_inside(tmp_path: Path) -> None:
    places = {name: str(tmp_path / name.strip("/")) for name in ("/dbfs", "/Volumes", "/Workspace")}
    for place in places.values():
        Path(place).mkdir()
    (tmp_path / "outside.py").write_text("secret")
    (tmp_path / "Workspace" / "a.py").write_text("inside")
    (tmp_path / "Workspace" / "link.py").symlink_to(tmp_path / "outside.py")
    assert file_source("/Workspace/a.py", places) == "inside"
    for path in ("/Workspace/link.py", "/Workspace/../outside.py", "dbfs:/../outside.py", "/Workspace"):
        assert file_source(path, places) is None


@pytest.mark.parametrize(
    "path", ["dbfs:/" + "x" * 300, "dbfs:/" + "x/" * 3000, "/Volumes/a\0b", "dbfs:/circle"]
)
def test_paths_at_which_no_file_can_be(tmp_path: Path, path: str) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert file_source(path, dict.fromkeys(("/dbfs", "/Volumes", "/Workspace"), str(tmp_path))) is None


@pytest.mark.parametrize(
    "library",
    [{"whl": "/Volumes/a\0.whl"}, {"pypi": {"package": "a\0b"}}, {"pypi": {"package": "a", "repo": "\n"}}],
)
def test_libraries_that_cannot_be_arguments_of_pip(library: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match="has a character that cannot be printed"):
        parse_libraries({"libraries": [library]})


@pytest.mark.parametrize(
    ("written", "shown", "truncated"),
    [
        (b"", "", False),
        (b"abc", "abc", False),
        (b"x" * 10, "x" * 10, False),
        (b"y" + b"x" * 10, "x" * 10, True),
    ],
)
def test_the_end_of_a_log(tmp_path: Path, written: bytes, shown: str, truncated: bool) -> None:
    log = tmp_path / "log"
    log.write_bytes(written)
    assert end_of_log(log, Redactor(), 10) == (shown, truncated)


def test_no_part_of_a_secret_is_at_the_cut(tmp_path: Path) -> None:
    log, redactor = tmp_path / "log", Redactor()
    redactor.add("swordfish")
    for before in range(140_000, 140_020):
        log.write_bytes(b"-" * before + b"swordfish" * 20_000)
        text, _ = end_of_log(log, redactor, 100)
        assert set(text) <= set("[REDACTED]-")


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """The distributions of which the interpreter that tasks are forked from has loaded native modules."""
    script = (
        "import databricks_local.execution.preload, sys, importlib.metadata as m\n"
        "files = {str(getattr(module, '__file__', None)) for module in list(sys.modules.values())}\n"
        "for owner in m.distributions():\n"
        "    if any(file.suffix == '.so' and str(file.locate()) in files for file in owner.files or []):\n"
        "        print(owner.name)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_what_cannot_be_loaded_twice_is_pinned(loaded: set[str]) -> None:
    assert {"numpy", "pandas", "pyarrow", "grpcio"} <= loaded
    assert loaded <= set(FIXED)
    for name in FIXED:
        metadata.version(name)


def test_a_file_with_a_mark_of_the_byte_order(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_bytes(b"\xef\xbb\xbfSELECT 1")
    places = dict.fromkeys(("/dbfs", "/Volumes", "/Workspace"), str(tmp_path))
    assert file_source("/Workspace/a.sql", places) == "SELECT 1"


def test_a_file_that_is_too_long_is_not_run_in_part(tmp_path: Path) -> None:
    places = dict.fromkeys(("/dbfs", "/Volumes", "/Workspace"), str(tmp_path))
    (tmp_path / "a.sql").write_bytes(b"x" * MAX_NOTEBOOK_BYTES)
    assert len(file_source("/Workspace/a.sql", places) or "") == MAX_NOTEBOOK_BYTES
    (tmp_path / "a.sql").write_bytes(b"x" * (MAX_NOTEBOOK_BYTES + 1))
    with pytest.raises(ApiError, match=r"a\.sql is longer than"):
        file_source("/Workspace/a.sql", places)
