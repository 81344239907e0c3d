"""What a call of SQL asks for: statements, values, a warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from databricks_blocks.loading import load_block
from databricks_blocks.safe_text import one_line
from databricks_blocks.sql.parameters import InvalidStatement, bound_parameters
from databricks_blocks.sql.statement import Statement
from databricks_blocks.sql.texts.splitting import markers_of, split_statements
from databricks_blocks.sql_warehouse import SqlWarehouse


@dataclass(frozen=True)
class SqlRequest:
    """What a call of SQL asks for.

    Attributes:
        statements: Texts of the statements, which are executed one after the other.
        parameters: Values by the names of their markers.
        warehouse: The warehouse, or the name of its block.
        catalog: Catalog in which each statement begins; empty for that of the block.
        schema: Schema in which each statement begins; empty for that of the block.
        key: Tells calls apart that are equal in all else.
        timeout_seconds: How long all of it may take; `None`: as long as it takes.
        is_new: Whether it is asked for anew each time: nothing of an earlier attempt is looked for.
    """

    statements: Sequence[str]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    warehouse: SqlWarehouse | str = "warehouse"
    catalog: str = ""
    schema: str = ""
    key: str = ""
    timeout_seconds: float | None = None
    is_new: bool = False

    def __post_init__(self) -> None:
        if not self.statements:
            raise InvalidStatement("there is no statement to execute.")
        if self.timeout_seconds is not None and self.timeout_seconds <= 0:
            raise InvalidStatement(f"timeout_seconds must be more than 0, but is {self.timeout_seconds}.")
        bound_parameters(self.parameters)
        if len(self.statements) > 1:
            used = set[str]().union(*map(markers_of, self.statements))
            if unused := sorted(set(self.parameters) - used):
                raise InvalidStatement(f"no statement has a marker for the parameter `{unused[0]}`.")

    def block(self) -> SqlWarehouse:
        """Load the block of the warehouse. It blocks.

        Raises:
            BlockNotFound: There is no such block.
        """
        if isinstance(self.warehouse, SqlWarehouse):
            return self.warehouse
        return load_block(SqlWarehouse, self.warehouse)

    def of(self, block: SqlWarehouse, warehouse_id: str) -> list[Statement]:
        """The statements, for a warehouse.

        Args:
            block: Names catalog and schema, if the call does not.
            warehouse_id: Id of the warehouse.
        """
        many = len(self.statements) > 1
        return [
            Statement(
                text,
                warehouse_id,
                self.catalog or block.catalog,
                self.schema or block.schema_name,
                # Several statements share the values, and each gets those that it has markers for.
                {
                    name: value
                    for name, value in self.parameters.items()
                    if not many or name in markers_of(text)
                },
            )
            for text in self.statements
        ]


def read_statements(given: str | Path | Sequence[str]) -> list[str]:
    """Read the statements that a user gives.

    Args:
        given: A text of one or several statements, or several texts, or a file. A text that is just the name
            of a file with the ending `.sql` is read as one, too.

    Raises:
        InvalidStatement: There is no statement, or no such file.
    """
    if isinstance(given, Path) or (isinstance(given, str) and _is_file_name(given)):
        statements = split_statements(_content(Path(given)))
    else:
        texts = [given] if isinstance(given, str) else given
        statements = [statement for text in texts for statement in split_statements(text)]
    if not statements:
        raise InvalidStatement(f"there is no statement in `{one_line(str(given))[:80]}`.")
    return statements


def _is_file_name(text: str) -> bool:
    if not text.lower().endswith(".sql") or len(text.splitlines()) != 1:
        return False
    # A statement may end with the name of a table, such as `main.sql`; a path may have spaces.
    return len(text.split()) == 1 or Path(text).is_file()


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidStatement(f"the file {path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise InvalidStatement(f"the file {path} is not UTF-8: {error.reason}.") from error
