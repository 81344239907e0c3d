"""The note that says that all of a run's inputs are staged, and what the later steps need. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
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
    """

    rows: int
    databricks_run_url: str


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
        published: What is left to tell, once the results are in place and nothing here is needed any more.
    """

    inputs: str
    staged_since: datetime
    staged: StagedData
    keep_hours: Annotated[float, Field(ge=0, le=MOST_HOURS)]
    keep_until: AwareDatetime | None = None
    usable: bool = True
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

    def serves(self, inputs: str, *, results_are_there: bool) -> bool:
        """Whether a retry can go on from here.

        Args:
            inputs: Fingerprint of the retry's files and of what is asked of them.
            results_are_there: Whether table and chart are in the output folder.
        """
        return self.usable and self.inputs == inputs and (self.published is None or results_are_there)


_NOTE = TypeAdapter(StagedNote)


def fingerprint(files: Sequence[ShareFile], countries: Sequence[str] | None) -> str:
    """Fingerprint of files, by their content, and of the countries that are chosen from them.

    Args:
        files: The files.
        countries: Names of the countries and regions. `None`: all.
    """
    digests = []
    for file in files:
        with file.path.open("rb") as stream:
            digests.append([file.table, hashlib.file_digest(stream, "blake2b").hexdigest()])
    chosen = None if countries is None else sorted(countries)
    return hashlib.sha256(json.dumps([digests, chosen]).encode()).hexdigest()
