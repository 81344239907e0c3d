"""Notebooks as people write them, of `tests/corpus`: each runs, or is refused for a reason in the README.

A notebook checks itself by `assert`. They run as the tasks of few runs on one cluster, so that the whole
corpus takes little more than its work. On Apache Spark, for which CI has no time: `uv run pytest -m matrix`,
or `-m apache_spark`.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
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
SECONDS = {"sail": 170, "spark": 900}
"""For each run."""
AT_ONCE = 4
"""More are no faster."""
MAX_TASKS = 100

# Of each engine: the notebooks that do not run, the words of the error, and the reason in the README.
NO_CONTEXT = "there is no `sparkContext` over Spark Connect, as on shared clusters there"
NO_SINK = "Sail writes streams to the console only"
NO_JARS = "delta-spark needs Delta's jars"
LANGUAGE = "Python and SQL only"
NO_DELTA = ("Apache Spark has no Delta here", "the wheel has no Delta")
ALWAYS = {
    "delta/python_api": ("No module named 'delta': delta-spark needs", NO_JARS),
    "tools/broadcast_variable": ("has no RDDs: use DataFrames", NO_CONTEXT),
    "tools/r_cell": ("%r cells cannot be run", LANGUAGE),
    "tools/rdd": ("has no RDDs: use DataFrames", NO_CONTEXT),
    "tools/scala_cell": ("%scala cells cannot be run", LANGUAGE),
}
OF_THE_CATALOG = frozenset({"catalogs", "loading", "tables"})
"""Themes that are about the catalog of the workspace, which Spark does not see: they are run on Sail only."""
NOT_RUN = "needs the catalog"
REFUSED: dict[str, dict[str, tuple[str, str]]] = {
    "sail": {
        **ALWAYS,
        "dataframes/quantiles": ("approx quantile", "Sail lacks `approxQuantile`"),
        "machine_learning/spark_ml": ("ml command", "Sail lacks `pyspark.ml`"),
        "streaming/available_now": ("must write data to a sink", NO_SINK),
        "streaming/for_each_batch": ("Python UDF output type", NO_SINK),
        "streaming/to_memory": ("No data source found for: memory", NO_SINK),
    },
    "spark": {
        **ALWAYS,
        "delta/create_and_append": NO_DELTA,
        "delta/default_format": ("AssertionError", "the format is Parquet where none is named"),
        "delta/history": NO_DELTA,
        "delta/maintenance": NO_DELTA,
        "delta/merge": NO_DELTA,
        "delta/partitions": NO_DELTA,
        "delta/schema_evolution": NO_DELTA,
        "delta/table_at_a_location": NO_DELTA,
        "delta/time_travel": NO_DELTA,
        "delta/update_and_delete": NO_DELTA,
        "sql/changes": NO_DELTA,
        "sql/create_table_as": NO_DELTA,
    },
}


@dataclass(frozen=True)
class Outcome:
    """How a notebook ended: its error in one line, empty if it ran."""

    error: str
    trace: str


def notebooks(engine: str) -> list[str]:
    """The names of the notebooks that an engine runs: folder and file, without the extension."""
    left_out = () if engine == "sail" else OF_THE_CATALOG
    places = [place for place in CORPUS.rglob("*") if place.suffix in (".py", ".sql")]
    names = sorted(_name(place) for place in places if detect_language(place.read_text()))
    return [name for name in names if name.partition("/")[0] not in left_out]


def runs(engine: str) -> list[list[str]]:
    """The notebooks of each run, which has at most a hundred tasks; a theme is in one run."""
    found: list[list[str]] = [[]]
    for _, theme in groupby(notebooks(engine), key=lambda name: name.partition("/")[0]):
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


def tasks_on(names: list[str], cluster_id: str) -> list[jobs.SubmitTask]:
    """A task for each notebook, after those that it names, and not many at once."""
    sources = {
        _name(place): place.read_text() for place in CORPUS.rglob("*") if place.suffix in (".py", ".sql")
    }
    named = {name: re.findall(r"^# after: (\S+)$", sources[name], re.MULTILINE) for name in names}
    for name in [each for each in named if "\n# alone" in sources[each]]:
        named[name] = [each for each in named if each != name]
    ordered = list(TopologicalSorter(named).static_order())
    return [
        jobs.SubmitTask(
            task_key=key_of(name),
            notebook_task=jobs.NotebookTask(notebook_path=f"/Shared/corpus/{name}"),
            existing_cluster_id=cluster_id,
            depends_on=[
                jobs.TaskDependency(task_key=key_of(each))
                for each in {*named[name], *ordered[max(place - AT_ONCE, 0) : place][: place >= AT_ONCE]}
            ],
            run_if=jobs.RunIf.ALL_DONE,
        )
        for place, name in enumerate(ordered)
    ]


def key_of(name: str) -> str:
    return re.sub(r"[^\w]", "-", name)


@pytest.fixture(
    scope="module",
    params=["sail", pytest.param("spark", marks=(pytest.mark.apache_spark, pytest.mark.matrix))],
)
def engine(request: pytest.FixtureRequest) -> str:
    """The engine of the clusters."""
    return str(request.param)


@pytest.fixture(scope="module")
def outcomes(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """How each notebook of the corpus ended."""
    with LocalWorkspace(tmp_path_factory.mktemp(engine), engine=engine) as workspace:
        for lab in lab_of(workspace):
            upload(lab, tmp_path_factory.mktemp("wheel"))
            cluster = lab.sdk.clusters.create(**{**CLUSTER, "cluster_name": "corpus"}).result()
            found: dict[str, Outcome] = {}
            for names in runs(engine):
                run = lab.ended(lab.submit(*tasks_on(names, str(cluster.cluster_id))), SECONDS[engine])
                shown = lab.sdk.jobs.get_run(run["run_id"]).as_dict()["tasks"]
                by_key = {task["task_key"]: task for task in shown}
                found |= {name: outcome_of(lab, by_key[key_of(name)]) for name in names}
            yield {name: found[name] for name in notebooks(engine)}


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


def test_the_readme_has_the_tables(engine: str, outcomes: dict[str, Outcome]) -> None:
    section = README.read_text().partition(HEADING)[2].partition("\n## ")[0]
    tables = [read_table(part) for part in section.split("\n\n") if part.startswith("|")]
    run = {name for name, outcome in outcomes.items() if not outcome.error}
    every = notebooks("sail")
    themes: dict[str, list[str]] = defaultdict(list)
    for name in every:
        themes[theme_of(name)].append(name)
    counted, reasons = tables
    column = f"on {engine.capitalize()}"
    assert {row["theme"]: (row["notebooks"], row[column]) for row in counted} == {
        theme: (
            str(len(names)),
            str(len(run.intersection(names))) if outcomes.keys() & set(names) else NOT_RUN,
        )
        for theme, names in themes.items()
    }
    told = {f"`{name}`": "runs" if name in run else REFUSED[engine][name][1] for name in outcomes}
    named = {f"`{name}`" for refused in REFUSED.values() for name in refused}
    assert {row["notebook"]: row[column] for row in reasons} == {name: told[name] for name in named}


def read_table(text: str) -> list[dict[str, str]]:
    """The rows of a table, by the heads of its columns."""
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return [dict(zip(head, row, strict=True)) for row in rows]


def theme_of(name: str) -> str:
    return name.partition("/")[0].replace("_", " ")
