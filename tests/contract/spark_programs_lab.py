"""Runs the programs of `tests/spark_programs` as notebooks of one run, and compares what they give.

`python -m tests.contract.spark_programs_lab` runs them on Apache Spark, and keeps what they give as golden.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from databricks.sdk.service import jobs
from databricks.sdk.service.workspace import ImportFormat
from databricks_local import LocalWorkspace
from databricks_local.jobs.engines import SPARK

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
            tasks = [_task(lab, theme, str(cluster.cluster_id)) for theme in THEMES]
            run = lab.ended(lab.submit(*tasks), seconds)
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


def read_golden() -> Outcomes:
    """What the programs give on Apache Spark."""
    kept = json.loads(GOLDEN.read_text())
    return {
        f"{theme}/{mode}/{name}": outcome
        for key, outcome in kept.items()
        for theme, modes, name in [key.split("/")]
        for mode in modes.split("-")
    }


def golden_of(outcomes: Outcomes) -> str:
    """The text of the file, a line each; what both ANSI modes give is there once."""
    kept = {}
    for key, outcome in sorted(outcomes.items()):
        theme, mode, name = key.split("/")
        plain = {field: value for field, value in outcome.items() if field != "words"}
        off = kept.get(f"{theme}/off/{name}")
        if mode == "on" and off == plain:
            del kept[f"{theme}/off/{name}"]
            mode = "off-on"
        kept[f"{theme}/{mode}/{name}"] = plain
    lines = [f"{json.dumps(key)}: {json.dumps(kept[key], ensure_ascii=False)}" for key in sorted(kept)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def differences(golden: Outcomes, found: Outcomes) -> dict[str, str]:
    """How programs differ from Apache Spark: `theme/program`, with the mode if it is one only."""
    kinds: dict[str, dict[str, str]] = {}
    for key, outcome in golden.items():
        theme, mode, name = key.split("/")
        kinds.setdefault(f"{theme}/{name}", {})[mode] = difference(outcome, found[key])
    differing = {}
    for name, by_mode in kinds.items():
        if len(set(by_mode.values())) == 1:
            differing[name] = next(iter(by_mode.values()))
        else:
            differing.update({f"{name} (ANSI {mode})": kind for mode, kind in by_mode.items()})
    return {name: kind for name, kind in differing.items() if kind}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        GOLDEN.write_text(golden_of(run_programs(Path(folder) / "root", SPARK, 1800)))
