"""Whatever a run holds, its pages have the same elements and attributes, and lead nowhere else."""

import json
from collections import Counter
from collections.abc import Callable

import pytest
from databricks_local.jobs.specs import ForEachSpec, NotebookSpec, Parameters
from databricks_local.pages.catalog import (
    CatalogSection,
    SchemaRow,
    catalog_page,
    schema_page,
    table_page,
    table_row,
)
from databricks_local.pages.lists import job_page, jobs_page, login_page, message_page, runs_page
from databricks_local.pages.run import export_page, run_page, task_page
from databricks_local.runs import states
from databricks_local.runs.models import Run, TaskRun
from databricks_local.runtime.outputs import CellResult, Output

from tests.unit.databricks_local.pages.html_reader import HtmlPage
from tests.unit.databricks_local.pages.page_lab import end, make_job, make_run, spec
from tests.unit.databricks_local.pages.test_catalog import look_full_of, make_table

EVIL = [
    "<script>alert('&\"')</script>",
    '"\' onload=alert(1) onmouseover="alert(1)" x=\'',
    "</title></style></pre></svg></iframe></textarea><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "]]>--><!--<svg><script>alert(1)",
    "{{ 7 * 7 }}{% include 'base.html.jinja' %}{# #}",
    "&lt;b&gt;&quot;",
]


def run_full_of(text: str) -> Run:
    """A run that has a text wherever texts come from outside; a second task repeats it at each input."""
    loop = spec("loop", body=ForEachSpec("[]", spec(text, body=NotebookSpec(text))))
    run = make_run(
        spec(text, body=NotebookSpec(text)), spec("b", [text], outcomes={text: text}), loop, name=text
    )
    task, _, each = run.tasks
    end(task, states.workload_failure(text))
    task.cells, task.error, task.error_trace, task.exit_value = [cell_full_of(text)], text, text, text
    task.cluster_id = task.outcome = task.logs = text
    end(each, states.SUCCESS)
    each.total_iterations, each.resolved = 1, {"for_each_task": {"inputs": json.dumps([text])}}
    each.iterations = [TaskRun(50, spec(text, body=NotebookSpec(text)), input_index=0)]
    run.parameters = Parameters(job={text: text})
    run.state, run.end_time = states.run_failure(text), 6_000
    return run


def cell_full_of(text: str) -> CellResult:
    outputs = [
        Output("stdout", text),
        Output("html", text),
        Output("image", text),
        Output("table", columns=[text], rows=[[text], [None]], truncated=True),
        Output(text, text),
    ]
    return CellResult(0, text, text, text, outputs)


PAGES: dict[str, Callable[[str], str]] = {
    "run": lambda text: run_page((run := run_full_of(text)), run.tasks, 7_000),
    "task": lambda text: task_page((run := run_full_of(text)), run.tasks[0], 7_000),
    "loop": lambda text: task_page((run := run_full_of(text)), run.tasks[2], 7_000),
    "export": lambda text: export_page(run_full_of(text).tasks[0]),
    "runs": lambda text: runs_page([run_full_of(text)], Counter({"bad": 1}), text, 7_000),
    "job": lambda text: job_page(
        make_job(spec(text), name=text, settings={text: text}), [run_full_of(text)], {}, "", 7_000
    ),
    "jobs": lambda text: jobs_page([(make_job(spec(text), name=text), run_full_of(text))], 1),
    "catalog": lambda text: catalog_page([CatalogSection(text, text, [SchemaRow(text, "/x", 1, 1, text)])]),
    "schema": lambda text: schema_page(
        (text, text),
        [table_row(make_table(text))],
        1,
        [{"name": text, "storage_location": text, "comment": text}],
    ),
    "table": lambda text: table_page(make_table(text, view_definition=text), look_full_of(text)),
    "login": lambda text: login_page(text, text),
    "message": lambda text: message_page(text, text),
}


@pytest.mark.parametrize("name", list(PAGES))
@pytest.mark.parametrize("text", EVIL)
def test_nothing_from_outside_is_taken_for_html(name: str, text: str) -> None:
    shown = HtmlPage(PAGES[name](text))
    assert shown.structure() == HtmlPage(PAGES[name]("harmless")).structure()
    for address in shown.addresses():
        assert address.startswith(("/", "data:image/png;base64,", "data:,"))
    assert not [name for element in shown.root.iter() for name in element.attrib if name.startswith("on")]


@pytest.mark.parametrize("text", EVIL)
def test_what_comes_from_outside_is_shown_as_it_is(text: str) -> None:
    page = HtmlPage(PAGES["run"](text))
    assert page.texts(".//main//h1") == [text]
    assert page.texts(".//title")[0] == f"{text} – run"
    assert page.texts(".//table[@class='data']//th") == [text]
    for path in (".//pre[@class='stdout']", ".//pre[@class='error']", ".//pre[@class='exit']"):
        assert text in page.texts(path)
    assert page.one(".//iframe").get("srcdoc", "").endswith(f"</style>{text}")
    assert json.dumps(text, ensure_ascii=False) in page.texts(".//td[@class='input']")
