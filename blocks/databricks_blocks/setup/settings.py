"""The settings of the blocks, read from the environment variables of well-known tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from databricks_blocks.pipes.pipes import folder_problem

if TYPE_CHECKING:
    from prefect.blocks.core import Block

    from databricks_blocks.workspace.block import DatabricksWorkspace


class SettingsError(ValueError):
    """Raised when a block cannot be made from the settings; the message names them and shows no value."""


class BlockSettings(BaseModel):
    """Settings of one block. Each field names the variable that it is read from."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, hide_input_in_errors=True)
    kind: ClassVar[str]
    chosen_by: ClassVar[str] = ""
    """Where a block may have several types, this one is chosen if this variable is set."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings from variables; an empty one counts as not set.

        Raises:
            SettingsError: Settings are missing or wrong.
        """
        names = {field.alias or name for name, field in cls.model_fields.items()}
        try:
            return cls.model_validate({name: environment[name] for name in names if environment.get(name)})
        except ValidationError as error:
            faults = error.errors(include_input=False, include_context=False, include_url=False)
        missing = [str(fault["loc"][0]) for fault in faults if fault["type"] == "missing"]
        wrong = [
            " ".join([*map(str, fault["loc"]), fault["msg"].removeprefix("Value error, ")])
            for fault in faults
            if fault["type"] != "missing"
        ]
        raise SettingsError("; ".join([f"not set: {', '.join(missing)}"] * bool(missing) + wrong))

    def secrets(self) -> list[str]:
        """The values that must not be shown."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]

    def block(self) -> Block:
        """Make the block, without saving it."""
        raise NotImplementedError


@dataclass(frozen=True)
class OneOf:
    """The types that a block may have.

    Attributes:
        kinds: Settings of each type; if none is chosen, the error names the variables of the first.
    """

    kinds: tuple[type[BlockSettings], ...]

    @property
    def kind(self) -> str:
        """Names of the types, for people."""
        return " or ".join(dict.fromkeys(kind.kind for kind in self.kinds))

    def read(self, environment: Mapping[str, str]) -> BlockSettings:
        """Read the settings of the type whose variable is set.

        Raises:
            SettingsError: Settings are missing or wrong, or of several types.
        """
        chosen = [kind for kind in self.kinds if environment.get(kind.chosen_by)]
        if len(chosen) > 1:
            names = ", ".join(kind.chosen_by for kind in chosen)
            raise SettingsError(f"set one of {names}, and not the others")
        return (chosen or self.kinds)[0].read(environment)


class DatabaseSettings(BlockSettings):
    """The PostgreSQL database, in the variables of libpq (docs: PostgreSQL, Environment Variables)."""

    kind = "SQLAlchemy Connector"
    chosen_by = "PGHOST"
    host: str = Field(alias="PGHOST")
    port: int = Field(default=5432, alias="PGPORT", ge=1, le=65535)
    database: str = Field(alias="PGDATABASE")
    user: str = Field(alias="PGUSER")
    password: SecretStr | None = Field(default=None, alias="PGPASSWORD")
    ssl_mode: str | None = Field(default=None, alias="PGSSLMODE")

    def block(self) -> Block:
        """Make the block, without saving it."""
        from prefect_sqlalchemy.credentials import ConnectionComponents, SyncDriver
        from prefect_sqlalchemy.database import SqlAlchemyConnector

        return SqlAlchemyConnector(
            connection_info=ConnectionComponents(
                driver=SyncDriver.POSTGRESQL_PSYCOPG2,
                host=self.host,
                port=self.port,
                database=self.database,
                username=self.user,
                password=self.password,
                query={"sslmode": self.ssl_mode} if self.ssl_mode else None,
            )
        )


class BucketSettings(BlockSettings):
    """The bucket that files are staged in, in the variables of the AWS tools (docs: AWS SDKs, settings).

    Without keys, the workers' own role is used.
    """

    kind = "S3 Bucket"
    chosen_by = "STAGING_BUCKET"
    bucket: str = Field(alias="STAGING_BUCKET")
    key_id: SecretStr | None = Field(default=None, alias="AWS_ACCESS_KEY_ID")
    secret: SecretStr | None = Field(default=None, alias="AWS_SECRET_ACCESS_KEY")
    session_token: SecretStr | None = Field(default=None, alias="AWS_SESSION_TOKEN")
    region: str | None = Field(default=None, alias="AWS_REGION")
    endpoint_url: str | None = Field(default=None, alias="AWS_ENDPOINT_URL")

    @model_validator(mode="after")
    def _keys_last(self) -> Self:
        if self.session_token:
            raise ValueError(
                "AWS_SESSION_TOKEN is set, so the keys end within hours: give keys that last, or none"
            )
        if bool(self.key_id) != bool(self.secret):
            raise ValueError("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together")
        return self

    def block(self) -> Block:
        """Make the block, without saving it."""
        from prefect_aws.client_parameters import AwsClientParameters
        from prefect_aws.credentials import AwsCredentials
        from prefect_aws.s3 import S3Bucket

        return S3Bucket(
            bucket_name=self.bucket,
            credentials=AwsCredentials(
                aws_access_key_id=self.key_id and self.key_id.get_secret_value(),
                aws_secret_access_key=self.secret,
                region_name=self.region,
                aws_client_parameters=AwsClientParameters(endpoint_url=self.endpoint_url),
            ),
        )


class WorkspaceLogin(BlockSettings):
    """The workspace, in the variables of the Databricks tools (docs: Databricks unified authentication)."""

    host: str = Field(alias="DATABRICKS_HOST")
    token: SecretStr | None = Field(default=None, alias="DATABRICKS_TOKEN")
    client_id: str | None = Field(default=None, alias="DATABRICKS_CLIENT_ID")
    client_secret: SecretStr | None = Field(default=None, alias="DATABRICKS_CLIENT_SECRET")
    # If it is set, id and secret belong to a service principal of Microsoft Entra ID.
    tenant_id: str | None = Field(default=None, alias="ARM_TENANT_ID")

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if bool(self.client_id) != bool(self.client_secret):
            raise ValueError("DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET belong together")
        if bool(self.token) == bool(self.client_secret):
            raise ValueError(
                "set either DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET"
            )
        return self

    def workspace(self, pipes_folder: str = "") -> DatabricksWorkspace:
        """Make a block of the workspace.

        Args:
            pipes_folder: Folder through which notebooks speak.
        """
        from databricks_blocks.workspace.block import DatabricksWorkspace

        return DatabricksWorkspace(
            databricks_instance=self.host,
            token=self.token,
            client_id=self.client_id,
            client_secret=self.client_secret,
            tenant_id=self.tenant_id if self.client_secret else None,
            pipes_folder=pipes_folder,
        )


class WorkspaceSettings(WorkspaceLogin):
    """The workspace that notebooks run in."""

    kind = "Databricks Workspace"
    pipes_folder: str = Field(default="", alias="PIPES_FOLDER")

    @field_validator("pipes_folder")
    @classmethod
    def _is_a_folder_for_messages(cls, folder: str) -> str:
        if problem := folder_problem(folder):
            raise ValueError(problem)
        return folder

    def block(self) -> DatabricksWorkspace:
        """Make the block, without saving it."""
        return self.workspace(self.pipes_folder)
