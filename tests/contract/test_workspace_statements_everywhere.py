"""Each statement on tables answers the same in a notebook, on a warehouse, and on two clusters in turn."""

import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from databricks_local import LocalWorkspace

from .sql_lab import starter_of
from .table_statements import STEPS, Step
from .workspace_lab import Lab, lab_of

Answers = dict[int, list[list[str | None]] | str]
"""The rows of each step, as texts; or what went wrong."""

IN_TURN = """
import json, pathlib, time
me, actors = int(dbutils.widgets.get("me")), int(dbutils.widgets.get("actors"))
steps = json.loads(pathlib.Path("/dbfs/tmp/steps.json").read_text())
turns = pathlib.Path("/dbfs/tmp/turns")
turns.mkdir(exist_ok=True)

def text_of(value):
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)

def rows_of(step):
    if step["python"] and not step["text"].startswith("SELECT"):
        exec(step["text"], globals())
        return []
    found = []
    for text in step["text"].split("; "):
        frame = spark.sql(text)
        found = [[text_of(value) for value in row] for row in frame.collect()] or found
        if "OPTIMIZE" in text:
            found = [[frame.schema.simpleString()]]
    return found

answers = {}
for number, step in enumerate(steps):
    if number % actors == me:
        try:
            answers[number] = rows_of(step)
        except Exception as error:
            answers[number] = str(error)
        (turns / str(number)).touch()
    while not (turns / str(number)).exists():
        time.sleep(0.01)
dbutils.notebook.exit(json.dumps(answers))
"""


def by_notebooks(lab: Lab, steps: list[Step], actors: int) -> Answers:
    """What notebooks on clusters of their own answer, which take their turns."""
    lab.sdk.dbfs.upload("/tmp/steps.json", io.BytesIO(json.dumps([asdict(step) for step in steps]).encode()))
    path = lab.notebook("in turn", IN_TURN)
    tasks = [
        lab.task(f"on{me}", path, parameters={"me": str(me), "actors": str(actors)}) for me in range(actors)
    ]
    run = lab.ended(lab.submit(*tasks), 50)
    answers: Answers = {}
    for task in run["tasks"]:
        output = lab.get("/api/2.2/jobs/runs/get-output", run_id=task["run_id"]).json()
        assert task["state"]["result_state"] == "SUCCESS", output
        found = json.loads(output["notebook_output"]["result"])
        answers |= {int(number): rows for number, rows in found.items()}
    return answers


def by_a_warehouse(lab: Lab, steps: list[Step]) -> Answers:
    """What a warehouse answers, in one session."""
    sql = starter_of(lab)
    session = lab.post("/api/2.0/sql/sessions", {"warehouse_id": sql.warehouse_id}).json()["session_id"]

    def answer_of(text: str) -> tuple[list[list[str | None]], list[str]]:
        body = {
            "warehouse_id": sql.warehouse_id,
            "session_id": session,
            "statement": text,
            "wait_timeout": "50s",
        }
        answer: dict[str, Any] = lab.post("/api/2.0/sql/statements", body).json()
        assert answer["status"]["state"] == "SUCCEEDED", (text, answer["status"])
        columns = [column["name"] for column in answer["manifest"]["schema"].get("columns", [])]
        return answer.get("result", {}).get("data_array", []), columns

    answers: Answers = {}
    for number, step in enumerate(steps):
        found: list[list[str | None]] = []
        for text in step.text.split("; "):
            rows, columns = answer_of(text)
            found = rows or found
            if "OPTIMIZE" in text:
                found = [[*columns, str(rows)]]
        answers[number] = found
    return answers


@pytest.fixture(params=["a notebook", "two clusters in turn", "a warehouse"])
def answered(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[tuple[Step, Any]]]:
    with LocalWorkspace(tmp_path) as workspace:
        for lab in lab_of(workspace):
            if request.param == "a warehouse":
                lab.sdk.dbfs.upload("/tmp/answers/a.csv", io.BytesIO(b"id,name\n1,a\n2,b\n"))
                steps = [step for step in STEPS if not step.python]
                answers = by_a_warehouse(lab, steps)
            else:
                steps = STEPS
                answers = by_notebooks(lab, steps, 1 if request.param == "a notebook" else 2)
            assert answers.keys() == set(range(len(steps)))
            yield [(step, answers[number]) for number, step in enumerate(steps)]


def test_each_statement_answers_as_databricks_does(answered: list[tuple[Step, Any]]) -> None:
    wrong = [
        (step.text, rows)
        for step, rows in answered
        if isinstance(rows, str)
        or (step.rows is not None and rows != step.rows)
        or any(text not in json.dumps(rows) for text in step.holds)
    ]
    assert wrong == []
