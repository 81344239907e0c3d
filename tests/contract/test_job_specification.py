"""Jobs as they are specified, sent to a workspace that runs them."""

from __future__ import annotations

from typing import Any

from databricks_blocks.job.plan import plan
from databricks_blocks.job.request_bodies import create_body, run_now_body, run_parameters, submit_body
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.subset import subset_submit_body, tasks_for_new_submit
from databricks_blocks.job.tasks import DatabricksTask, notebook_task
from databricks_blocks.job.validation import check

from .job_lab import invalid, latest, outcome, refusal, results, value
from .workspace_lab import CLUSTER, Lab

SET = 'dbutils.jobs.taskValues.set("count", 3)\n'
SHOW = 'dbutils.notebook.exit(dbutils.widgets.get("day") + " " + dbutils.widgets.get("source"))\n'
LATER = 'dbutils.notebook.exit(dbutils.widgets.get("count"))\n'


def send(lab: Lab, endpoint: str, body: dict[str, Any]) -> int:
    answer = lab.post(f"/api/2.2/jobs/{endpoint}", body)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["run_id" if "run" in endpoint else "job_id"])


def branching(lab: Lab, **fields: Any) -> JobSpecification:
    """A job with a value, a condition on it, a branch for each outcome, and a loop."""
    more = {"task_key": "is_more", "depends_on": ["set"]}
    question = {"op": "GREATER_THAN", "left": "{{tasks.set.values.count}}", "right": "2"}
    each = notebook_task("each", lab.notebook("spec_each", SHOW), job_cluster_key="main").as_json()
    return JobSpecification(
        **{
            "name": "branching",
            "job_clusters": {"main": CLUSTER},
            "notebook_params": {"day": "monday", "source": "of all"},
            "tasks": [
                notebook_task("set", lab.notebook("spec_set", SET), job_cluster_key="main"),
                DatabricksTask(**more, body={"condition_task": question}),
                notebook_task(
                    "yes",
                    lab.notebook("spec_show", SHOW),
                    parameters={"source": "its own"},
                    depends_on=[{"task_key": "is_more", "outcome": "true"}],
                    job_cluster_key="main",
                ),
                notebook_task(
                    "no",
                    "/Shared/nowhere",
                    depends_on=[{"task_key": "is_more", "outcome": "false"}],
                    job_cluster_key="main",
                ),
                DatabricksTask(task_key="loop", body={"for_each_task": {"inputs": "[1, 2]", "task": each}}),
            ],
            **fields,
        }
    )


def test_a_submitted_job_runs_with_its_own_parameters_winning(lab: Lab) -> None:
    specification = branching(lab)
    check(specification)
    run = lab.ended(send(lab, "runs/submit", submit_body(specification, token="spec-submit")))
    assert outcome(run) == ("TERMINATED", "SUCCESS")
    assert results(run)["no"] == "EXCLUDED"
    assert value(lab, run, "yes") == "monday its own"
    assert results(run)["loop"] == "SUCCESS"
    clusters = {task["cluster_instance"]["cluster_id"] for task in run["tasks"] if "cluster_instance" in task}
    assert len(clusters) == 2  # `set` and `yes`, each on its own


def test_the_same_token_gets_the_same_run_back(lab: Lab) -> None:
    body = submit_body(branching(lab), token="spec-twice")
    assert send(lab, "runs/submit", body) == send(lab, "runs/submit", body)


def test_a_saved_job_runs_on_one_cluster_and_reads_back_as_it_was_created(lab: Lab) -> None:
    specification = branching(lab, launch="run_now", job_parameters={"colour": "red"})
    check(specification)
    created = create_body(specification)
    job_id = send(lab, "create", created)
    run = lab.ended(send(lab, "run-now", run_now_body(specification, job_id, token="spec-now")))
    assert outcome(run) == ("TERMINATED", "SUCCESS")
    clusters = {task["cluster_instance"]["cluster_id"] for task in run["tasks"] if "cluster_instance" in task}
    assert len(clusters) == 1
    assert plan(specification).launches[0].cluster_count == "1 cluster"
    assert run["job_parameters"] == [{"name": "colour", "default": "red", "value": "red"}]
    answer = lab.get("/api/2.2/jobs/get", job_id=job_id).json()
    again, notes = JobSpecification.from_settings(answer, launch="run_now")
    defaults = {"format", "max_concurrent_runs", "queue"}
    assert {**create_body(again), "tags": 0} == {
        **created,
        **{name: answer["settings"][name] for name in defaults},
        "tags": 0,
    }
    assert notes == []
    theirs, _ = JobSpecification.from_settings(answer, launch="existing_job")
    assert theirs.existing_job_id == job_id
    assert run_parameters(theirs) == {}


def test_a_new_submit_of_what_failed_makes_the_run_good(lab: Lab) -> None:
    paths = {
        "value": lab.notebook("spec_value", SET),
        "good": lab.notebook("spec_good", SHOW),
        "bad": lab.notebook("spec_bad", "raise ValueError('no')\n"),
        "after": lab.notebook("spec_after", LATER),
    }
    specification = JobSpecification(
        name="part",
        job_clusters={"main": CLUSTER},
        notebook_params={"day": "monday", "source": "x"},
        tasks=[
            notebook_task("value", paths["value"], job_cluster_key="main"),
            notebook_task("good", paths["good"], depends_on=["value"], job_cluster_key="main"),
            notebook_task("bad", paths["bad"], depends_on=["good"], job_cluster_key="main"),
            notebook_task(
                "after",
                paths["after"],
                parameters={"count": "{{tasks.value.values.count}}"},
                depends_on=["bad", "good"],
                job_cluster_key="main",
            ),
        ],
    )
    check(specification)
    first = lab.ended(send(lab, "runs/submit", submit_body(specification, token="spec-part-0")))
    assert {key for key, result in results(first).items() if result == "SUCCESS"} == {"value", "good"}
    keys = tasks_for_new_submit(specification, ["bad"])
    assert keys == ["value", "bad", "after"]
    lab.notebook("spec_bad", "print('mended')\n")
    body = subset_submit_body(specification, keys, token="spec-part-1")
    second = lab.ended(send(lab, "runs/submit", body))
    assert outcome(second) == ("TERMINATED", "SUCCESS")
    assert set(latest(second)) == set(keys)
    assert value(lab, second, "after") == "3"


def test_a_known_outcome_excludes_the_same_branch_again(lab: Lab) -> None:
    specification = branching(lab)
    outcomes = {"is_more": "true"}
    keys = [*tasks_for_new_submit(specification, ["yes"], outcomes=outcomes), "no"]
    assert keys == ["is_more", "yes", "no"]
    body = subset_submit_body(specification, keys, token="spec-outcome", outcomes=outcomes)
    run = lab.ended(send(lab, "runs/submit", body))
    assert results(run) == {"is_more": "SUCCESS", "yes": "SUCCESS", "no": "EXCLUDED"}


def test_the_workspace_refuses_what_the_specification_never_sends(lab: Lab) -> None:
    body = submit_body(branching(lab), token="spec-shared")
    shared = [{"job_cluster_key": "main", "new_cluster": CLUSTER}]
    answer = lab.post("/api/2.2/jobs/runs/submit", {**body, "job_clusters": shared})
    assert refusal(answer) == invalid("Shared job cluster feature is not supported in runs/submit API.")
