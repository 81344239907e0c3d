"""Runs the programs of `tests/spark_programs` as the notebooks of one run, and compares what they give."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from databricks.sdk.service import jobs
from databricks.sdk.service.workspace import ImportFormat
from databricks_local import LocalWorkspace
from tests.spark_programs.running import THEMES

from .workspace_lab import CLUSTER, Lab, lab_of

PROGRAMS = Path(__file__).parents[1] / "spark_programs"
GOLDEN = PROGRAMS / "golden.json"
SOURCE = """
import json, pathlib
from spark_programs import running
outcomes = {mode: running.outcomes(spark, THEME, mode, f"/programs/{THEME}") for mode in running.modes(THEME)}
pathlib.Path(f"/dbfs/outcomes/{THEME}.json").write_text(json.dumps(outcomes))
"""

Outcomes = dict[str, dict[str, Any]]
"""By theme, mode and program, as `theme/mode/program`."""


def run_programs(folder: Path, engine: str, seconds: float) -> Outcomes:
    """What each program gives on an engine."""
    with LocalWorkspace(folder, engine=engine) as workspace:
        for lab in lab_of(workspace):
            _upload(lab)
            lab.sdk.dbfs.mkdirs("/outcomes")
            cluster = lab.sdk.clusters.create(**{**CLUSTER, "cluster_name": "programs"}).result()
            run = lab.ended(lab.submit(*[_task(lab, theme, str(cluster.cluster_id)) for theme in THEMES]), seconds)
            assert {task["state"].get("result_state") for task in run["tasks"]} == {"SUCCESS"}, run
            return dict(_read(workspace.root / "dbfs" / "outcomes"))
    raise AssertionError


def _upload(lab: Lab) -> None:
    lab.sdk.workspace.mkdirs("/Shared/spark_programs")
    for place in PROGRAMS.glob("*.py"):
        path = f"/Shared/spark_programs/{place.name}"
        lab.sdk.workspace.upload(path, place.read_bytes(), format=ImportFormat.AUTO, overwrite=True)


def _task(lab: Lab, theme: str, cluster_id: str) -> jobs.SubmitTask:
    path = lab.notebook(f"run_{theme}", f"THEME = {theme!r}\n{SOURCE}")
    task = lab.task(theme, path)
    task.new_cluster, task.existing_cluster_id = None, cluster_id
    return task


def _read(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for place in sorted(folder.iterdir()):
        for mode, programs in json.loads(place.read_text()).items():
            for name, outcome in programs.items():
                yield f"{place.stem}/{mode}/{name}", outcome


def difference(golden: dict[str, Any], found: dict[str, Any]) -> str:
    """How a result differs from that of Apache Spark; empty if it does not."""
    if "error" in golden:
        return "" if "error" in found else "runs"
    if "error" in found:
        return "refused"
    if golden.get("types") != found.get("types"):
        return "type" if _texts(golden) == _texts(found) else "value"
    return "" if golden == found else "value"


def _texts(outcome: dict[str, Any]) -> str:
    return json.dumps(outcome.get("rows")).replace('"', "").replace("f", "")


def without_words(outcome: dict[str, Any]) -> dict[str, Any]:
    """An outcome as it is kept: of an error, what Spark calls it."""
    return {name: value for name, value in outcome.items() if name != "words"}
