"""Pages: where things are drawn, what is shown of a run, and that all of it is escaped."""

from collections.abc import Sequence
from itertools import combinations, count, pairwise

import pytest
from databricks_local.jobs.specs import NotebookSpec, RunSpec, TaskSpec
from databricks_local.pages.cells import MAX_ROWS, task_output
from databricks_local.pages.graph import cut, graph
from databricks_local.pages.layout import MAX_ROUTED, ROWS, Layout, lay_out
from databricks_local.pages.lists import group_of
from databricks_local.pages.parts import duration_text, state_style
from databricks_local.pages.run import MAX_INLINE, export_page, inline_tasks, run_page, task_page
from databricks_local.pages.timeline import nice_step
from databricks_local.runs import states
from databricks_local.runs.models import Round, Run, TaskRun
from databricks_local.runs.states import State
from databricks_local.runs.store import RunStore
from databricks_local.runtime.outputs import CellResult, Output

EVIL = "<script>alert('&\"')</script>"


def spec(key: str, after: Sequence[str] = (), **fields: dict[str, str]) -> TaskSpec:
    return TaskSpec(key, NotebookSpec(f"/x/{key}"), depends_on=tuple(after), **fields)


def make_run(*specs: TaskSpec, name: str = "name") -> Run:
    ids = count(1)
    run, _ = RunStore(lambda: 5_000, lambda: next(ids)).create(RunSpec(name, specs), "me")
    return run


def end(task: TaskRun, state: State, start: int = 5_000, finish: int = 6_000) -> TaskRun:
    task.state, task.start_time, task.ready_time, task.end_time = state, start, start + 100, finish
    return task


GRAPHS = {
    "one": [spec("a")],
    "chain": [spec("a"), spec("b", ["a"]), spec("c", ["b"])],
    "diamond": [spec("a"), spec("b", ["a"]), spec("c", ["a"]), spec("d", ["b", "c", "a"])],
    "shuffled": [spec("d", ["c"]), spec("b", ["a"]), spec("c", ["b"]), spec("a")],
    "twice": [spec("a"), spec("b", ["a", "a"])],
    "wide": [spec("a"), *(spec(f"b{n}", ["a"]) for n in range(ROWS * 3))],
    "hundred": [
        spec("a"),
        *(spec(f"b{n}", ["a"]) for n in range(98)),
        spec("z", [f"b{n}" for n in range(98)]),
    ],
    "long": [spec("t0"), *(spec(f"t{n}", [f"t{n - 1}", "t0"]) for n in range(1, MAX_ROUTED))],
    "unknown": [spec("a", ["not-here"])],
}


@pytest.mark.parametrize("name", list(GRAPHS))
def test_layout(name: str) -> None:
    specs = GRAPHS[name]
    layout = lay_out(specs)
    assert set(layout.corners) == {each.key for each in specs}
    check_inside_and_apart(layout)
    edges = {(edge.source, edge.target) for edge in layout.edges}
    known = set(layout.corners)
    assert edges == {(up, each.key) for each in specs for up in each.depends_on if up in known}
    for edge in layout.edges:
        xs = [x for x, _ in edge.points]
        assert all(one <= other for one, other in pairwise(xs))
        assert xs[0] == layout.corners[edge.source][0] + layout.size.width
        assert xs[-1] == layout.corners[edge.target][0]


def check_inside_and_apart(layout: Layout) -> None:
    width, height = layout.size.width, layout.size.height
    for x, y in layout.corners.values():
        assert 0 <= x <= layout.width - width
        assert 0 <= y <= layout.height - height
    for (x1, y1), (x2, y2) in combinations(layout.corners.values(), 2):
        assert abs(x1 - x2) >= width or abs(y1 - y2) >= height


def test_long_edges_pass_beside_the_tasks() -> None:
    layout = lay_out(GRAPHS["diamond"])
    direct = next(edge for edge in layout.edges if (edge.source, edge.target) == ("a", "d"))
    assert len(direct.points) == 4
    y = direct.points[1][1]
    for key in ("b", "c"):
        assert not layout.corners[key][1] <= y <= layout.corners[key][1] + layout.size.height


def test_few_edges_cross() -> None:
    specs = [spec("a"), spec("b"), spec("c"), spec("x", ["c"]), spec("y", ["b"]), spec("z", ["a"])]
    corners = lay_out(specs).corners
    order = sorted("abc", key=lambda key: corners[key][1])
    assert sorted("xyz", key=lambda key: corners[key][1]) == [
        {"a": "z", "b": "y", "c": "x"}[k] for k in order
    ]


@pytest.mark.parametrize(
    ("span", "step"), [(1, 1), (3, 1), (900, 500), (4_000, 1_000), (9_000, 5_000), (70_000, 20_000)]
)
def test_steps_of_the_time_line(span: int, step: int) -> None:
    assert nice_step(span) == step


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0.0 s"),
        (1_240, "1.2 s"),
        (61_000, "1 min 01 s"),
        (3_600_000, "1 h 00 min"),
        (90_061_000, "25 h 01 min"),
    ],
)
def test_durations(milliseconds: int, text: str) -> None:
    assert duration_text(milliseconds) == text


@pytest.mark.parametrize(
    ("state", "style"),
    [
        (states.SUCCESS, "good"),
        (states.WORKLOAD_FAILURE, "bad"),
        (states.TIMED_OUT, "bad"),
        (states.DRIVER_LOST, "bad"),
        (states.USER_CANCELED, "off"),
        (states.UPSTREAM_FAILED, "off"),
        (states.EXCLUDED, "off"),
        (states.RUNNING, "busy"),
        (states.PENDING, "wait"),
        (states.BLOCKED, "wait"),
    ],
)
def test_colours_of_states(state: State, style: str) -> None:
    assert state_style(state) == style


def test_groups_of_runs() -> None:
    run = make_run(spec("a"))
    assert group_of(run) == "active"
    run.state = states.SUCCESS
    assert group_of(run) == "good"
    run.pending_repair_id = 1
    assert group_of(run) == "active"


def test_states_are_text_too_and_names_are_cut() -> None:
    run = make_run(spec("a"), spec("b" * 60, ["a"]))
    end(run.tasks[0], states.WORKLOAD_FAILURE)
    run.tasks[1].state = states.UPSTREAM_FAILED
    shown = graph(run, run.latest(), 7_000)
    assert ">FAILED<" in shown
    assert ">UPSTREAM_FAILED<" in shown
    assert f">{'b' * 60}<" not in shown
    assert "b" * 60 in shown
    assert cut("abcdef", 4) == "abc…"


def test_a_small_graph_has_short_states() -> None:
    run = make_run(*(spec(f"t{n}") for n in range(30)))
    end(run.tasks[0], states.SUCCESS)
    run.tasks[1].state = states.UPSTREAM_CANCELED
    shown = graph(run, run.latest(), 7_000)
    assert [mark in shown for mark in (">OK<", ">SKIP<", ">WAIT<", ">SUCCESS<")] == [True, True, True, False]


def test_the_page_of_a_run_shows_failures_first_and_repairs_apart() -> None:
    run = make_run(spec("fine"), spec("broken"))
    end(run.tasks[0], states.SUCCESS)
    end(run.tasks[1], states.WORKLOAD_FAILURE)
    run.state, run.end_time = states.run_failure("no"), 6_000
    run.rounds[0].state, run.rounds[0].end_time = run.state, 6_000
    run.rounds.append(Round(77, 9_000, 9_500, states.run_failure("no")))
    again = TaskRun(900, run.tasks[1].spec, attempt_number=1, original_run_id=run.tasks[1].run_id, round=1)
    run.tasks.append(end(again, states.WORKLOAD_FAILURE, 9_000, 9_400))
    assert [task.run_id for task in inline_tasks(run)] == [900, run.tasks[0].run_id]
    page = run_page(run, inline_tasks(run), 10_000)
    assert page.count("<h3>") == 2
    assert "Original run" in page
    assert "Repair 1" in page
    assert "2, repair 1" in page
    assert "<script" not in page
    assert f'id="output-{run.tasks[1].run_id}"' in page


def test_a_large_run_shows_the_output_of_what_failed_only() -> None:
    run = make_run(*(spec(f"t{n}") for n in range(MAX_INLINE + 5)))
    for task in run.tasks:
        end(task, states.SUCCESS)
    assert inline_tasks(run) == []
    end(run.tasks[3], states.WORKLOAD_FAILURE)
    assert inline_tasks(run) == [run.tasks[3]]
    assert "The output of 16 tasks is on pages of their own." in run_page(run, [run.tasks[3]], 7_000)


def evil_cells() -> list[CellResult]:
    outputs = [
        Output("stdout", EVIL),
        Output("html", EVIL),
        Output("image", EVIL),
        Output("table", columns=[EVIL], rows=[[EVIL], [None]], truncated=True),
        Output("text", EVIL),
    ]
    return [CellResult(0, EVIL, EVIL, EVIL, outputs)]


def test_nothing_of_a_run_is_taken_for_html() -> None:
    run = make_run(spec(EVIL), spec("b", [EVIL], outcomes={EVIL: EVIL}), name=EVIL)
    task = end(run.tasks[0], states.workload_failure(EVIL))
    task.cells, task.error, task.error_trace, task.exit_value = evil_cells(), EVIL, EVIL, EVIL
    task.cluster_id = task.outcome = EVIL
    run.state, run.end_time = states.run_failure(EVIL), 6_000
    for page in (run_page(run, run.tasks, 7_000), task_page(run, task, 7_000), export_page(task)):
        assert "<script" not in page
        assert "alert" in page


def test_html_of_a_notebook_is_in_a_frame_that_may_do_nothing() -> None:
    task = TaskRun(
        1, spec("a"), cells=[CellResult(0, "python", "x", outputs=[Output("html", '<p id="q">\'</p>')])]
    )
    shown = task_output(task)
    assert '<iframe sandbox="" title="HTML output" srcdoc="' in shown
    assert "&lt;p id=&quot;q&quot;&gt;&#x27;&lt;/p&gt;" in shown


def test_a_table_has_a_limit() -> None:
    table = Output("table", columns=["n"], rows=[[str(n)] for n in range(MAX_ROWS + 5)])
    shown = task_output(TaskRun(1, spec("a"), cells=[CellResult(0, "python", "x", outputs=[table])]))
    assert shown.count("<tr>") == MAX_ROWS + 1
    assert f"The first {MAX_ROWS} of {MAX_ROWS + 5} rows." in shown
