"""What a user asks of pipes, and what the code on Databricks has said in the end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from databricks_blocks.pipes.metadata import Metadata
from databricks_blocks.pipes.protocol import Severity

Way = Literal["widgets", "arguments", "environment"]
"""How parameters reach a task: widgets of a notebook, arguments of a program, environment of a cluster."""

_VOLUME = re.compile(r"/Volumes(/[^/]+){3,}")
_DBFS = re.compile(r"(dbfs:)?/(?!dbfs/|Volumes/)[^/].*")


def folder_problem(folder: str) -> str:
    """Say what is wrong with the name of a folder for messages; empty: nothing.

    Args:
        folder: As `Pipes.through` takes it.

    Examples:
        >>> from databricks_blocks.pipes.pipes import folder_problem
        >>> folder_problem("/Volumes/main/ops")
        'a folder for messages is /Volumes/CATALOG/SCHEMA/VOLUME/FOLDER, or dbfs:/FOLDER'
    """
    on_dbfs = folder.startswith("dbfs:") and _DBFS.fullmatch(folder)
    if on_dbfs or _VOLUME.fullmatch(folder.rstrip("/")):
        return ""
    return "a folder for messages is /Volumes/CATALOG/SCHEMA/VOLUME/FOLDER, or dbfs:/FOLDER"


class Pipes(BaseModel):
    """Code on Databricks tells the flow what it does while it runs: log lines, assets, checks, messages.

    The code uses `databricks_pipes`, or the package `dagster-pipes` as it is.

    Examples:
        >>> from databricks_blocks.pipes.pipes import Pipes
        >>> pipes = Pipes(volume="/Volumes/main/ops/pipes", extras={"day": "2026-11-27"})
        >>> pipes.folder
        '/Volumes/main/ops/pipes'
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        # Forms in the Prefect UI show this, without the example.
        json_schema_extra={"description": "Code on Databricks tells the flow what it does while it runs."},
    )

    volume: str = Field(
        default="",
        description="Folder of a Unity Catalog volume that the messages go through; code and flow need "
        "READ VOLUME and WRITE VOLUME.",
        examples=["/Volumes/main/ops/pipes"],
    )
    dbfs: str = Field(
        default="",
        description="Folder on DBFS in place of the volume, for scripts that write there; not on serverless.",
        examples=["dbfs:/tmp/pipes"],
    )
    extras: dict[str, Any] = Field(default={}, description="Values for the code; JSON.")
    partition_key: str = Field(default="", description="The partition that the code works on.")
    asset_keys: list[str] | dict[str, list[str]] | None = Field(
        default=None,
        description="The only assets that the code may report: a list for all tasks, or one for each task "
        "key. One asset is the default of the task. Empty: any asset.",
    )
    tasks: list[str] | None = Field(
        default=None,
        description="Keys of the tasks that speak; empty: all notebooks, Python scripts and wheels.",
    )
    ways: dict[str, Way] = Field(
        default={},
        description="How parameters reach a task, by its key, where the usual way does not fit.",
    )
    include_stdio: bool = Field(
        default=False, description="Whether the code also sends what it writes to stdout and stderr."
    )
    driver_logs: bool = Field(
        default=False,
        description="Whether the clusters deliver their logs, for code that sends nothing itself. Databricks "
        "delivers every five minutes, and never from serverless compute.",
    )
    blocking_checks: bool = Field(
        default=False, description="Whether a failed check of severity ERROR fails the flow."
    )
    on_message: SkipJsonSchema[Callable[[Any], Any] | None] = Field(
        default=None,
        exclude=True,
        description="Is called with each custom message; after a killed process perhaps twice.",
    )

    @field_validator("volume")
    @classmethod
    def _is_in_a_volume(cls, volume: str) -> str:
        if volume and not _VOLUME.fullmatch(volume.rstrip("/")):
            raise ValueError("a folder of a volume has the form /Volumes/CATALOG/SCHEMA/VOLUME/FOLDER")
        return volume

    @field_validator("dbfs")
    @classmethod
    def _is_on_dbfs(cls, dbfs: str) -> str:
        if dbfs and not _DBFS.fullmatch(dbfs):
            raise ValueError("a folder on DBFS has the form dbfs:/FOLDER")
        return dbfs

    @field_validator("extras")
    @classmethod
    def _are_json(cls, extras: dict[str, Any]) -> dict[str, Any]:
        try:
            json.dumps(extras)
        except (TypeError, ValueError) as error:
            raise ValueError(f"extras have to be JSON: {error}") from error
        return extras

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if bool(self.volume) == bool(self.dbfs):
            raise ValueError("name one folder for the messages: `volume`, or `dbfs`")
        return self

    @classmethod
    def through(cls, folder: str) -> Self:
        """Let code speak through a folder, be it of a volume or on DBFS.

        Args:
            folder: `/Volumes/CATALOG/SCHEMA/VOLUME/FOLDER`, or `dbfs:/FOLDER`.

        Raises:
            ValueError: It is neither.

        Examples:
            >>> from databricks_blocks.pipes.pipes import Pipes
            >>> Pipes.through("dbfs:/tmp/pipes").dbfs
            'dbfs:/tmp/pipes'
        """
        if problem := folder_problem(folder):
            raise ValueError(problem)
        return cls(dbfs=folder) if folder.startswith("dbfs:") else cls(volume=folder)

    @property
    def folder(self) -> str:
        """The folder as code writes it: `/Volumes/…`, or the path on DBFS without `dbfs:`."""
        return (self.volume or self.dbfs.removeprefix("dbfs:")).rstrip("/")

    @property
    def told(self) -> dict[str, Any]:
        """What the code is told to do, like parameters; empty: nothing."""
        facts = {"extras": self.extras, "partition_key": self.partition_key}
        return {name: fact for name, fact in facts.items() if fact}

    def asset_keys_of(self, task_key: str) -> list[str] | None:
        """The only assets that a task may report; `None`: any."""
        return self.asset_keys.get(task_key) if isinstance(self.asset_keys, dict) else self.asset_keys


@dataclass(frozen=True)
class AssetResult:
    """An asset that the code made.

    Attributes:
        asset_key: As the code gave it.
        task_key: The task that made it.
        attempt: The attempt of the task, from 1.
        data_version: As the code gave it.
        partition_key: The partition of the run, if it has one.
        metadata: As the code gave it; `plain` of each value is what a person reads.

    Examples:
        >>> from databricks_blocks.pipes.metadata import Metadata
        >>> from databricks_blocks.pipes.pipes import AssetResult
        >>> made = AssetResult("main/sales/daily", "load", metadata={"rows": Metadata(3)})
        >>> made.metadata["rows"].plain
        3
    """

    asset_key: str
    task_key: str
    attempt: int = 1
    data_version: str | None = None
    partition_key: str = ""
    metadata: Mapping[str, Metadata] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckResult:
    """A check that the code made; the attributes that it shares with `AssetResult` mean the same.

    Attributes:
        check_name: Name of the check.
        passed: Whether all is well.
        severity: What a failed check is: `ERROR`, or `WARN`.

    Examples:
        >>> from databricks_blocks.pipes.pipes import CheckResult
        >>> CheckResult("main/sales/daily", "no_nulls", False, "load").severity
        'ERROR'
    """

    asset_key: str
    check_name: str
    passed: bool
    task_key: str
    attempt: int = 1
    severity: Severity = "ERROR"
    partition_key: str = ""
    metadata: Mapping[str, Metadata] = field(default_factory=dict)


@dataclass(frozen=True)
class PipesResult:
    """What the code has said, in the order in which it was heard.

    Attributes:
        assets: Every asset of every attempt.
        checks: Every check of every attempt.
        messages: The payloads of the custom messages.

    Examples:
        >>> from databricks_blocks.pipes.pipes import AssetResult, PipesResult
        >>> result = PipesResult(assets=(AssetResult("main/sales/daily", "load"),))
        >>> [asset.asset_key for asset in result.assets]
        ['main/sales/daily']
    """

    assets: tuple[AssetResult, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    messages: tuple[Any, ...] = ()
