"""What the server asks the process of a warehouse for, and what it answers. Data only."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class SessionOrder:
    """The session of a statement.

    Attributes:
        session_id: Its id; empty for one that is there for this statement only.
        catalog: The catalog that it begins in; empty for the default.
        schema: The schema that it begins in.
        conf: Its configuration.
    """

    session_id: str = ""
    catalog: str = ""
    schema: str = ""
    conf: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StatementOrder:
    """A statement to execute.

    Attributes:
        statement_id: Its id.
        statement: Its text.
        parameters: `name`, `value` and `type` of each parameter.
        session: Its session.
        format: The format of the result.
        directory: Where the files of the result go.
        chunk_bytes: About how large each may be.
        row_limit: After how many rows the result is cut; None for no limit.
        byte_limit: After how many bytes it is cut.
        refuse_bytes: From how many bytes on the statement fails; None for never.
    """

    statement_id: str
    statement: str
    parameters: list[dict[str, Any]]
    session: SessionOrder
    format: str
    directory: str
    chunk_bytes: int
    row_limit: int | None = None
    byte_limit: int | None = None
    refuse_bytes: int | None = None

    def as_message(self) -> dict[str, Any]:
        """What is sent to the process."""
        return {"execute": asdict(self)}

    @staticmethod
    def from_message(content: dict[str, Any]) -> "StatementOrder":
        """Read what was sent."""
        return StatementOrder(**{**content, "session": SessionOrder(**content["session"])})


@dataclass(frozen=True)
class Outcome:
    """How a statement ended.

    Attributes:
        state: SUCCEEDED, FAILED or CANCELED.
        error_code: Why it failed.
        message: The same for people.
        sql_state: The same as SQLSTATE.
        columns: The columns of the result.
        chunks: Its files: rows and bytes of each.
        truncated: Whether a limit cut it.
    """

    state: str
    error_code: str = ""
    message: str = ""
    sql_state: str = ""
    columns: list[dict[str, Any]] = field(default_factory=list)
    chunks: list[dict[str, int]] = field(default_factory=list)
    truncated: bool = False
