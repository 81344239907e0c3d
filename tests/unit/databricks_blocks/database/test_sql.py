"""Tables of a run in SQLite and DuckDB, and the rows that are merged into one that stays."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from databricks_blocks.database.merge import merge_statements
from databricks_blocks.database.sql import SqlTransaction, sql_table, sql_transaction
from databricks_blocks.database.tables import Column, RecordRefused, Table
from prefect_sqlalchemy.database import SqlAlchemyConnector

NAME = 'Ent"ity; -- %(x)s :y'
SOURCE = Table(
    "rows", {NAME: Column("text", required=True), "Year": Column("integer"), "Share": Column("double")}
)
KEPT = Table(
    "kept",
    {"entity": Column("text"), "year": Column("integer"), "share": Column("double")},
    key=("entity", "year"),
)


@pytest.fixture(params=["sqlite", "duckdb"])
def connector(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlAlchemyConnector]:
    with SqlAlchemyConnector(connection_info=f"{request.param}:///{tmp_path / 'a b.db'}") as connector:
        yield connector


def load(transaction: SqlTransaction, body: str) -> int:
    transaction.create(SOURCE)
    return transaction.load_csv(SOURCE, io.BytesIO(f"header,,\n{body}".encode()))


def rows_of(connector: SqlAlchemyConnector, table: str) -> list[tuple[object, ...]]:
    with connector.get_engine().connect() as connection:
        query = sa.select(sa.text("*")).select_from(sa.table(table)).order_by(sa.text("1, 2"))
        return [tuple(row) for row in connection.execute(query)]


def tables_of(connector: SqlAlchemyConnector) -> list[str]:
    with connector.get_engine().connect() as connection:
        return sa.inspect(connection).get_table_names()


def test_rows_go_in_are_chosen_and_come_out_in_order(connector: SqlAlchemyConnector) -> None:
    with sql_transaction(connector, "run_1") as transaction:
        assert load(transaction, "b,2,0.1\n'; DROP TABLE x,1,\na,1,1e22\nB,1,2\n") == 4
        assert transaction.select_into("chosen", SOURCE, NAME, ["b", "B", "'; DROP TABLE x"]) == 3
        chosen = Table("chosen", SOURCE.columns)
        stream = io.BytesIO()
        assert transaction.write_csv(chosen, ["Share", NAME], stream, order_by=[NAME]) == 3
        assert stream.getvalue().decode().splitlines()[1:] == [",'; DROP TABLE x", "2,B", "0.1,b"]
        assert transaction.select_into("chosen", SOURCE, NAME, None) == transaction.count(chosen) == 4
        assert transaction.select_into("chosen", SOURCE, NAME, []) == 0


def test_values_that_occur_twice_are_found(connector: SqlAlchemyConnector) -> None:
    with sql_transaction(connector, "run_1") as transaction:
        load(transaction, "a,1,1\na,2,1\n")
        assert transaction.find_duplicate(SOURCE, (NAME, "Year")) is None
        load(transaction, "a,1,1\nb,2,1\nb,2,2\n")
        assert transaction.find_duplicate(SOURCE, (NAME, "Year")) == ("b", 2)


def test_what_fails_in_the_middle_leaves_nothing(connector: SqlAlchemyConnector) -> None:
    with pytest.raises(RecordRefused, match="line 12002"), sql_transaction(connector, "run_1") as transaction:
        load(transaction, "a,1,1\n" * 12_000 + "a,x,1\n")
    assert tables_of(connector) == []


def test_a_row_that_comes_twice_under_a_key_is_refused(connector: SqlAlchemyConnector) -> None:
    stream = io.BytesIO(b"h,h,h\na,1,1\na,1,2\n")
    with sql_transaction(connector, "run_1") as transaction:
        transaction.create(KEPT)
    with (
        pytest.raises(RecordRefused, match=r"(?i)constraint"),
        sql_transaction(connector, "run_1") as transaction,
    ):
        transaction.load_csv(KEPT, stream)


def test_a_run_takes_its_own_tables_away_and_no_others(connector: SqlAlchemyConnector) -> None:
    for run in ("run_1", "run_11"):
        with sql_transaction(connector, run) as transaction:
            load(transaction, "a,1,1\n")
    with sql_transaction(connector, "run_1") as transaction:
        transaction.begin_run()
    assert tables_of(connector) == ["run_11_rows"]


def merge_twice(connector: SqlAlchemyConnector) -> list[tuple[object, ...]]:
    for body in ("a,1,1\nb,1,2\nc,1,\n", "a,1,1\nb,1,3\nd,1,4\n"):
        with sql_transaction(connector, "run_1") as transaction:
            load(transaction, body)
            transaction.merge(SOURCE, (NAME, "Year", "Share"), KEPT)
    return rows_of(connector, "kept")


def test_merged_rows_take_the_place_of_those_with_their_key(connector: SqlAlchemyConnector) -> None:
    assert merge_twice(connector) == [("a", 1, 1.0), ("b", 1, 3.0), ("c", 1, None), ("d", 1, 4.0)]


def test_a_database_without_upsert_deletes_and_inserts(
    connector: SqlAlchemyConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("databricks_blocks.database.merge._UPSERT", {})
    assert merge_twice(connector) == [("a", 1, 1.0), ("b", 1, 3.0), ("c", 1, None), ("d", 1, 4.0)]


def test_the_upsert_leaves_rows_alone_that_are_the_same() -> None:
    source, kept = sql_table("rows", SOURCE), sql_table("kept", KEPT)
    [statement] = merge_statements("sqlite", kept, source, list(source.c))
    assert "IS NOT" in str(statement.compile(dialect=sa.create_engine("sqlite://").dialect))


def test_steps_at_the_same_time_wait_for_each_other(tmp_path: Path) -> None:
    def step(number: int) -> int:
        with (
            SqlAlchemyConnector(connection_info=f"sqlite:///{tmp_path / 'dwh'}") as connector,
            sql_transaction(connector, f"run_{number}") as transaction,
        ):
            return load(transaction, "a,1,1\n" * 20_000)

    with ThreadPoolExecutor(8) as executor:
        assert list(executor.map(step, range(8))) == [20_000] * 8


def test_rows_are_measured_and_keys_counted_over_several_tables(connector: SqlAlchemyConnector) -> None:
    with sql_transaction(connector, "run_1") as transaction:
        load(transaction, "a,2001,0.5\nb,1999,\na,2000,-1.5\n")
        whole = transaction.profile(SOURCE, "Year", ["Share"])
        assert (whole.rows, whole.first, whole.last) == (3, 1999, 2001)
        assert (whole.present, whole.totals) == ({"Share": 2}, {"Share": 2.0})
        chosen = transaction.profile(SOURCE, "Year", ["Share"], NAME, ["b"])
        assert (chosen.rows, chosen.present, chosen.totals) == (1, {"Share": 0}, {"Share": 0.0})
        assert transaction.profile(SOURCE, "Year", ["Share"], NAME, []).first is None
        transaction.select_into("chosen", SOURCE, NAME, ["a"])
        chosen_rows = Table("chosen", SOURCE.columns)
        assert transaction.count_keys([SOURCE, chosen_rows], [NAME, "Year"]) == 3
        assert transaction.count_keys([chosen_rows], [NAME]) == 1
