from collections.abc import Iterator
from itertools import count

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.api.links import Links
from databricks_local.api.paging import Page, read_page_token
from databricks_local.jobs.specs import ClusterSpec, NotebookSpec, RunSpec, TaskSpec
from databricks_local.routes.jobs.run_json import run_json, state_json, status_json
from databricks_local.runs import states
from databricks_local.runs.models import Round, Run
from databricks_local.runs.states import State
from databricks_local.runs.store import RunStore

LINKS = Links("http://127.0.0.1:8080", 7)


def make_run(size: int, token: str = "") -> tuple[RunStore, Run]:
    ids: Iterator[int] = count(1)
    tasks = tuple(TaskSpec(f"t{n}", NotebookSpec("/x"), ClusterSpec()) for n in range(size))
    store = RunStore(lambda: 5_000, lambda: next(ids))
    return store, store.create(RunSpec("name", tasks, idempotency_token=token), "me")[0]


def test_pages_of_100_elements() -> None:
    _, run = make_run(250)
    sizes, offset, tokens = [], 0, []
    while True:
        page = run_json(run, LINKS, Page(offset, 100), history=True)
        sizes.append((len(page["tasks"]), len(page["repair_history"])))
        assert page["run_name"] == "name"
        if "next_page_token" not in page:
            break
        tokens.append(page["next_page_token"])
        offset = read_page_token(page["next_page_token"])
    assert sizes == [(100, 1), (100, 0), (50, 0)]
    assert len(run_json(run, LINKS, Page())["tasks"]) == 250


@pytest.mark.parametrize("token", ["x", "from-", "from--1", "from-1x", "from-٣", "from-" + "9" * 13])
def test_tokens_that_no_answer_had(token: str) -> None:
    with pytest.raises(ApiError, match="Invalid page token"):
        read_page_token(token)


def test_the_times_of_a_run_with_one_task_are_those_of_the_task() -> None:
    for size, expected in ((1, (200, 700)), (2, (0, 0))):
        _, run = make_run(size)
        for task in run.tasks:
            task.start_time, task.ready_time, task.end_time = 5_100, 5_300, 6_000
        run.end_time = 6_050
        shown = run_json(run, LINKS, Page(0, 100))
        assert (shown["setup_duration"], shown["execution_duration"]) == expected
        assert shown["run_duration"] == 1_050
        assert shown["tasks"][0]["setup_duration"] == 200
        assert shown["run_page_url"] == f"http://127.0.0.1:8080/jobs/{run.job_id}/runs/{run.run_id}?o=7"


@pytest.mark.parametrize(
    ("state", "life_cycle", "v2", "code"),
    [
        (states.PENDING, "PENDING", "PENDING", None),
        (states.BLOCKED, "BLOCKED", "BLOCKED", None),
        (states.RUNNING, "RUNNING", "RUNNING", None),
        (states.terminating("x"), "TERMINATING", "TERMINATING", None),
        (states.SUCCESS, "TERMINATED", "TERMINATED", "SUCCESS"),
        (states.run_failure("x"), "INTERNAL_ERROR", "TERMINATED", "RUN_EXECUTION_ERROR"),
        (states.UPSTREAM_FAILED, "SKIPPED", "TERMINATED", "SKIPPED"),
        (states.USER_CANCELED, "TERMINATED", "TERMINATED", "USER_CANCELED"),
        (states.TIMED_OUT, "TERMINATED", "TERMINATED", "CANCELED"),
        (states.DRIVER_LOST, "INTERNAL_ERROR", "TERMINATED", "DRIVER_ERROR"),
    ],
)
def test_both_forms_of_a_state(state: State, life_cycle: str, v2: str, code: str | None) -> None:
    shown, status = state_json(state), status_json(state)
    assert shown["life_cycle_state"] == life_cycle
    assert ("result_state" in shown) == state.terminal
    assert status["state"] == v2
    assert status.get("termination_details", {}).get("code") == code


def test_a_token_finds_its_run_whatever_became_of_it() -> None:
    store, run = make_run(1, token="t")
    for state in (states.RUNNING, states.SUCCESS, states.run_failure("x")):
        run.state = state
        assert store.create(run.spec, "me") == (run, False)
    assert store.create(RunSpec("name", run.spec.tasks), "me")[1]
    assert [item.run_id for item in store.newest_first()][-1] == run.run_id


def test_a_run_lasts_as_long_as_it_and_its_repairs() -> None:
    _, run = make_run(2)
    run.rounds[0].end_time = 6_000
    run.rounds.append(Round(1, 100_000, 100_500))
    run.end_time = 100_500
    assert run_json(run, LINKS, Page(0, 100))["run_duration"] == 1_000 + 500
