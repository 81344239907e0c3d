"""The analysis gives the right numbers, keeps to itself, and cleans up, through real parts."""

from __future__ import annotations

import asyncio
import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from databricks_blocks.csv.faults import InputError
from databricks_blocks.database.connection import open_transaction
from databricks_blocks.database.transaction import DatabaseTransaction
from databricks_flows.renewable import scope as run_scope
from databricks_flows.renewable.analysis import RenewableAnalysis, renewable_analysis
from databricks_flows.renewable.share_files import DATA_DIRECTORY, SHARES
from databricks_flows.shared.progress import Progress, listening
from dbflow.notebooks import import_notebooks, packaged_sources
from PIL import Image
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName

from .conftest import Stack, analyse, until
from .hearing import said_in

COLUMNS = ["Entity", "Code", "Year", *SHARES, "SHW%"]
SOLAR, HYDRO, WIND = SHARES


def expected(countries: list[str] | None = None, data: Path = DATA_DIRECTORY) -> pd.DataFrame:
    """The result as pandas computes it from the input files."""
    joined: pd.DataFrame | None = None
    for path in sorted(data.glob("*.csv")):
        rows = pd.read_csv(path, keep_default_na=False, na_values=[""])
        share = next(column for column in rows.columns if column in SHARES)
        rows = rows.rename(columns={"Code": f"Code {share}"})
        joined = rows if joined is None else joined.merge(rows, on=["Entity", "Year"], how="outer")
    assert joined is not None
    codes = [f"Code {share}" for share in SHARES]
    joined["Code"] = joined[codes].bfill(axis=1).iloc[:, 0]
    joined["SHW%"] = joined[SOLAR] + joined[HYDRO] + joined[WIND]
    if countries is not None:
        joined = joined[joined["Entity"].isin(countries)]
    return joined[COLUMNS].sort_values(["Entity", "Year"]).reset_index(drop=True)


def read(result: RenewableAnalysis) -> pd.DataFrame:
    return pd.read_csv(result.table, keep_default_na=False, na_values=[""])


def test_every_row_of_two_countries(clean_stack: Stack, tmp_path: Path) -> None:
    result = analyse(tmp_path, countries=["United States", "Switzerland"])
    table = read(result)
    pd.testing.assert_frame_equal(
        table, expected(["Switzerland", "United States"]), check_dtype=False, rtol=1e-12
    )
    shown = table.set_index(["Entity", "Year"])["SHW%"]
    golden = {("Switzerland", 1985): 56.892, ("Switzerland", 2021): 65.703}
    golden |= {("United States", 1985): 10.808, ("United States", 2021): 19.210}
    assert {key: round(float(shown[key]), 3) for key in golden} == golden
    assert Image.open(result.chart).size >= (1000, 500)


def test_all_countries_row_for_row(clean_stack: Stack, tmp_path: Path) -> None:
    result = analyse(tmp_path, all_countries=True)
    table = read(result)
    assert len(table) == result.rows == 6380
    assert int(table["Code"].isna().sum()) == 697
    missing = table[table["SHW%"].isna()]
    assert missing[["Entity", "Year"]].to_numpy().tolist() == [["Middle East", 2021]]
    pd.testing.assert_frame_equal(table, expected(), check_dtype=False, rtol=1e-12)


def test_the_table_has_its_header_its_order_and_numbers_as_they_came(
    clean_stack: Stack, tmp_path: Path
) -> None:
    result = analyse(tmp_path, countries=["Middle East"])
    lines = result.table.read_text().splitlines()
    assert (
        lines[0] == "Entity,Code,Year,Solar (% electricity),Hydro (% electricity),Wind (% electricity),SHW%"
    )
    assert re.fullmatch(r"Middle East,,2021,[0-9.]+,,,", lines[-1])
    with (DATA_DIRECTORY / "share-electricity-solar.csv").open(newline="") as stream:
        source = {row["Year"]: row[SOLAR] for row in csv.DictReader(stream) if row["Entity"] == "Middle East"}
    with result.table.open(newline="") as stream:
        assert {row["Year"]: row[SOLAR] for row in csv.DictReader(stream)} == source


def test_the_result_stays_in_the_database_and_a_second_run_changes_nothing(
    clean_stack: Stack, tmp_path: Path
) -> None:
    columns = "xmin::text, entity, code, year, solar, hydro, wind, shw"
    query = f"SELECT {columns} FROM renewable_share WHERE entity = %s"
    analyse(tmp_path, countries=["Peru"])
    first = clean_stack.query(query, "Peru")
    analyse(tmp_path, countries=["Peru", "Chile"])
    assert clean_stack.query(query, "Peru") == first
    peru = expected(["Peru"])
    assert {row[3]: row[7] for row in first} == pytest.approx(
        dict(zip(peru["Year"], peru["SHW%"], strict=True))
    )


def test_two_at_once_never_touch_each_other(clean_stack: Stack, tmp_path: Path) -> None:
    async def both() -> list[RenewableAnalysis]:
        return await asyncio.gather(
            renewable_analysis(countries=["Norway"], output_directory=str(tmp_path / "a")),
            renewable_analysis(countries=["France", "Norway"], output_directory=str(tmp_path / "b")),
        )

    for result, countries in zip(asyncio.run(both()), (["Norway"], ["France", "Norway"]), strict=True):
        pd.testing.assert_frame_equal(read(result), expected(countries), check_dtype=False, rtol=1e-12)


HOSTILE = [
    "Côte d'Ivoire",
    "x'); DROP TABLE y;--",
    'say "cheese"',
    "two\nlines",
    "semi;colon, comma",
    "日本 العربية",
    " spaces ",
    "back\\slash\\",
    "100 % {braces} $dollar$",
    "NULL",
    "NA",
]


def write_data(folder: Path, rows: list[list[str]], *, bom: str = "", newline: str = "\n") -> None:
    folder.mkdir(exist_ok=True)
    for number, share in enumerate(SHARES):
        with (folder / f"data {number};'x.csv").open("w", encoding="utf-8", newline="") as stream:
            stream.write(bom)
            writer = csv.writer(stream, lineterminator=newline)
            writer.writerow([share, "Year", "Entity", "Code"])
            writer.writerows([str(number + 0.25), year, entity, code] for entity, code, year in rows)


@pytest.mark.parametrize(("bom", "newline"), [("", "\n"), ("\ufeff", "\r\n")])
def test_names_of_any_kind_come_through(clean_stack: Stack, tmp_path: Path, bom: str, newline: str) -> None:
    write_data(tmp_path / "in put", [[name, "", "2000"] for name in HOSTILE], bom=bom, newline=newline)
    result = analyse(tmp_path, countries=HOSTILE, data_directory=str(tmp_path / "in put"))
    with result.table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    assert rows == [[name, "", "2000", "0.25", "1.25", "2.25", "3.75"] for name in sorted(HOSTILE)]


GOOD = "Peru,PER,2000,1\n"


def write_shares(folder: Path, solar: bytes) -> None:
    """Sound files of hydro and wind, and one of solar with the given rows."""
    for name, share in (("solar", SOLAR), ("hydro", HYDRO), ("wind", WIND)):
        (folder / f"{name}.csv").write_text(f"Entity,Code,Year,{share}\n{GOOD}")
    (folder / "solar.csv").write_bytes(f"Entity,Code,Year,{SOLAR}\n".encode() + solar)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (GOOD * 2, "line 3, columns `Entity` and `Year`: Peru 2000 is already in line 2; keep one of them"),
        ("Peru,PER,2000\n", "line 2, 3 fields where the header has 4"),
        ("Peru,PER,2000,1,1\n", "line 2, 5 fields where the header has 4"),
        ("Peru,PER,2000,1\n\nPeru,PER,2001,1\n", "line 3, an empty line; remove it"),
        (f"{'x' * 5_000_000},PER,2000,1\n", "line 2, column `Entity`: 5000000 bytes; at most 255"),
        ("Peru,PER,year,1\n", "line 2, column `Year`: `year` is not a whole number"),
        ("Peru,PER,2000,n/a\n", f"line 2, column `{SOLAR}`: `n/a` is not a number"),
        ("Peru,PER,2000,Infinity\n", f"line 2, column `{SOLAR}`: `Infinity` is not a number"),
        ("Peru,PER,2000,1\n,,2001,1\n", "line 3, column `Entity`: empty; every row needs an entity"),
        (b"Peru,PER,2000,1\nPer\xfa,PER,2001,1\n", "line 3, column `Entity`: bytes that are not UTF-8"),
        ('Peru,PER,2000,1\n"Chile,PER,2000,1\n', "line 3: the record does not end; is a quote missing"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value)[:40],
)
def test_a_file_that_cannot_be_used_is_refused_with_file_line_and_column(
    clean_stack: Stack, tmp_path: Path, body: str | bytes, fault: str
) -> None:
    write_shares(tmp_path, body if isinstance(body, bytes) else body.encode())
    with pytest.raises(InputError) as refused:
        analyse(tmp_path / "out", countries=["Peru"], data_directory=str(tmp_path))
    assert str(refused.value).startswith(f"{tmp_path / 'solar.csv'}, {fault}")
    assert "\n" not in str(refused.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_text_in_row_200_000_is_found(clean_stack: Stack, tmp_path: Path) -> None:
    for share in (HYDRO, WIND):
        (tmp_path / f"{share[:4]}.csv").write_text(f"Entity,Code,Year,{share}\n{GOOD}")
    rows = [f"Land {number},,2000,{number / 7}\n" for number in range(199_998)]
    solar = tmp_path / "solar.csv"
    solar.write_text(f"Entity,Code,Year,{SOLAR}\n{GOOD}{''.join(rows)}Chile,,2000,unknown\n")
    with pytest.raises(InputError) as refused:
        analyse(tmp_path / "out", countries=["Peru"], data_directory=str(tmp_path))
    assert str(refused.value) == f"{solar}, line 200001, column `{SOLAR}`: `unknown` is not a number"


def test_an_output_folder_that_cannot_be_written_is_refused_before_anything_runs(
    clean_stack: Stack, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/out: cannot write there: Not a directory"):
        analyse(tmp_path / "file" / "out")


def test_no_secret_reaches_the_prefect_server_in_clear(clean_stack: Stack, tmp_path: Path) -> None:
    from prefect.client.orchestration import get_client

    analyse(tmp_path, countries=["Peru"])
    endpoints = clean_stack.endpoints
    secrets = [endpoints.postgres.password, endpoints.s3.secret_key, endpoints.workspace.token]
    with get_client(sync_client=True) as client:
        texts = [
            client._client.post(f"/{kind}/filter", json={}).text
            for kind in ("flow_runs", "task_runs", "logs", "artifacts", "block_documents")
        ]
    assert all(len(text) > 100 for text in texts)
    assert not [secret for secret in secrets if any(secret in text for text in texts)]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (
            'Pe"ru,PER,2000,1\nChile,CHL,2000,1\nBo"livia,BOL,2000,1\n',
            "line 2, column `Entity`: a quote inside",
        ),
        ("Peru,PER,2000,1e400\n", f"line 2, column `{SOLAR}`: `1e400` is not a number"),
        ("Peru,PER,2000,0x10\n", f"line 2, column `{SOLAR}`: `0x10` is not a number"),
        ("Peru,PER,2_000,1\n", "line 2, column `Year`: `2_000` is not a whole number"),
        ('"","X",2000,1\n', "line 2, column `Entity`: empty; every row needs an entity"),
        ("Peru,PER,2000,1\xa0\n", f"line 2, column `{SOLAR}`: `1\xa0` is not a number"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_a_database_would_read_otherwise_is_refused(
    clean_stack: Stack, tmp_path: Path, body: str, fault: str
) -> None:
    write_shares(tmp_path, body.encode())
    with pytest.raises(InputError) as refused:
        analyse(tmp_path / "out", all_countries=True, data_directory=str(tmp_path))
    assert str(refused.value).startswith(f"{tmp_path / 'solar.csv'}, {fault}")


def test_a_file_in_which_everything_is_quoted_loads(clean_stack: Stack, tmp_path: Path) -> None:
    write_shares(tmp_path, b'"Peru","","2000",""\n"Chile","CHL","2000","+1.5e1"\n')
    result = analyse(tmp_path / "out", all_countries=True, data_directory=str(tmp_path))
    assert result.table.read_text().splitlines()[1:] == ["Chile,CHL,2000,15,,,", "Peru,PER,2000,,1,1,"]


def test_what_spreadsheets_and_cat_make_loads(
    clean_stack: Stack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_shares(tmp_path, b"")
    solar = f'Entity,Unit,Code,Year,{SOLAR},\r\nPeru,%,PER,2000,1,\nChile,"a\nb",CHL,2000,2,x\r\n\n\r\n'
    (tmp_path / "solar.csv").write_bytes(solar.encode())
    result = analyse(tmp_path / "out", all_countries=True, data_directory=str(tmp_path))
    assert result.table.read_text().splitlines()[1:] == ["Chile,CHL,2000,2,,,", "Peru,PER,2000,1,1,1,3"]
    said = [record.getMessage() for record in caplog.records if "does not use" in record.getMessage()]
    assert said == ["solar.csv: the analysis does not use the columns `Unit`, ``"]


def test_files_without_rows_are_refused_before_a_cluster_starts(clean_stack: Stack, tmp_path: Path) -> None:
    for name, share in (("solar", SOLAR), ("hydro", HYDRO), ("wind", WIND)):
        (tmp_path / f"{name}.csv").write_text(f"Entity,Code,Year,{share}\n")
    with pytest.raises(InputError, match="the files hold no row for the chosen countries"):
        analyse(tmp_path / "out", all_countries=True, data_directory=str(tmp_path))


def test_output_may_go_where_the_data_is(clean_stack: Stack, tmp_path: Path) -> None:
    write_shares(tmp_path, GOOD.encode())
    for _ in range(2):
        analyse(tmp_path, all_countries=True, data_directory=str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "hydro.csv",
        "shw.csv",
        "shw.png",
        "solar.csv",
        "wind.csv",
    ]


def test_a_cancel_leaves_nothing_behind(clean_stack: Stack, tmp_path: Path) -> None:
    async def cancel_when_exporting() -> None:
        exporting = asyncio.Event()
        loop = asyncio.get_running_loop()

        def on_progress(progress: Progress) -> None:
            if progress.step == "export_table":
                loop.call_soon_threadsafe(exporting.set)

        with listening(on_progress):
            flow = asyncio.create_task(renewable_analysis(all_countries=True, output_directory=str(tmp_path)))
            await exporting.wait()
            flow.cancel()
            with pytest.raises(asyncio.CancelledError):
                await flow

    asyncio.run(cancel_when_exporting())
    assert list(tmp_path.iterdir()) == []


def test_the_slots_of_a_concurrency_limit_are_honoured(
    clean_stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, most = [0], [0]

    @contextmanager
    def counted(database: str, schema: str) -> Iterator[DatabaseTransaction]:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        with open_transaction(database, schema) as transaction:
            yield transaction
        at_once[0] -= 1

    monkeypatch.setattr(run_scope, "open_transaction", counted)
    with get_client(sync_client=True) as client:
        limit = {"name": "one-transaction", "limit": 1}
        client.request("POST", "/v2/concurrency_limits/", json=limit).raise_for_status()
        analyse(tmp_path, countries=["Peru"], concurrency_limit="one-transaction")
        path = "/v2/concurrency_limits/{id_or_name}"
        left = client.request("GET", path, path_params={"id_or_name": limit["name"]})
    assert most == [1]
    assert left.json()["active_slots"] == 0


def test_the_page_shows_rows_read_joined_and_written_while_the_notebooks_run(
    clean_stack: Stack, tmp_path: Path
) -> None:
    go, folder, client = tmp_path / "go", "/Shared/tests/analysis", clean_stack.databricks()
    # The second notebook waits, so that what the first one says is seen while the run goes on.
    waits = f"import os, time\nwhile not os.path.exists({str(go)!r}):\n    time.sleep(0.1)\n"
    sources = packaged_sources()
    marker = b"# COMMAND ----------\n"
    sources["transform_data"] = sources["transform_data"].replace(marker, marker + waits.encode(), 1)
    import_notebooks(client, folder, sources)

    def said() -> list[str]:
        of_the_run = FlowRunFilter(name=FlowRunFilterName(any_=["renewable-analysis: Peru, Chile"]))
        with get_client(sync_client=True) as prefect:
            found = prefect.read_flow_runs(flow_run_filter=of_the_run)
        return [line for run in found for line in said_in(run.id)]

    async def both() -> RenewableAnalysis:
        running = asyncio.create_task(
            renewable_analysis(["Peru", "Chile"], output_directory=str(tmp_path), notebook_directory=folder)
        )
        await asyncio.to_thread(until, lambda: "74 rows joined" in said())
        assert "Solar (% electricity): 74 rows" in said()
        go.touch()
        result: RenewableAnalysis = await running
        return result

    assert asyncio.run(both()).rows == 74
    assert "74 rows read, 74 rows written" in said()
    assert list(client.files.list_directory_contents("/Volumes/main/default/pipes")) == []
