"""A job out of a file that the user has: settings of a saved job, or a Databricks Asset Bundle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from databricks_blocks.errors import InvalidJob
from databricks_blocks.job.specification import JobSpecification, LaunchMode
from databricks_blocks.job.validation import check
from databricks_blocks.regular_files import LONGEST_SETTINGS, file_fault


@dataclass(frozen=True)
class JobFile:
    """A file that holds a job, and the options to read it with.

    Attributes:
        path: JSON settings, or the directory of a bundle or its root file.
        job: Name of the job in the bundle; empty where there is just one.
        target: Target of the bundle; empty for the default one.
        launch: How the job will run.
        parameters: Values of job parameters.
        variables: Values for variables of the bundle.
    """

    path: Path
    job: str = ""
    target: str = ""
    launch: LaunchMode = "submit"
    parameters: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def is_bundle(self) -> bool:
        """Whether it is a Databricks Asset Bundle."""
        return self.path.is_dir() or self.path.suffix in (".yml", ".yaml")

    def read(self, user_name: str | None) -> tuple[JobSpecification, list[str]]:
        """Read the job.

        Args:
            user_name: Who deployed the bundle; its files are in the home directory of that user.

        Returns:
            The specification, and a note on each thing that was not taken over.

        Raises:
            InvalidJob: It cannot be read; the message names file and place.
        """
        if self.is_bundle:
            specification, notes = JobSpecification.from_bundle(
                self.path,
                job=self.job or None,
                target=self.target or None,
                variables=self.variables,
                user_name=user_name,
                launch=self.launch,
            )
        else:
            specification, notes = self._from_settings()
        together = {**specification.job_parameters, **self.parameters}
        return specification.model_copy(update={"job_parameters": together}), notes

    def check(self) -> None:
        """Refuse a job that cannot run.

        Raises:
            InvalidJob: With everything that is wrong with it.
        """
        check(self.read("somebody@example.com")[0])

    def _from_settings(self) -> tuple[JobSpecification, list[str]]:
        for option, value in (("--job", self.job), ("--target", self.target), ("--var", self.variables)):
            if value:
                raise InvalidJob(f"{option} is for bundles: {self.path} holds the settings of one job.")
        if fault := file_fault(self.path, longest=LONGEST_SETTINGS):
            raise InvalidJob(f"{self.path} cannot be read: {fault}.")
        try:
            settings = json.loads(self.path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InvalidJob(f"{self.path} cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise InvalidJob(
                f"{self.path} is no JSON: {error}. A bundle is a directory or a .yml file."
            ) from error
        if not isinstance(settings, dict):
            raise InvalidJob(f"{self.path} holds no settings of a job: they are a JSON object.")
        return JobSpecification.from_settings(settings, launch=self.launch, source=str(self.path))


def pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Read `name=value` texts.

    Args:
        option: Name of the option, for the message.
        texts: What was given for it.

    Raises:
        InvalidJob: One of them has no name or no `=`.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name):
            raise InvalidJob(f"{option} {text}: write it as name=value.")
        found[name] = value
    return found
