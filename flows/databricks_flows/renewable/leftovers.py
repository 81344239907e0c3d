"""What a run keeps in database and storage: removed, or kept for a retry. Nothing here asks Prefect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from databricks_blocks.csv.faults import InputError
from databricks_blocks.database.connection import load_database, open_database
from databricks_blocks.database.tables import RecordRefused
from databricks_blocks.staging.area import StagingArea, load_staging, staging_area

from databricks_flows.ending.endings import Ending
from databricks_flows.renewable.data_contract import DataContractBreach
from databricks_flows.renewable.scope import RunScope, write_note
from databricks_flows.renewable.staged_note import STAGED_NOTE, Published, StagedNote
from databricks_flows.shared.patience import Patience
from databricks_flows.shared.telling import AnyLogger

if TYPE_CHECKING:
    from prefect.blocks.core import Block
    from prefect_sqlalchemy.database import SqlAlchemyConnector

SECONDS_TO_CLEAN_UP = 30.0
"""A database or storage that is away is waited for this long: somebody may wait for the end of a cancel."""

_WRONG_RESULT = (DataContractBreach, InputError, RecordRefused)
"""Raised if the notebooks succeeded, but made what is of no use: a retry finds their run, and fails again."""


@dataclass
class Leftovers:
    """The tables and staged files of a run. The blocks are loaded before anything is made.

    Attributes:
        scope: Names of the tables and files.
        connector: The block of the database.
        storage: The block of the storage.
        logger: Logger of the flow run.
        is_known: Whether the run has looked for what an attempt before it staged.
        note: The note that all is staged; `None`: it is not.
    """

    scope: RunScope
    connector: SqlAlchemyConnector
    storage: Block
    logger: AnyLogger
    is_known: bool = False
    note: StagedNote | None = None

    @classmethod
    def of(cls, scope: RunScope, logger: AnyLogger) -> Leftovers:
        """Load the blocks, while Prefect answers. It blocks: call it in a thread.

        Raises:
            BlockNotFound: The Prefect server has no such block.
        """
        return cls(scope, load_database(scope.database), load_staging(scope.bucket), logger)

    def found(self, note: StagedNote | None) -> None:
        """Learn that all is staged, or that it is not."""
        self.is_known, self.note = True, note

    async def settle(self, ending: Ending, error: BaseException) -> None:
        """Keep or remove tables and files after a run that did not succeed; never raises.

        Args:
            ending: How it ended.
            error: What it ended with.
        """
        if ending is Ending.CRASHED:
            self.logger.warning("%s stay as they are: a retry goes on from there", self._all)
        elif ending is Ending.CANCELLED:
            await self.remove()
        elif not self.is_known:
            # An attempt before this one may have staged everything.
            self.logger.warning("%s are left as they are, if there are any", self._all)
        elif self.note is None or not self.note.keep_hours:
            await self.remove()
        else:
            usable = not isinstance(error, _WRONG_RESULT)
            await self._keep(self.note.after_failure(datetime.now(UTC), usable=usable))

    async def remove(self, published: Published | None = None) -> None:
        """Remove tables and files, each by itself. What cannot be removed is logged, and never raised.

        Args:
            published: What is left to tell, once the results are in place. A retry of a run that is killed
                while it cleans up finds it in the note.
        """
        done = replace(self.note, published=published) if self.note and published else None
        await asyncio.gather(
            self._try(self._tables, self._remove_tables),
            self._try(self._files, partial(self._remove_files, done)),
        )

    async def _keep(self, note: StagedNote) -> None:
        self.logger.warning(
            "Kept until %s: %s. Retry %s.",
            f"{note.keep_until:%Y-%m-%d %H:%M} UTC",
            self._all,
            "goes on from there" if note.usable else "begins anew",
        )
        await self._try("the note of how long it is kept", lambda: write_note(self._staging(), note))

    @property
    def _tables(self) -> str:
        return f"schema {self.scope.schema} of the database {self.scope.database}"

    @property
    def _files(self) -> str:
        return f"files below {self.scope.prefix} of the storage {self.scope.bucket}"

    @property
    def _all(self) -> str:
        return f"{self._tables} and {self._files}"

    async def _try(self, what: str, work: Callable[[], object]) -> None:
        patience = Patience(SECONDS_TO_CLEAN_UP, logger=self.logger)
        try:
            # In a context without the flow run: in that of an async flow, methods of blocks give coroutines.
            await asyncio.to_thread(Context().run, patience.outlast, work)
        except Exception as error:  # noqa: BLE001 - what is left is no reason to lose a result, or an error
            reason = " ".join(str(error).split()) or type(error).__name__
            self.logger.warning("Left for the flow sweep_leftovers: %s: %s", what, reason)

    def _remove_tables(self) -> None:
        with open_database(self.connector) as begin, begin(self.scope.schema) as transaction:
            transaction.end_run()

    def _remove_files(self, done: StagedNote | None) -> None:
        staging = self._staging()
        if done is not None:
            write_note(staging, done)
        names = [name for name in staging.names() if name != STAGED_NOTE]
        for folder in sorted({name.partition("/")[0] for name in names if "/" in name}):
            staging.delete(folder)
        # The note goes last: without it, a retry would begin anew, and pay once more.
        staging.delete()

    def _staging(self) -> StagingArea:
        return staging_area(self.storage, self.scope.prefix)
