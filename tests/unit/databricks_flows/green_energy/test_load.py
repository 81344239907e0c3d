"""What is wrong with one table, or a cancel, takes nothing from the others: neither rows nor events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_blocks.sql.errors import StatementFailed
from databricks_flows.green_energy import load as loading
from databricks_flows.green_energy.assets import LoadedTable, asset_key
from databricks_flows.green_energy.failures import TablesNotLoaded
from databricks_flows.green_energy.load import load_green_energy
from databricks_flows.green_energy.place import Place
from databricks_flows.tasks.copy_result import CopyFailed, CopyResult
from databricks_flows.tasks.uploads import FilesNotUploaded, UploadedFile
from prefect.exceptions import CancelledRun
from prefect.logging import disable_run_logger

Copy = Callable[[str], Any]


class Services:
    """A storage, a warehouse and a Prefect server; tables are named by their last part."""

    def __init__(self) -> None:
        self.copies: dict[str, Copy] = {}
        self.bad_uploads: set[str] = set()
        self.told: list[tuple[str, int | None]] = []
        self.folders: list[str] = []
        self.publish_faults: list[BaseException] = []
        self.told_two = asyncio.Event()

    async def upload(self, paths: Sequence[Path], folder: str, **_: Any) -> list[UploadedFile]:
        self.folders.append(folder)
        if folder.rpartition("/")[2] in self.bad_uploads:
            raise FilesNotUploaded([], [f"{paths[0].name}: Permission denied"])
        return [UploadedFile(str(path), path.name, f"s3://b/{path.name}", 1, "new") for path in paths]

    async def copy(self, table: str, staged: Sequence[UploadedFile], **_: Any) -> CopyResult:
        name = table.rpartition(".")[2].strip("`")
        if name in self.copies:
            return await self.copies[name](name)  # type: ignore[no-any-return]
        return CopyResult(table, len(staged), 3, 0, (f"id of {name}",))

    async def publish(self, loaded: LoadedTable, _: float) -> None:
        await asyncio.sleep(0)
        if self.publish_faults:
            raise self.publish_faults.pop()
        self.told.append((loaded.table.rpartition(".")[2], loaded.rows))
        if len(self.told) == 2:
            self.told_two.set()


class NoSteps:
    """Steps that nobody is told of."""

    def __init__(self, *_: Any) -> None:
        pass

    @asynccontextmanager
    async def step(self, *_: Any) -> AsyncIterator[None]:
        yield


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    made = Services()

    async def schema(_: Place) -> None:
        pass

    monkeypatch.setattr(loading, "aupload_files", made.upload)
    monkeypatch.setattr(loading, "copy_into", made.copy)
    monkeypatch.setattr(loading, "publish_table", made.publish)
    monkeypatch.setattr(loading, "_make_schema", schema)
    monkeypatch.setattr(loading, "Steps", NoSteps)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("meters", "plants", "sites"):
        (tmp_path / f"{name}.csv").write_text("a\n1\n")
    return tmp_path


def failing(error: BaseException) -> Copy:
    async def fail(_: str) -> None:
        raise error

    return fail


def load(folder: Path, **given: Any) -> Any:
    with disable_run_logger():
        return asyncio.run(load_green_energy.fn(str(folder), **given))


def failed(message: str) -> StatementFailed:
    return StatementFailed(message, statement_id="9", url="url")


def test_a_file_that_cannot_be_uploaded_holds_back_no_other_table(services: Services, folder: Path) -> None:
    services.bad_uploads = {"meters"}
    with pytest.raises(FilesNotUploaded, match=r"meters\.csv: Permission denied"):
        load(folder)
    assert sorted(services.told) == [("plants", 3), ("sites", 3)]


def test_all_failures_are_told(services: Services, folder: Path) -> None:
    services.bad_uploads = {"meters"}
    services.copies["plants"] = failing(failed("plants.csv, line 7: [CAST_INVALID_INPUT] x\n== SQL =="))
    with pytest.raises(TablesNotLoaded) as told:
        load(folder)
    assert str(told.value) == (
        "2 tables: 1 of 1 files are not uploaded: meters.csv: Permission denied; "
        "plants.csv, line 7: [CAST_INVALID_INPUT] x"
    )
    assert services.told == [("sites", 3)]
    (folder / "plants.csv").write_text("")
    (folder / "meters.csv").write_text("")
    services.bad_uploads = set()
    with pytest.raises(InputError, match=r"2 tables: .*meters\.csv, line 1.*plants\.csv, line 1"):
        load(folder)


def test_rows_before_a_failure_in_the_same_table_are_told(services: Services, folder: Path) -> None:
    copied = CopyResult("plants", 1000, 2000, 0, ("1",))
    services.copies["plants"] = failing(CopyFailed("bad.csv, line 2", copied=copied, statement_id="2"))
    with pytest.raises(CopyFailed, match=r"bad\.csv"):
        load(folder)
    assert sorted(services.told) == [("meters", 3), ("plants", 2000), ("sites", 3)]


def test_no_rows_are_not_told(services: Services, folder: Path) -> None:
    async def nothing(name: str) -> CopyResult:
        return CopyResult(name, 1, 0, 0)

    async def unknown(name: str) -> CopyResult:
        return CopyResult(name, 1, None, 0)

    services.copies = {"plants": nothing, "sites": unknown}
    assert [(table.table, table.rows) for table in load(folder)] == [
        ("main.elt.meters", 3),
        ("main.elt.plants", 0),
        ("main.elt.sites", None),
    ]
    assert sorted(services.told) == [("meters", 3), ("sites", None)]


def test_a_table_is_told_while_another_one_still_loads_and_a_cancel_loses_no_event(
    services: Services, folder: Path
) -> None:
    services.publish_faults = [asyncio.CancelledError()]

    async def cancelled() -> None:
        async def hang(_: str) -> None:
            await asyncio.Event().wait()

        services.copies["plants"] = hang
        task = asyncio.create_task(load_green_energy.fn(str(folder)))
        await services.told_two.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with disable_run_logger():
        asyncio.run(cancelled())
    assert sorted(services.told) == [("meters", 3), ("sites", 3)]


def test_a_cancel_in_prefect_ends_as_cancelled(services: Services, folder: Path) -> None:
    services.copies["plants"] = failing(CancelledRun("Cancelled, and its SQL statement as well"))
    ended = load(folder)
    assert (ended.type.value, ended.message) == ("CANCELLED", "Cancelled, and its SQL statements as well")
    assert sorted(services.told) == [("meters", 3), ("sites", 3)]


def test_a_schema_in_another_case_is_the_same_place(services: Services, folder: Path) -> None:
    load(folder, catalog="MAIN", schema_name="ELT")
    assert services.folders == ["main/elt/meters", "main/elt/plants", "main/elt/sites"]
    place = Place("MAIN", "ELT")
    assert (place.quoted("t"), place.named("t")) == ("`main`.`elt`.`t`", "main.elt.t")
    assert asset_key(place.catalog, place.schema, "t") == "databricks://main/elt/t"
