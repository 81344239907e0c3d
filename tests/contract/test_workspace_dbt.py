"""dbt-databricks by use_sea, unmodified, with a small project, in an environment of its own."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks_local import LocalWorkspace

from .client_lab import SCRIPTS, environment_with, said, variables_of
from .sql_lab import SqlLab, starter_of
from .workspace_lab import lab_of

pytestmark = pytest.mark.clients

PACKAGES = ("dbt-databricks>=1.11,<1.12", "dbt-core<1.12")


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlLab]:
    with (
        pytest.MonkeyPatch.context() as patch,
        LocalWorkspace(tmp_path_factory.mktemp("secure"), tls=True) as workspace,
    ):
        for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            patch.setenv(variable, str(workspace.authority))
        for lab in lab_of(workspace):
            yield starter_of(lab)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project: dbt writes into it."""
    return shutil.copytree(SCRIPTS / "dbt_project", tmp_path_factory.mktemp("dbt") / "project")


@pytest.fixture(scope="module")
def dbt(starter: SqlLab, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Runs a command of dbt; what each node came to, by its name."""
    programs = environment_with(tmp_path_factory.mktemp("env") / "env", *PACKAGES)
    own = {"HOME": str(project), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    variables = {**variables_of(starter.lab.workspace, starter.warehouse_id), **own}

    def run(*command: str) -> dict[str, str]:
        said([str(programs / "dbt"), *command, "--profiles-dir", "."], variables, project)
        results = json.loads((project / "target" / "run_results.json").read_text())["results"]
        return {each["unique_id"].split(".", 2)[2]: each["status"] for each in results}

    return run


def test_the_whole_life_of_a_project(starter: SqlLab, project: Path, dbt: Any) -> None:
    assert dbt("seed") == {"plants": "success"}
    assert dbt("run") == {"by_kind": "success", "large": "success", "recent": "success"}
    assert dbt("snapshot") == {"plants_snapshot": "success"}
    assert set(dbt("test").values()) == {"pass"}
    schema = "main.dbt_green"
    text = f"SELECT kind, power, plants FROM {schema}.by_kind ORDER BY kind"
    assert starter.rows(text) == [["solar", "20", "1"], ["wind", "40", "2"]]
    # The data change: what is incremental merges, and the snapshot keeps what was.
    seeds = project / "seeds" / "plants.csv"
    seeds.write_text(seeds.read_text().replace("3,East,wind,30", "3,East,wind,35") + "4,West,solar,5\n")
    dbt("seed")
    dbt("run")
    dbt("snapshot")
    assert starter.rows(f"SELECT id, power FROM {schema}.recent ORDER BY id") == [
        ["1", "10"], ["2", "20"], ["3", "35"], ["4", "5"],
    ]  # fmt: skip
    kept = f"SELECT power, dbt_valid_to IS NULL FROM {schema}.plants_snapshot WHERE id = 3 ORDER BY power"
    assert starter.rows(kept) == [["30", "false"], ["35", "true"]]
    said_of_docs = dbt("docs", "generate")
    assert said_of_docs
    catalog = json.loads((project / "target" / "catalog.json").read_text())
    columns = catalog["nodes"]["model.green.by_kind"]["columns"]
    assert set(columns) == {"kind", "power", "plants"}
