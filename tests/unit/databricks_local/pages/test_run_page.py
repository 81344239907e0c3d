"""The page of a run, of a task, and of an exported notebook, as a person sees them."""

from databricks_local.pages.cells import MAX_ROWS
from databricks_local.pages.run import MAX_INLINE, export_page, inline_tasks, run_page, task_page
from databricks_local.runs import states
from databricks_local.runs.models import Round, Run, TaskRun
from databricks_local.runtime.outputs import CellResult, Output

from tests.unit.databricks_local.pages.html_reader import HtmlPage
from tests.unit.databricks_local.pages.page_lab import end, make_run, spec


def repaired_run() -> Run:
    """A run of two tasks: one fails, and fails again in the repair."""
    run = make_run(spec("fine"), spec("broken"))
    end(run.tasks[0], states.SUCCESS)
    end(run.tasks[1], states.WORKLOAD_FAILURE)
    run.state, run.end_time = states.run_failure("no"), 6_000
    run.rounds[0].state, run.rounds[0].end_time = run.state, 6_000
    run.rounds.append(Round(77, 9_000, 9_500, states.run_failure("no")))
    again = TaskRun(900, run.tasks[1].spec, attempt_number=1, original_run_id=run.tasks[1].run_id, round=1)
    run.tasks.append(end(again, states.WORKLOAD_FAILURE, 9_000, 9_400))
    return run


def of_task(*outputs: Output, **fields: object) -> HtmlPage:
    """The exported page of a notebook of one cell."""
    cells = [CellResult(0, "python", "x", outputs=list(outputs))]
    return HtmlPage(export_page(TaskRun(1, spec("a"), cells=cells, **fields)))  # type: ignore[arg-type]


def test_failures_are_shown_first_and_repairs_apart() -> None:
    run = repaired_run()
    first, broken, again = run.tasks
    assert inline_tasks(run) == [again, first]
    page = HtmlPage(run_page(run, inline_tasks(run), 10_000))
    assert [text.split(" FAILED")[0] for text in page.texts(".//h3")] == ["Original run", "Repair 1"]
    assert "2, repair 1" in page.texts(".//section[@id='attempts']//td")
    # The repair's attempt stands in the place of the attempt before it.
    assert page.ids() == [
        "head",
        "graph",
        "time",
        "attempts",
        f"output-{broken.run_id}",
        f"output-{first.run_id}",
    ]
    opened = [details.get("id") for details in page.all(".//details") if "open" in details.attrib]
    assert opened == ["task-900"]
    assert not page.all(".//script")


def test_an_active_run_is_live() -> None:
    run = make_run(spec("a"))
    page = HtmlPage(run_page(run, [], 7_000))
    assert "data-live" in page.one("body").attrib
    assert page.one(".//noscript/meta").get("http-equiv") == "refresh"
    assert len(page.all(".//script")) == 1
    assert "graph" not in page.ids()
    run.state = states.SUCCESS
    assert "data-live" not in HtmlPage(run_page(run, [], 7_000)).one("body").attrib


def test_a_large_run_shows_the_output_of_what_failed_only() -> None:
    run = make_run(*(spec(f"t{n}") for n in range(MAX_INLINE + 5)))
    for task in run.tasks:
        end(task, states.SUCCESS)
    assert inline_tasks(run) == []
    end(run.tasks[3], states.WORKLOAD_FAILURE)
    assert inline_tasks(run) == [run.tasks[3]]
    page = HtmlPage(run_page(run, [run.tasks[3]], 7_000))
    assert page.texts(".//section[@id='more']/p") == ["The output of 16 tasks is on pages of their own."]


def test_the_page_of_a_task_leads_to_its_run_and_other_attempts() -> None:
    run = repaired_run()
    page = HtmlPage(task_page(run, run.tasks[2], 10_000))
    path = f"/jobs/{run.job_id}/runs"
    assert page.hrefs(".//section[@id='head']") == ["/", f"{path}/{run.run_id}"]
    assert page.hrefs(".//section[@id='attempts']") == [f"{path}/{run.tasks[1].run_id}", f"{path}/900"]
    assert page.texts(".//section[@id='output']/p") == ["Nothing yet."]


def test_html_of_a_notebook_is_in_a_frame_that_may_do_nothing() -> None:
    frame = of_task(Output("html", '<p id="q">\'</p>')).one(".//iframe")
    assert frame.get("sandbox") == ""
    assert frame.get("srcdoc", "").endswith('</style><p id="q">\'</p>')


def test_a_table_has_a_limit() -> None:
    rows: list[list[str | None]] = [[str(n)] for n in range(MAX_ROWS)]
    page = of_task(Output("table", columns=["n"], rows=[*rows, [None], [None]], truncated=True))
    assert page.texts(".//table//td") == [str(n) for n in range(MAX_ROWS)]
    assert page.texts(".//div[@class='cell']/p")[1:] == [
        f"The first {MAX_ROWS} of {MAX_ROWS + 2} rows.",
        "There was more; it is left out.",
    ]


def test_no_value_is_not_an_empty_one() -> None:
    cells = of_task(Output("table", columns=["a", "b", "c"], rows=[[None, "", "null"]])).all(".//table//td")
    assert [len(cell.findall("i")) for cell in cells] == [1, 0, 0]


def test_no_character_of_a_text_is_lost() -> None:
    text = "\n\n  <a>\t&amp;\n\n"
    page = of_task(Output("stdout", text), exit_value=text, error=text, logs=text)
    assert [shown for shown in page.texts(".//pre") if shown != "x"] == [text] * 4


def test_a_thousand_tasks_are_all_shown() -> None:
    run = make_run(spec("t0"), *(spec(f"t{n}", [f"t{(n - 1) // 3}"]) for n in range(1, 1_000)))
    for task in run.tasks:
        end(task, states.SUCCESS)
    text = run_page(run, inline_tasks(run), 9_000)
    assert len(HtmlPage(text).all(".//section[@id='attempts']//tbody/tr")) == 1_000
