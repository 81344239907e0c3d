"""The note that says that all of a run's inputs are staged, and what the later steps need. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from databricks_flows.renewable.data_contract import StagedData
from databricks_flows.renewable.share_files import ShareFile

STAGED_NOTE = "staged.json"
"""Name of the note below the prefix of the run. It is written last, and removed last."""

MOST_HOURS = 10 * 365 * 24
"""How long leftovers may be kept, at most."""


@dataclass(frozen=True)
class Published:
    """What is left to tell of a run whose results are in place.

    Attributes:
        rows: Number of rows of the result.
        databricks_run_url: Page of the run in the workspace.
        table: Digest of the table. Another run may write to the same output folder.
    """

    rows: int
    databricks_run_url: str
    table: str = ""


@dataclass(frozen=True)
class Asked:
    """What an attempt is asked for, and finds in the output folder.

    Attributes:
        inputs: Fingerprint of the files and of what is asked of them.
        job: Fingerprint of the Databricks job.
        intake: Names of the staged files that the job reads.
        table: Digest of the table in the output folder; empty if table or chart is not there.
    """

    inputs: str
    job: str
    intake: tuple[str, ...]
    table: str = ""


@dataclass(frozen=True)
class StagedNote:
    """What a retry needs to go on from the inputs that are staged.

    Attributes:
        inputs: Fingerprint of the files and of what was asked of them.
        staged_since: When the run began to stage them, by the clock of the storage.
        staged: What was measured, and what the result has to be.
        keep_hours: Hours for which they are kept after a failure.
        keep_until: Until when they are kept; known after a failure.
        usable: Whether a retry can go on from here. It begins anew if the notebooks made a wrong result.
        used_by: Fingerprint of the job that has read the staged files; they may be gone then.
        published: What is left to tell, once the results are in place and nothing here is needed any more.
    """

    inputs: str
    staged_since: datetime
    staged: StagedData
    keep_hours: Annotated[float, Field(ge=0, le=MOST_HOURS)]
    keep_until: AwareDatetime | None = None
    usable: bool = True
    used_by: str = ""
    published: Published | None = None

    @classmethod
    def from_json(cls, text: bytes) -> StagedNote | None:
        """Read a note; `None` if it is not one, or of another version of this package."""
        try:
            return _NOTE.validate_json(text)
        except ValidationError:
            return None

    def as_json(self) -> bytes:
        """Write the note."""
        return _NOTE.dump_json(self, indent=1)

    def after_failure(self, now: datetime, *, usable: bool) -> StagedNote:
        """The note of a run that failed now.

        Args:
            now: The time, with its time zone.
            usable: Whether a retry can go on from here.
        """
        return replace(self, keep_until=now + timedelta(hours=self.keep_hours), usable=usable)

    def serves(self, asked: Asked, there: Collection[str]) -> bool:
        """Whether a retry can go on from here.

        Args:
            asked: What the retry is asked for.
            there: Names of the files below the prefix.
        """
        if not self.usable or self.inputs != asked.inputs:
            return False
        if self.published is not None:
            return bool(asked.table) and self.published.table == asked.table
        # The run of that job is found again. Another job is launched, and needs the files.
        return self.used_by == asked.job or set(asked.intake) <= set(there)


_NOTE = TypeAdapter(StagedNote)


def digest(path: Path) -> str:
    """Digest of the content of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "blake2b").hexdigest()


def fingerprint(files: Sequence[ShareFile], countries: Sequence[str] | None) -> str:
    """Fingerprint of files, by their content, and of the countries that are chosen from them.

    Args:
        files: The files.
        countries: Names of the countries and regions. `None`: all.
    """
    digests = [[file.table, digest(file.path)] for file in files]
    chosen = None if countries is None else sorted(countries)
    return hashlib.sha256(json.dumps([digests, chosen]).encode()).hexdigest()
