"""Modules beside a notebook, and libraries that notebooks offer to their cluster."""

import importlib
import importlib.util
import subprocess
import sys
import textwrap
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from databricks_local.runtime.imports.offered import OfferedLibraries, offer
from databricks_local.runtime.imports.packages import RUNTIME_PACKAGES, explain
from packaging.requirements import Requirement
from packaging.version import Version


@pytest.mark.parametrize("entry", ["{folder}", "../{folder.name}", "."])
def test_modules_in_a_folder_leave_no_byte_code_and_travel_whole(tmp_path: Path, entry: str) -> None:
    (tmp_path / "beside_me.py").write_text("FACTOR = 3\n\n\ndef times(n):\n    return FACTOR * n\n")
    code = f"""
        import sys
        from pathlib import Path
        from pyspark import cloudpickle
        from databricks_local.runtime.imports.beside import import_from
        import_from([Path({str(tmp_path)!r})])
        sys.path.insert(0, {entry.format(folder=tmp_path)!r})
        import beside_me
        print(cloudpickle.dumps(beside_me.times).hex())
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    # Here the module cannot be imported.
    assert importlib.util.find_spec("beside_me") is None
    from pyspark import cloudpickle

    assert cloudpickle.loads(bytes.fromhex(ended.stdout.strip()))(2) == 6
    assert [place.name for place in tmp_path.iterdir()] == ["beside_me.py"]


def test_offered_libraries_are_found_once_they_are_there(tmp_path: Path) -> None:
    offers, libraries = tmp_path / "offers", tmp_path / "libraries"
    finder = OfferedLibraries(offers)
    assert finder.find_spec("offered_one", None) is None
    offer(str(offers), str(libraries))
    assert finder.find_spec("offered_one", None) is None
    libraries.mkdir()
    (libraries / "offered_one.py").write_text("")
    importlib.invalidate_caches()
    found = finder.find_spec("offered_one", None)
    assert found is not None
    assert found.origin == str(libraries / "offered_one.py")
    assert finder.find_spec("package.offered_one", [str(libraries)]) is None


def test_the_extra_has_the_packages_of_the_runtime_in_its_versions_or_newer() -> None:
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())
    extra = map(Requirement, project["project"]["optional-dependencies"]["runtime"])
    oldest = {
        each.name: {Version(part.version) for part in each.specifier if part.operator == ">="}
        for each in extra
        if each.name != "databricks-flows"
    }
    assert oldest == {name: {Version(version)} for name, version in RUNTIME_PACKAGES.values()}


@pytest.mark.parametrize("module", RUNTIME_PACKAGES)
def test_modules_belong_to_their_packages(module: str) -> None:
    package, version = RUNTIME_PACKAGES[module]
    installed = packages_distributions()[module]
    assert package in [name.lower().replace("_", "-") for name in installed]
    error = ModuleNotFoundError(f"No module named '{module}'", name=f"{module}.part")
    explain(error)
    assert f"16.4 LTS: {package} {version}" in str(error)
