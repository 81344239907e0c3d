"""Notes on a flow run about its launches, made before each launch, so that another process can find its run.

They are labels of the flow run. Where there is no note, nothing was launched. A note without a run means that
a launch was under way when the process ended.
"""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from databricks_blocks.errors import DatabricksUnreachable
from databricks_blocks.run.launchers import Launcher
from databricks_blocks.run.launching import NothingLaunched
from databricks_blocks.run.repair_policy import Repair
from databricks_blocks.run.repair_watch import ExpectedRepair
from databricks_blocks.run.snapshot import RunSnapshot
from httpx import HTTPError
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType
from prefect.exceptions import PrefectException
from prefect.types import KeyValueLabels

_LOGGER = logging.getLogger(__name__)
_LAUNCH_LABEL = "databricks.launch."
_RUN_LABEL = "databricks.run."
_PAGE = 200
_GENERATION = re.compile(rf"{re.escape(_LAUNCH_LABEL)}(\d+)")


@dataclass(frozen=True)
class LaunchNote:
    """What is known of a launch.

    Attributes:
        generation: Which launch of the flow run it is, from 0.
        job: Fingerprint of what was to be launched.
        token: Its idempotency token; empty for a repair.
        run_id: The run; `None` if the answer to the launch is not known.
    """

    generation: int
    job: str
    token: str
    run_id: int | None


def read_notes(labels: Mapping[str, Any]) -> list[LaunchNote]:
    """Read the notes of a flow run, the first launch first.

    Args:
        labels: Labels of the flow run.
    """
    notes = []
    for label, value in labels.items():
        if found := _GENERATION.fullmatch(label):
            job, _, token = str(value).partition(" ")
            run_id = str(labels.get(f"{_RUN_LABEL}{found[1]}") or "")
            notes.append(LaunchNote(int(found[1]), job, token, int(run_id) if run_id else None))
    return sorted(notes, key=lambda note: note.generation)


def noted_elsewhere(flow_run_id: UUID) -> set[int]:
    """Read which Databricks runs other flow runs have noted that have not ended.

    Args:
        flow_run_id: The flow run that is left out.
    """
    states = [StateType.RUNNING, StateType.PENDING, StateType.PAUSED, StateType.CANCELLING]
    active = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=states)))
    noted: set[int] = set()
    with get_client(sync_client=True) as client:
        for offset in itertools.count(step=_PAGE):
            page = client.read_flow_runs(flow_run_filter=active, limit=_PAGE, offset=offset)
            for run in page:
                if run.id != flow_run_id:
                    noted.update(note.run_id for note in read_notes(run.labels) if note.run_id is not None)
            if len(page) < _PAGE:
                break
    return noted


class NotedLauncher:
    """Makes a note before each launch, and another one of the run that came of it."""

    def __init__(self, launcher: Launcher, flow_run_id: UUID, job: str) -> None:
        """Set up.

        Args:
            launcher: Launches.
            flow_run_id: The flow run that gets the notes.
            job: Fingerprint of what is launched.
        """
        self._launcher = launcher
        self._flow_run_id = flow_run_id
        self._job = job

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Parameters of the launch that have to be sent again with every repair."""
        return self._launcher.parameters

    @property
    def expected_repair(self) -> ExpectedRepair | None:
        """A repair that the started run has to show before it can be over."""
        return self._launcher.expected_repair

    def token(self, generation: int) -> str:
        """The idempotency token of a generation."""
        return self._launcher.token(generation)

    def start(self, generation: int) -> int:
        """Start the whole job, or find the run of this generation; the run id."""
        self._note_launch(generation)
        run_id = self._launcher.start(generation)
        self._note_run(generation, run_id)
        return run_id

    def start_again(self, generation: int, run: RunSnapshot, repair: Repair) -> int | None:
        """Start a run in place of a refused repair; the run id, or `None` if there is only repair."""
        self._note_launch(generation)
        run_id = self._launcher.start_again(generation, run, repair)
        self._note_run(generation, run_id or run.run_id)
        return run_id

    def active_runs(self) -> list[int]:
        """Find the active runs of the job that no other flow run has noted; their ids."""
        active = self._launcher.active_runs()
        if not active:
            return []
        try:
            elsewhere = noted_elsewhere(self._flow_run_id)
        except (PrefectException, HTTPError, OSError) as error:
            raise DatabricksUnreachable(f"The Prefect server does not answer: {error}") from error
        return [run_id for run_id in active if run_id not in elsewhere]

    def change_settings(self, settings: Mapping[str, Any]) -> None:
        """Merge settings into the clusters of the saved job."""
        self._launcher.change_settings(settings)

    def restore_settings(self) -> None:
        """Undo what `change_settings` did."""
        self._launcher.restore_settings()

    def _note_launch(self, generation: int) -> None:
        try:
            self._write(
                {
                    f"{_LAUNCH_LABEL}{generation}": f"{self._job} {self._launcher.token(generation)}",
                    # A flow run that is started again may hold the note of an earlier run here.
                    f"{_RUN_LABEL}{generation}": "",
                }
            )
        except (PrefectException, HTTPError, OSError) as error:
            # A run without a note is one that no other process could cancel. So it is not launched: waiting
            # costs nothing yet, and the caller asks again.
            raise NothingLaunched(
                f"The Prefect server does not answer, so nothing was launched: {error}"
            ) from error

    def _note_run(self, generation: int, run_id: int) -> None:
        try:
            self._write({f"{_RUN_LABEL}{generation}": str(run_id)})
        except (PrefectException, HTTPError, OSError) as error:
            # The token in the first note finds the run as well.
            _LOGGER.warning("The id of Databricks run %s was not noted in Prefect: %s", run_id, error)

    def _write(self, labels: KeyValueLabels) -> None:
        with get_client(sync_client=True) as client:
            client.update_flow_run_labels(self._flow_run_id, labels)
