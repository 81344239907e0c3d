"""Where saved jobs are kept: in memory, and in the database."""

import itertools
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from databricks_local.api import errors
from databricks_local.api.bodies import Json
from databricks_local.jobs.settings import JobSpec, parse_settings
from databricks_local.jobs.specs import TaskSpec
from databricks_local.jobs.task_specs import check_loops
from databricks_local.storage.database import Database, Journal

_LOG = logging.getLogger("databricks_local")

_SPEC = TypeAdapter(JobSpec)

UNREADABLE_NAME = "(unreadable)"


@dataclass
class Job:
    """A saved job.

    Attributes:
        job_id: Its id.
        creator: Who saved it.
        created_time: When; milliseconds since 1970.
        settings: The JSON that the API returns.
        spec: What is parsed from the settings.
        fault: Why its settings cannot be read any more; empty if they can. Such a job cannot be run.
        number: Counts the jobs of a server, in their order.
    """

    job_id: int
    creator: str
    created_time: int
    settings: Json
    spec: JobSpec
    fault: str = ""
    number: int = 0


class JobStore:
    """The saved jobs of a workspace."""

    def __init__(
        self,
        clock: Callable[[], int],
        new_id: Callable[[], int],
        journal: Journal,
        check: Callable[[tuple[TaskSpec, ...]], None],
    ) -> None:
        """Set up.

        Args:
            clock: Milliseconds since 1970.
            new_id: Makes the ids of jobs.
            journal: Where jobs are written down.
            check: Refuses tasks that name clusters that do not exist.
        """
        self._clock = clock
        self._new_id = new_id
        self._journal = journal
        self._jobs: dict[int, Job] = {}
        self._deleted: set[int] = set()
        self._numbers = itertools.count(1)
        self.check = check

    def load(self, database: Database) -> None:
        """Take over what an earlier server kept."""
        for name, record in database.load("job"):
            if record.get("deleted"):
                self._deleted.add(int(name))
            else:
                self._add(_read_job(int(name), record))

    def create(self, settings: Json, creator: str) -> Job:
        """Save a job; its settings are checked."""
        spec = self._checked(settings)
        job = Job(self._new_id(), creator, self._clock(), settings, spec)
        self._add(job)
        self._keep(job)
        return job

    def _add(self, job: Job) -> None:
        job.number = next(self._numbers)
        self._jobs[job.job_id] = job

    def change(self, job: Job, settings: Json) -> None:
        """Give a job other settings; they are checked before."""
        job.spec, job.fault = self._checked(settings), ""
        job.settings = settings
        self._keep(job)

    def _checked(self, settings: Json) -> JobSpec:
        spec = parse_settings(settings)
        check_loops(spec.tasks)
        self.check(spec.tasks)
        return spec

    def delete(self, job_id: int) -> bool:
        """Remove a job.

        Returns:
            Whether it was there. To delete a job twice is no error (docs: delete).

        Raises:
            ApiError: If there was never a job of this id.
        """
        if job_id in self._deleted:
            return False
        self.get(job_id)
        del self._jobs[job_id]
        self._deleted.add(job_id)
        self._journal.put("job", job_id, lambda: {"job_id": job_id, "deleted": True})
        return True

    def get(self, job_id: int) -> Job:
        """The job of an id.

        Raises:
            ApiError: If there is none.
        """
        job = self.find(job_id)
        if job is None:
            raise errors.job_not_found(job_id)
        return job

    def runnable(self, job_id: int) -> Job:
        """The job of an id, whose settings can be read.

        Raises:
            ApiError: If there is none, or its settings cannot be read any more.
        """
        job = self.get(job_id)
        if job.fault:
            raise errors.job_unreadable(job_id, job.fault)
        return job

    def find(self, job_id: int) -> Job | None:
        """The job of an id, if there is one."""
        return self._jobs.get(job_id)

    def is_deleted(self, job_id: int) -> bool:
        """Whether there was a job of this id."""
        return job_id in self._deleted

    def newest_first(self) -> Iterator[Job]:
        """All jobs, the one that was created last first."""
        return reversed(self._jobs.values())

    def _keep(self, job: Job) -> None:
        self._journal.put(
            "job",
            job.job_id,
            lambda: {
                "job_id": job.job_id,
                "creator": job.creator,
                "created_time": job.created_time,
                "settings": job.settings,
                # What a version accepted, later ones do not judge again.
                "resolved_spec": None if job.fault else _SPEC.dump_python(job.spec, mode="json"),
            },
        )


def _read_job(job_id: int, record: Json) -> Job:
    """A job of an earlier server. One that cannot be read is shown, and can be reset."""
    settings = record.get("settings", {"name": UNREADABLE_NAME})
    try:
        spec, fault = _read_spec(record), ""
    except (KeyError, errors.ApiError, ValidationError):
        fault = "its record is damaged, or of an unknown version."
        _LOG.warning("the settings of job %s cannot be read: %s", job_id, fault)
        spec = JobSpec(str(settings.get("name") or UNREADABLE_NAME))
    return Job(job_id, record.get("creator", ""), record.get("created_time", 0), settings, spec, fault)


def _read_spec(record: Json) -> JobSpec:
    kept = record.get("resolved_spec")
    # Earlier versions kept the settings alone.
    return parse_settings(record["settings"]) if kept is None else _SPEC.validate_python(kept)
