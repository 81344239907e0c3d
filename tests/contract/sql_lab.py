"""What tests of SQL warehouses share: a warehouse, statements, waiting for states."""

import time
from dataclasses import dataclass
from typing import Any

import psutil
from databricks.sdk.service import sql

from .workspace_lab import Lab, until

ENDLESS = "SELECT count(*) FROM range(1000000000000) WHERE hash(id) = 1"
"""A statement that takes hours, and can be interrupted at any moment."""

ACTIVE = (sql.StatementState.PENDING, sql.StatementState.RUNNING)
ASYNC = {"wait_timeout": "0s"}
COMPLETE = {"wait_timeout": "50s"}


@dataclass
class SqlLab:
    """A warehouse of a workspace."""

    lab: Lab
    warehouse_id: str

    @property
    def statements(self) -> Any:
        return self.lab.sdk.statement_execution

    def execute(self, text: str, **fields: Any) -> sql.StatementResponse:
        """A statement, up to 50 seconds."""
        answer: sql.StatementResponse = self.statements.execute_statement(
            text, self.warehouse_id, **{**COMPLETE, **fields}
        )
        return answer

    def rows(self, text: str, **fields: Any) -> list[list[str]]:
        """The rows of the first chunk."""
        answer = self.execute(text, **fields)
        assert state_of(answer) is sql.StatementState.SUCCEEDED, answer.status
        return (answer.result and answer.result.data_array) or []

    def failure(self, text: str, **fields: Any) -> tuple[str, str, str]:
        """Error code, condition and SQLSTATE of a statement that fails."""
        status = self.execute(text, **fields).status
        assert status
        assert status.state is sql.StatementState.FAILED, status
        assert status.error
        assert status.error.error_code
        condition = (status.error.message or "").split("]")[0].removeprefix("[")
        return status.error.error_code.value, condition, status.sql_state or ""

    def ended(self, statement_id: str, seconds: float = 30) -> sql.StatementResponse:
        def ask() -> sql.StatementResponse | None:
            answer: sql.StatementResponse = self.statements.get_statement(statement_id)
            return None if state_of(answer) in ACTIVE else answer

        return until(ask, seconds)

    def wait_for(self, statement_id: str, state: sql.StatementState) -> None:
        until(lambda: state_of(self.statements.get_statement(statement_id)) is state or None, 40)

    def wait_until_idle(self, seconds: float = 20) -> None:
        """Wait until no process of the workspace calculates."""

        def is_idle() -> bool:
            before = self._processor_seconds()
            time.sleep(0.5)
            return self._processor_seconds() - before < 0.2

        until(is_idle, seconds)

    def _processor_seconds(self) -> float:
        server = psutil.Process(self.lab.workspace.process.pid)
        times = [process.cpu_times() for process in [server, *server.children(recursive=True)]]
        return sum(each.user + each.system for each in times)

    def wait_for_warehouse(self, state: sql.State, seconds: float = 40) -> None:
        until(lambda: self.lab.sdk.warehouses.get(self.warehouse_id).state is state or None, seconds)


def state_of(answer: sql.StatementResponse) -> sql.StatementState:
    assert answer.status
    assert answer.status.state
    return answer.status.state


def starter_of(lab: Lab) -> SqlLab:
    """The warehouse that a workspace has from the beginning."""
    found = [each for each in lab.sdk.warehouses.list() if each.name == "Starter Warehouse"]
    assert found[0].id
    return SqlLab(lab, found[0].id)
