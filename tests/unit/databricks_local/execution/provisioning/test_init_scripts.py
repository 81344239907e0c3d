"""Init scripts of clusters."""

from pathlib import Path

import pytest
from databricks_local.execution.provisioning.init_scripts import run_init_scripts


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("s3://bucket/init.sh", "this storage is not served here"),
        ("abfss://box@account.dfs.core.windows.net/init.sh", "this storage is not served here"),
        ("gs://bucket/init.sh", "this storage is not served here"),
        ("dbfs:/init.sh", "the file does not exist"),
        ("file:/no/such/init.sh", "the file does not exist"),
        ("/Shared/init.sh", "the file does not exist"),
    ],
)
def test_why_a_script_does_not_run(tmp_path: Path, script: str, says: str) -> None:
    places = {name: str(tmp_path / name[1:]) for name in ("/dbfs", "/Volumes", "/Workspace")}
    refused = run_init_scripts([script], "c-1", tmp_path / "libraries", places)
    assert refused.startswith(f"Cluster scoped init script {script} failed: {says}")
    assert "\n" not in refused
