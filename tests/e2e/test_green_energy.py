"""The green energy pipeline: files, storage, tables, five notebooks as one run, chart and table."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_blocks.sql.errors import StatementFailed
from databricks_flows import load_green_energy
from databricks_flows.green_energy.assets import LoadedTable, publish_table
from databricks_local import Faults
from PIL import Image
from prefect import flow, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import TaskRunResult

from .conftest import Stack, task_runs, until
from .flow_processes import (
    cancel,
    create_flow_run,
    flow_process,
    kill,
    press_retry,
    run,
    state_of,
    worker,
)
from .green_lab import (
    Schema,
    analyse,
    assert_table_is_golden,
    copy_of_the_data,
    load,
    own_schema,
)
from .green_results import DEPARTMENTS, FACILITIES, golden

HEADER = FACILITIES.read_text().partition("\n")[0]
ROW = "2024-06-21,North,Logistics,{},True,1.0,2.0"


@pytest.fixture
def schema(stack: Stack) -> Iterator[Schema]:
    with own_schema(stack) as own:
        yield own


@pytest.fixture(scope="module")
def loaded(stack: Stack) -> Iterator[Schema]:
    """A schema into which the data of the package is loaded."""
    with own_schema(stack) as own:
        load(own)
        yield own


def flow_run_id(url: str) -> UUID:
    return UUID(url.rpartition("/")[2])


def test_a_file_is_loaded_once_and_told_once_and_again_by_force(schema: Schema) -> None:
    [first] = load(schema)
    assert (first.table, first.rows, first.files) == (f"main.{schema.name}.facilityefficiency", 960, 1)
    assert schema.count() == 960
    [[total]] = schema.rows("SELECT round(sum(AmtPowerUse), 2) FROM facilityefficiency")
    assert float(total) == 2845104.28
    [second] = load(schema)
    assert (second.rows, schema.count()) == (0, 960)
    [forced] = load(schema, force=True)
    assert (forced.rows, schema.count()) == (960, 1920)
    # Who may not make a schema or a table may load into those that are there.
    assert [schema.executed(text) for text in ("CREATE SCHEMA", "CREATE TABLE")] == [1, 1]
    # Three loads, and no event of the one in the middle.
    told = (schema.asset(), "succeeded", {"rows": 960, "files": 1})
    until(lambda: schema.events() == [told, told])


@pytest.mark.parametrize("department", DEPARTMENTS)
def test_the_analysis_has_the_golden_values(loaded: Schema, department: str, tmp_path: Path) -> None:
    result = analyse(loaded, department, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["green_energy.csv", "green_energy.png"]
    assert_table_is_golden(tmp_path / "green_energy.csv", [department])
    assert Image.open(tmp_path / "green_energy.png").width >= 1000
    for kind in result.department.kinds:
        right = golden(department, "green" if kind.green else "not_green")
        trend = kind.trend
        assert (trend.rows, trend.days) == (right.rows, 30)
        found = [trend.slope, trend.r2, trend.on_first_day, trend.on_last_day]
        assert found == pytest.approx(
            [right.slope, right.r2, right.on_first_day, right.on_last_day], abs=1e-9
        )


def test_the_page_has_the_chart_the_trends_and_the_fan_in(loaded: Schema, tmp_path: Path) -> None:
    result = analyse(loaded, "Manufacturing")
    assert list(tmp_path.iterdir()) == []
    run_id = flow_run_id(result.flow_run_url)
    with get_client(sync_client=True) as client:
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
        artifacts = {found.key: found for found in client.read_artifacts(artifact_filter=of_run)}
    chart = str(artifacts["green-energy"].data)
    assert base64.b64decode(chart.removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")
    trends = str(artifacts["green-energy-trends"].data)
    assert "| With the initiative | 119 | 30 | 0.125 | 1.431 | +0.03282 | 0.42 |" in trends
    assert "| Without it | 121 | 30 | 0.090 | 0.010 | -0.00221 | 0.18 |" in trends
    tasks = {name: found[0] for name, found in task_runs(run_id).items()}
    names = {task.id: name for name, task in tasks.items()}
    upstream = {
        name: {
            names[given.id]
            for given in task.task_inputs.get("wait_for", ())
            if isinstance(given, TaskRunResult)
        }
        for name, task in tasks.items()
    }
    assert upstream == {
        "extract_green": set(),
        "extract_not_green": set(),
        "transform_green": {"extract_green"},
        "transform_not_green": {"extract_not_green"},
        "analytics": {"transform_green", "transform_not_green"},
    }


def test_five_notebooks_are_one_run_on_one_cluster(loaded: Schema) -> None:
    result = analyse(loaded, "Logistics")
    run_id = int(result.databricks_run_url.partition("/runs/")[2].partition("?")[0])
    tasks = loaded.stack.databricks().jobs.get_run(run_id).tasks or []
    clusters = {task.cluster_instance.cluster_id for task in tasks if task.cluster_instance}
    assert (len(tasks), len(clusters)) == (5, 1)


def test_the_tables_of_departments_stay_beside_each_other(loaded: Schema) -> None:
    for department in ("Quality Control", "Research & Development"):
        analyse(loaded, department)
    found = {name for _, name, *_ in loaded.rows("SHOW TABLES")}
    assert {"green_quality_control", "efficiency_trend_quality_control"} <= found
    [marked] = [name for name in found if name.startswith("efficiency_trend_research_development_")]
    rows = loaded.rows(f"SELECT Rows FROM {marked} ORDER BY Rows")
    assert [int(row[0]) for row in rows] == [114, 126]


def test_a_department_that_is_not_there_is_named(loaded: Schema) -> None:
    with pytest.raises(InputError, match=r"facilityefficiency has no row of the department `Nowhere`"):
        analyse(loaded, "Nowhere")


def test_one_bad_file_of_ten_is_named_and_the_other_table_is_loaded(schema: Schema, tmp_path: Path) -> None:
    for number in range(5):
        amount = "much" if number == 3 else "1.5"
        text = f"{HEADER}\n{ROW.format('2.5')}\n{ROW.format(amount)}\n"
        (tmp_path / f"FacilityEfficiency.{number}.csv").write_text(text)
        (tmp_path / f"Plants.{number}.csv").write_text(f"plant,output\nP{number},{number}.5\n")
    with pytest.raises(StatementFailed) as failed:
        load(schema, tmp_path)
    line = str(failed.value).partition("\n")[0]
    assert "FacilityEfficiency.3.csv, line 3, column `AmtPowerUse`" in line
    assert schema.executed("COPY INTO") == 2
    assert (schema.count("plants"), schema.count()) == (5, 0)
    until(lambda: schema.events() == [(schema.asset("plants"), "succeeded", {"rows": 5, "files": 5})])
    (tmp_path / "FacilityEfficiency.3.csv").write_text(f"{HEADER}\n{ROW.format('3.5')}\n")
    again = {table.table.rpartition(".")[2]: table.rows for table in load(schema, tmp_path)}
    assert again == {"facilityefficiency": 9, "plants": 0}


COPY = {"method": "POST", "path": "/api/2.0/sql/statements", "offset": 3}
"""The fourth statement of a load, after those that make the schema, look for the table, and make it."""


def test_a_load_whose_answer_is_lost_loads_once(schema: Schema, faults: Faults) -> None:
    faults.add(**COPY, when="after", effect="reset")
    [table] = load(schema)
    assert (table.rows, schema.count(), schema.executed("COPY INTO")) == (960, 960, 1)
    until(lambda: schema.events() == [(schema.asset(), "succeeded", {"rows": 960, "files": 1})])


def test_a_retry_tells_all_rows_although_the_result_is_gone(schema: Schema, faults: Faults) -> None:
    faults.add(**COPY, when="after", delay_seconds=600)
    run_id = create_flow_run(load_green_energy, schema_name=schema.name)
    with flow_process(run_id) as process:
        until(lambda: schema.executed("COPY INTO") == 1, 200)
        kill(process)
    faults.clear()
    # As 12 hours after its end.
    [statement_id] = schema.statements("COPY INTO")
    gone = {"error_code": "NOT_FOUND", "message": "The statement does not exist."}
    path = f"/api/2.0/sql/statements/{statement_id}"
    faults.add(method="GET", path=path, status=404, body=gone, count=-1)
    press_retry(run_id)
    assert run(run_id, 200) == "COMPLETED"
    assert (schema.count(), schema.executed("COPY INTO")) == (960, 1)
    until(lambda: schema.events() == [(schema.asset(), "succeeded", {"rows": 960, "files": 1})])


def test_a_retry_tells_no_load_twice(schema: Schema, tmp_path: Path) -> None:
    (tmp_path / "FacilityEfficiency.csv").write_text(f"{HEADER}\n{ROW.format('much')}\n")
    (tmp_path / "Plants.csv").write_text("plant,output\nNorth,1.5\n")
    run_id = create_flow_run(load_green_energy, data_directory=str(tmp_path), schema_name=schema.name)
    assert run(run_id, 200) == "FAILED"
    told = (schema.asset("plants"), "succeeded", {"rows": 1, "files": 1})
    until(lambda: schema.events() == [told])
    press_retry(run_id)
    assert run(run_id, 200) == "FAILED"
    assert schema.events() == [told]
    assert schema.count("plants") == 1


def test_an_event_that_prefect_has_is_not_sent_again(
    schema: Schema, caplog: pytest.LogCaptureFixture
) -> None:
    loads = [
        LoadedTable("main.elt.plants", schema.asset("plants"), 2, rows, (f"{schema.name}-{rows}",))
        for rows in (1, None)
    ]

    @flow
    async def tell(loaded: list[LoadedTable]) -> None:
        for table in loaded:
            await publish_table(table)

    first, unknown = ((schema.asset("plants"), "succeeded", {"rows": rows, "files": 2}) for rows in (1, None))
    asyncio.run(tell(loads[:1]))
    until(lambda: schema.events() == [first])
    assert "an earlier attempt" not in caplog.text
    asyncio.run(tell(loads))
    until(lambda: schema.events() == [first, unknown])
    assert caplog.text.count("main.elt.plants: an earlier attempt has told Prefect of its new rows") == 1


def test_a_schema_in_another_case_is_the_same_one(schema: Schema) -> None:
    load(schema)
    [again] = load(replace(schema, name=schema.name.upper()))
    assert (again.table, again.asset, again.rows) == (
        f"main.{schema.name}.facilityefficiency",
        schema.asset(),
        0,
    )
    assert schema.count() == 960


def test_a_table_keeps_its_types_and_records_their_line_breaks(schema: Schema, tmp_path: Path) -> None:
    (tmp_path / "Plants.1.csv").write_text('plant,output,said\nNorth,1,"one\ntwo"\n')
    [plants] = load(schema, tmp_path)
    assert plants.rows == 1
    assert schema.rows("SELECT output, said FROM plants") == [["1", "one\ntwo"]]
    (tmp_path / "Plants.2.csv").write_text("plant,output,said\nSouth,2,\nSouth,1.5,\n")
    with pytest.raises(StatementFailed) as failed:
        load(schema, tmp_path)
    # It is named, and not cut to 1.
    assert "Plants.2.csv, line 3, column `output`" in str(failed.value)
    assert schema.count("plants") == 1


def test_a_cancelled_load_ends_as_cancelled(schema: Schema, faults: Faults) -> None:
    faults.add(**COPY, when="after", delay_seconds=600)
    with worker("green loads"):
        run_id = create_flow_run(load_green_energy, "green loads", schema_name=schema.name)
        until(lambda: schema.executed("COPY INTO") == 1, 200)
        cancel(run_id)
        until(lambda: state_of(run_id) not in ("CANCELLING", "RUNNING"), 100)
    assert state_of(run_id) == "CANCELLED"


def test_odd_names_of_files_are_quoted_or_refused(schema: Schema, tmp_path: Path) -> None:
    (tmp_path / "odd`;--x.csv").write_text("a,b\n1,x\n")
    [table] = load(schema, tmp_path)
    assert (table.table, table.rows) == (f"main.{schema.name}.odd`;--x", 1)
    assert schema.rows("SELECT a, b FROM `odd``;--x`") == [["1", "x"]]
    (tmp_path / "x; DROP TABLE y.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match="a name of a table has no space"):
        load(schema, tmp_path)


def test_a_file_that_changed_is_not_loaded_again_and_the_log_says_so(
    schema: Schema, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = copy_of_the_data(tmp_path / "data")
    load(schema, folder)
    with (folder / FACILITIES.name).open("a") as stream:
        stream.write(f"{ROW.format('1.5')}\n")
    [table] = load(schema, folder)
    assert (table.rows, schema.count()) == (0, 960)
    assert "was replaced" in caplog.text
