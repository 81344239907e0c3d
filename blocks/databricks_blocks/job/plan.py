"""Tell what a launch of a job would do, before any call is made. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from databricks_blocks.job.compute import StartingCluster, starting_clusters
from databricks_blocks.job.request_bodies import (
    create_body,
    job_tasks,
    run_now_body,
    submit_body,
    submit_tasks,
)
from databricks_blocks.job.specification import JobSpecification, LaunchMode
from databricks_blocks.job.task_json import Json
from databricks_blocks.job.validation import problems
from databricks_blocks.safe_text import markdown_code, markdown_text, one_line

_SET_AT_LAUNCH = "<set at launch>"
_LABEL_PUNCTUATION = re.compile('["&<>|#;`{}\\[\\]()]')


@dataclass(frozen=True)
class LaunchPlan:
    """What one way to launch would do.

    Attributes:
        launch: The way to launch.
        requests: Endpoints and bodies, in the order of the calls.
        clusters: The clusters that start; `None`: only the saved job knows.
        problems: Why it cannot be launched in this way.
    """

    launch: LaunchMode
    requests: tuple[tuple[str, Json], ...]
    clusters: tuple[StartingCluster, ...] | None
    problems: tuple[str, ...]

    @property
    def cluster_count(self) -> str:
        """How many clusters start, in words."""
        if self.clusters is None:
            return "the clusters of the saved job"
        count = "1 cluster" if len(self.clusters) == 1 else f"{len(self.clusters)} clusters"
        return f"{count} or more" if any(cluster.each_iteration for cluster in self.clusters) else count


@dataclass(frozen=True)
class JobPlan:
    """What a job is, and what each way to launch it would do.

    Attributes:
        name: Name of the job.
        launch: The way that the specification asks for.
        tasks: Key and kind of each task.
        edges: Key of a task, key of one that waits for it, and the outcome that it waits for.
        launches: What each way would do, the chosen one first.
    """

    name: str
    launch: LaunchMode
    tasks: tuple[tuple[str, str], ...]
    edges: tuple[tuple[str, str, str], ...]
    launches: tuple[LaunchPlan, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the job cannot be launched as its specification says."""
        return self.launches[0].problems

    def as_text(self) -> str:
        """Write the plan for a terminal."""
        lines = [f"{self.name}: {len(self.tasks)} tasks, launched by {self.launch}"]
        upstream = {key: [edge for edge in self.edges if edge[1] == key] for key, _ in self.tasks}
        for key, kind in self.tasks:
            after = ", ".join(
                f"{start} ({outcome})" if outcome else start for start, _, outcome in upstream[key]
            )
            lines.append(f"  {key}  {kind}" + (f"  after {after}" if after else ""))
        for launch in self.launches:
            lines.append(f"{launch.launch}: starts {launch.cluster_count}" + _chosen(launch, self))
            lines += [f"  {line}" for line in _cluster_lines(launch)]
            lines += [f"  problem: {problem}" for problem in launch.problems]
        return "\n".join(lines)

    def as_markdown(self) -> str:
        """Write the plan as Markdown, with the graph and the requests."""
        lines = [f"# {markdown_text(self.name)}", "", "| launch | starts | problems |", "| --- | --- | --- |"]
        for launch in self.launches:
            found = "<br>".join(markdown_text(problem) for problem in launch.problems) or "none"
            lines.append(f"| {launch.launch}{_chosen(launch, self)} | {launch.cluster_count} | {found} |")
        if self.tasks:
            lines += ["", "```mermaid", *self._mermaid(), "```"]
        for endpoint, body in self.launches[0].requests:
            lines += ["", f"`POST /api/2.2/jobs/{endpoint}`", "", _json(body)]
        return "\n".join(lines) + "\n"

    def _mermaid(self) -> Iterator[str]:
        numbers = {key: number for number, (key, _) in enumerate(self.tasks)}
        yield "graph LR"
        for key, kind in self.tasks:
            yield f'  t{numbers[key]}["{_label(key)}<br>{_label(kind)}"]'
        for start, end, outcome in self.edges:
            if start in numbers:
                arrow = f"-->|{_label(outcome)}|" if outcome else "-->"
                yield f"  t{numbers[start]} {arrow} t{numbers[end]}"


def plan(specification: JobSpecification) -> JobPlan:
    """Tell what launching a job would do."""
    ways: list[LaunchMode] = ["submit", "run_now"]
    if specification.launch == "existing_job":
        ways = ["existing_job"]
    ways.sort(key=lambda way: way != specification.launch)
    return JobPlan(
        name=specification.name,
        launch=specification.launch,
        tasks=tuple((task.task_key, task.kind) for task in specification.tasks),
        edges=tuple(
            (dependency.task_key, task.task_key, dependency.outcome or "")
            for task in specification.tasks
            for dependency in task.depends_on
        ),
        launches=tuple(_launch_plan(specification.model_copy(update={"launch": way})) for way in ways),
    )


def _launch_plan(specification: JobSpecification) -> LaunchPlan:
    found = tuple(problems(specification))
    if specification.launch == "submit":
        body = submit_body(specification, token=_SET_AT_LAUNCH)
        clusters = starting_clusters(submit_tasks(specification))
        return LaunchPlan("submit", (("runs/submit", body),), tuple(clusters), found)
    run: dict[str, Any] = run_now_body(
        specification, specification.existing_job_id or 0, token=_SET_AT_LAUNCH
    )
    if specification.launch == "existing_job":
        return LaunchPlan("existing_job", (("run-now", run),), None, found)
    requests = (("create", create_body(specification)), ("run-now", {**run, "job_id": _SET_AT_LAUNCH}))
    return LaunchPlan("run_now", requests, tuple(starting_clusters(job_tasks(specification))), found)


def _cluster_lines(launch: LaunchPlan) -> Iterator[str]:
    for cluster in launch.clusters or ():
        often = ", one for each iteration" if cluster.each_iteration else ""
        yield f"cluster {cluster.name}: {', '.join(cluster.tasks)}{often}"


def _chosen(launch: LaunchPlan, whole: JobPlan) -> str:
    return " (chosen)" if launch.launch == whole.launch else ""


def _json(body: Json) -> str:
    return markdown_code(json.dumps(body, indent=2, ensure_ascii=False), "json")


def _label(text: str) -> str:
    """Write a text as a label of a graph in Mermaid, which knows characters by their numbers."""
    return _LABEL_PUNCTUATION.sub(lambda found: f"#{ord(found[0])};", one_line(text))
