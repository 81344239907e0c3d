"""Notebooks as people write them, of `tests/corpus`: each runs, or is refused for a reason in the README.

A notebook checks itself by `assert`. They run as the tasks of one run on one cluster, so that the whole
corpus takes little more than its work.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import databricks_local
import pytest
from databricks.sdk.service import jobs
from databricks.sdk.service.workspace import ImportFormat
from databricks_local import LocalWorkspace
from databricks_local.runtime.source import detect_language

from .wheel_lab import build_wheel
from .workspace_lab import CLUSTER, Lab, lab_of

CORPUS = Path(__file__).parents[1] / "corpus"
README = Path(databricks_local.__file__).with_name("README.md")
HEADING = "## Notebooks that run"
SECONDS = 170
MAX_TASKS = 100

# Of each engine: the notebooks that do not run, the words of the error, and the reason in the README.
NO_CONTEXT = "there is no `sparkContext` over Spark Connect, as on shared clusters there"
NO_SINK = "Sail writes streams to the console only"
LANGUAGE = "Python and SQL only"
REFUSED: dict[str, dict[str, tuple[str, str]]] = {
    "sail": {
        "dataframes/quantiles": ("approx quantile", "Sail lacks `approxQuantile`"),
        "dataframes/string_arithmetic": ("Cannot coerce arithmetic", "Sail does not calculate with strings"),
        "delta/python_api": ("No module named 'delta': delta-spark needs", "delta-spark needs Delta's jars"),
        "machine_learning/spark_ml": ("ml command", "Sail lacks `pyspark.ml`"),
        "streaming/available_now": ("must write data to a sink", NO_SINK),
        "streaming/for_each_batch": ("Python UDF output type", NO_SINK),
        "streaming/to_memory": ("No data source found for: memory", NO_SINK),
        "tools/broadcast_variable": ("[JVM_ATTRIBUTE_NOT_SUPPORTED]", NO_CONTEXT),
        "tools/r_cell": ("%r cells cannot be run", LANGUAGE),
        "tools/rdd": ("[JVM_ATTRIBUTE_NOT_SUPPORTED]", NO_CONTEXT),
        "tools/scala_cell": ("%scala cells cannot be run", LANGUAGE),
    }
}


@dataclass(frozen=True)
class Outcome:
    """How a notebook ended: its error in one line, empty if it ran."""

    error: str
    trace: str


def notebooks() -> list[str]:
    """The names of the notebooks: folder and file, without the extension."""
    places = [place for place in CORPUS.rglob("*") if place.suffix in (".py", ".sql")]
    return sorted(_name(place) for place in places if detect_language(place.read_text()))


def runs() -> list[list[str]]:
    """The notebooks of each run, which has at most a hundred tasks; a theme is in one run."""
    found: list[list[str]] = [[]]
    for _, theme in groupby(notebooks(), key=lambda name: name.partition("/")[0]):
        names = list(theme)
        if len(found[-1]) + len(names) > MAX_TASKS:
            found.append([])
        found[-1] += names
    return found


def _name(place: Path) -> str:
    return place.relative_to(CORPUS).with_suffix("").as_posix()


def upload(lab: Lab, scratch: Path) -> None:
    wheel = build_wheel(scratch, "tiny_lesson", "1.0", "WORD = 'tiny'\n")
    for place in [*CORPUS.rglob("*"), wheel]:
        if place.is_file() and "__pycache__" not in place.parts:
            path = "tools" / Path(place.name) if place is wheel else place.relative_to(CORPUS)
            target = f"/Shared/corpus/{path.as_posix()}"
            lab.sdk.workspace.mkdirs(target.rpartition("/")[0])
            lab.sdk.workspace.upload(target, place.read_bytes(), format=ImportFormat.AUTO, overwrite=True)


def task_of(name: str, cluster_id: str) -> jobs.SubmitTask:
    (source,) = [place for place in CORPUS.rglob("*") if place.is_file() and _name(place) == name]
    before = re.findall(r"^# after: (\S+)$", source.read_text(), re.MULTILINE)
    return jobs.SubmitTask(
        task_key=key_of(name),
        notebook_task=jobs.NotebookTask(notebook_path=f"/Shared/corpus/{name}"),
        existing_cluster_id=cluster_id,
        depends_on=[jobs.TaskDependency(task_key=key_of(each)) for each in before],
    )


def key_of(name: str) -> str:
    return re.sub(r"[^\w]", "-", name)


@pytest.fixture(scope="module", params=["sail"])
def engine(request: pytest.FixtureRequest) -> str:
    """The engine of the clusters."""
    return str(request.param)


@pytest.fixture(scope="module")
def outcomes(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """How each notebook of the corpus ended."""
    with LocalWorkspace(tmp_path_factory.mktemp(engine)) as workspace:
        for lab in lab_of(workspace):
            upload(lab, tmp_path_factory.mktemp("wheel"))
            cluster = lab.sdk.clusters.create(**{**CLUSTER, "cluster_name": "corpus"}).result()
            found: dict[str, Outcome] = {}
            for names in runs():
                tasks = [task_of(name, str(cluster.cluster_id)) for name in names]
                run = lab.ended(lab.submit(*tasks), SECONDS)
                shown = lab.sdk.jobs.get_run(run["run_id"]).as_dict()["tasks"]
                by_key = {task["task_key"]: task for task in shown}
                found |= {name: outcome_of(lab, by_key[key_of(name)]) for name in names}
            yield {name: found[name] for name in notebooks()}


def outcome_of(lab: Lab, task: dict[str, Any]) -> Outcome:
    output = lab.sdk.jobs.get_run_output(task["run_id"])
    if task["state"].get("result_state") == "SUCCESS":
        return Outcome("", "")
    return Outcome(output.error or task["state"]["state_message"], output.error_trace or "")


def test_each_notebook_runs_or_is_refused_with_a_reason(engine: str, outcomes: dict[str, Outcome]) -> None:
    refused = REFUSED[engine]
    wrong = {
        name: f"{outcome.error}\n{outcome.trace}"
        for name, outcome in outcomes.items()
        if (name in refused) != bool(outcome.error) or refused.get(name, ("", ""))[0] not in outcome.error
    }
    assert wrong == {}, "\n\n".join(f"{name}: {error[:1500]}" for name, error in wrong.items())
    assert set(refused) <= set(outcomes)


def test_the_readme_has_the_table(engine: str, outcomes: dict[str, Outcome]) -> None:
    section = README.read_text().partition(HEADING)[2].partition("\n## ")[0]
    written = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert "\n".join(written) == "\n".join(table_of(engine, outcomes))


def table_of(engine: str, outcomes: dict[str, Outcome]) -> list[str]:
    """The rows of the table: theme, how many notebooks, how many run, what is refused and why."""
    themes: dict[str, list[str]] = defaultdict(list)
    for name in outcomes:
        themes[name.partition("/")[0]].append(name)
    rows = []
    for theme, names in themes.items():
        reasons: dict[str, list[str]] = defaultdict(list)
        for name in names:
            if outcomes[name].error:
                reasons[REFUSED[engine][name][1]].append(f"`{name.partition('/')[2]}`")
        why = "; ".join(f"{', '.join(each)}: {reason}" for reason, each in reasons.items())
        run = len(names) - sum(map(len, reasons.values()))
        rows.append(f"| {theme.replace('_', ' ')} | {len(names)} | {run} | {why} |")
    return rows
