"""The time lines of a run."""

import pytest
from databricks_local.pages.timeline import nice_step, time_lines
from databricks_local.runs import states
from databricks_local.runs.models import Round, TaskRun

from tests.unit.databricks_local.pages.page_lab import end, make_run, spec


@pytest.mark.parametrize(
    ("span", "step"), [(1, 1), (3, 1), (900, 500), (4_000, 1_000), (9_000, 5_000), (70_000, 20_000)]
)
def test_steps_of_the_time_line(span: int, step: int) -> None:
    assert nice_step(span) == step


def test_bars_are_where_the_attempts_were() -> None:
    run = make_run(spec("a"), spec("b"), spec("never"))
    end(run.tasks[0], states.SUCCESS, 5_000, 7_000)
    end(run.tasks[1], states.WORKLOAD_FAILURE, 8_000, 9_000)
    run.tasks[2].state = states.UPSTREAM_FAILED
    run.rounds[0].end_time = 9_000
    (line,) = time_lines(run, 20_000)
    assert (line.name, [lane.key for lane in line.lanes]) == ("", ["a", "b", "never"])
    assert [(bar.setup, bar.work, bar.style) for lane in line.lanes for bar in lane.bars] == [
        ((0, 2.5), (2.5, 47.5), "good"),
        ((75.0, 2.5), (77.5, 22.5), "bad"),
    ]
    assert [(tick.percent, tick.text) for tick in line.ticks] == [
        (0, "0 s"),
        (25, "1 s"),
        (50, "2 s"),
        (75, "3 s"),
    ]


def test_a_task_that_runs_has_a_bar_until_now() -> None:
    run = make_run(spec("a"))
    run.tasks[0].state, run.tasks[0].start_time = states.PENDING, 5_000
    (bar,) = time_lines(run, 8_000)[0].lanes[0].bars
    assert (bar.setup, bar.work, bar.title) == ((0, 100), None, "attempt 1: PENDING, 3.0 s")


def test_a_repair_has_a_time_line_of_its_own() -> None:
    run = make_run(spec("a"))
    first = end(run.tasks[0], states.WORKLOAD_FAILURE)
    run.rounds[0].end_time = 6_000
    run.rounds.append(Round(77, 9_000, 9_500, states.SUCCESS))
    again = TaskRun(900, first.spec, attempt_number=1, original_run_id=first.run_id, round=1)
    run.tasks.append(end(again, states.SUCCESS, 9_000, 9_400))
    lines = time_lines(run, 10_000)
    assert [(line.name, line.state.text, line.duration) for line in lines] == [
        ("Original run", "PENDING", "1.0 s"),
        ("Repair 1", "SUCCESS", "0.5 s"),
    ]
    assert [[lane.path for lane in line.lanes] for line in lines] == [
        [f"/jobs/{run.job_id}/runs/{first.run_id}"],
        [f"/jobs/{run.job_id}/runs/900"],
    ]
