"""Replace rows with the same key: by the database's own upsert, or by a delete and an insert."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

# DuckDB has the syntax of PostgreSQL.
_UPSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert, "duckdb": postgresql.insert}


def merge_statements(
    dialect: str, target: sa.Table, source: sa.Table, columns: Sequence[sa.Column[Any]]
) -> list[sa.Executable]:
    """Make the statements; run them in one transaction.

    Args:
        dialect: Name of SQLAlchemy's dialect.
        target: Table that the rows go to.
        source: Table that the rows come from.
        columns: Columns of the source, in the order of the columns of the target.
    """
    # Without a WHERE, SQLite reads ON CONFLICT as the ON of a join (docs: upsert, parsing ambiguity).
    rows = sa.select(*columns).where(sa.true())
    key = [column.name for column in target.primary_key]
    others = [column.name for column in target.c if column.name not in key]
    if dialect in _UPSERT:
        insert: Any = _UPSERT[dialect](target).from_select(list(target.c.keys()), rows)
        changed = sa.or_(*(target.c[name].is_distinct_from(insert.excluded[name]) for name in others))
        new = {name: insert.excluded[name] for name in others}
        return [insert.on_conflict_do_update(index_elements=key, set_=new, where=changed)]
    by_target = dict(zip(target.c.keys(), columns, strict=True))
    same = sa.and_(*(target.c[name] == by_target[name] for name in key))
    there = sa.exists().select_from(source).where(same).correlate(target)
    return [target.delete().where(there), target.insert().from_select(list(target.c.keys()), rows)]
