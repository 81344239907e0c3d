"""The graph of a run."""

from databricks_local.pages.graph import graph
from databricks_local.runs import states

from tests.unit.databricks_local.pages.page_lab import end, make_run, spec


def test_boxes_have_states_and_names_that_fit() -> None:
    run = make_run(spec("a"), spec("b" * 60, ["a"]))
    end(run.tasks[0], states.WORKLOAD_FAILURE)
    run.tasks[0].attempt_number = 1
    run.tasks[1].state = states.UPSTREAM_FAILED
    drawn = graph(run, run.latest(), 7_000)
    assert not drawn.dense
    assert [(node.state.text, node.state.style) for node in drawn.nodes] == [
        ("FAILED", "bad"),
        ("UPSTREAM_FAILED", "off"),
    ]
    assert drawn.nodes[0].note == " · 1.0 s · #2"
    assert drawn.nodes[0].title == "a: FAILED, attempt 2, 1.0 s"
    assert drawn.nodes[1].name == "b" * 21 + "…"
    assert drawn.nodes[1].title == f"{'b' * 60}: UPSTREAM_FAILED"


def test_lines_name_the_outcome_that_they_wait_for() -> None:
    run = make_run(spec("a"), spec("b", ["a"], outcomes={"a": "true"}), spec("c", ["a"]))
    assert [line.outcome for line in graph(run, run.latest(), 7_000).lines] == ["true", ""]


def test_many_tasks_have_small_boxes_and_short_states() -> None:
    run = make_run(*(spec(f"t{n}") for n in range(30)))
    end(run.tasks[0], states.SUCCESS)
    run.tasks[1].state = states.UPSTREAM_CANCELED
    drawn = graph(run, run.latest(), 7_000)
    assert drawn.dense
    assert [node.state.text for node in drawn.nodes[:3]] == ["OK", "SKIP", "WAIT"]
