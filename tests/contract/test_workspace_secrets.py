"""The Secrets API."""

import base64
import stat
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.errors import DatabricksError, InvalidParameterValue, NotFound, ResourceAlreadyExists
from databricks.sdk.service.workspace import AclPermission
from databricks_local import LocalWorkspace

from .workspace_lab import Lab, lab_of


def value_of(lab: Lab, scope: str, key: str) -> bytes:
    return base64.b64decode(lab.sdk.secrets.get_secret(scope, key).value or "")


def test_scopes_and_secrets(lab: Lab) -> None:
    secrets = lab.sdk.secrets
    secrets.create_scope("basic")
    assert "basic" in [scope.name for scope in secrets.list_scopes()]
    secrets.put_secret("basic", "text", string_value="hällo")
    secrets.put_secret("basic", "bytes", bytes_value=base64.b64encode(b"\x00\xff").decode())
    assert value_of(lab, "basic", "text") == "hällo".encode()
    assert value_of(lab, "basic", "bytes") == b"\x00\xff"
    assert lab.sdk.dbutils.secrets.get("basic", "text") == "hällo"
    listed = lab.get("/api/2.0/secrets/list", scope="basic").json()["secrets"]
    assert [set(secret) for secret in listed] == [{"key", "last_updated_timestamp"}] * 2
    secrets.put_secret("basic", "text", string_value="new")
    assert value_of(lab, "basic", "text") == b"new"
    secrets.delete_secret("basic", "text")
    with pytest.raises(NotFound, match=r"^Secret does not exist with scope: basic and key: text$"):
        secrets.get_secret("basic", "text")
    with pytest.raises(NotFound):
        secrets.delete_secret("basic", "text")
    secrets.delete_scope("basic")
    with pytest.raises(NotFound, match=r"^Scope basic does not exist!$"):
        list(secrets.list_secrets("basic"))


def test_a_scope_twice(lab: Lab) -> None:
    lab.sdk.secrets.create_scope("twice", initial_manage_principal="users")
    with pytest.raises(ResourceAlreadyExists, match=r"^Scope twice already exists!$"):
        lab.sdk.secrets.create_scope("twice")
    acls = {acl.principal: acl.permission for acl in lab.sdk.secrets.list_acls("twice")}
    assert acls == {"users": AclPermission.MANAGE}


def test_acls_are_recorded(lab: Lab) -> None:
    secrets = lab.sdk.secrets
    secrets.create_scope("acls")
    secrets.put_acl("acls", "data", AclPermission.READ)
    assert secrets.get_acl("acls", "data").permission == AclPermission.READ
    secrets.delete_acl("acls", "data")
    for call in (secrets.get_acl, secrets.delete_acl):
        with pytest.raises(NotFound):
            call("acls", "data")


@pytest.mark.parametrize("name", ["", "a\nb", "é", "x" * 129, "a!"])
def test_names(lab: Lab, name: str) -> None:
    lab.sdk.secrets.create_scope("names") if not name else None
    with pytest.raises(InvalidParameterValue):
        lab.sdk.secrets.create_scope(name)
    with pytest.raises(InvalidParameterValue):
        lab.sdk.secrets.put_secret("names", name, string_value="x")


def test_a_value_of_128_kb_and_one_more(lab: Lab) -> None:
    lab.sdk.secrets.create_scope("sizes")
    lab.sdk.secrets.put_secret("sizes", "full", string_value="x" * 128 * 1024)
    with pytest.raises(InvalidParameterValue):
        lab.sdk.secrets.put_secret("sizes", "over", string_value="x" * (128 * 1024 + 1))


def test_at_most_1000_secrets_in_a_scope(lab: Lab) -> None:
    lab.sdk.secrets.create_scope("many")
    body: dict[str, Any] = {"scope": "many", "string_value": "x"}
    for number in range(1000):
        assert lab.post("/api/2.0/secrets/put", {**body, "key": f"k{number}"}).status_code == 200
    answer = lab.post("/api/2.0/secrets/put", {**body, "key": "one-more"})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "RESOURCE_LIMIT_EXCEEDED")
    assert lab.post("/api/2.0/secrets/put", {**body, "key": "k0"}).status_code == 200


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "MALFORMED_REQUEST"),
        ({"string_value": "a", "bytes_value": "YQ=="}, "MALFORMED_REQUEST"),
        ({"bytes_value": "é"}, "INVALID_PARAMETER_VALUE"),
        ({"string_value": {}}, "MALFORMED_REQUEST"),
    ],
)
def test_values_that_are_none(lab: Lab, fields: dict[str, Any], code: str) -> None:
    answer = lab.post("/api/2.0/secrets/put", {"scope": "s", "key": "k", **fields})
    assert (answer.status_code, answer.json()["error_code"]) == (400, code)


def test_unknown_scopes(lab: Lab) -> None:
    for call in (
        lambda: lab.sdk.secrets.put_secret("none", "k", string_value="v"),
        lambda: lab.sdk.secrets.get_secret("none", "k"),
        lambda: lab.sdk.secrets.delete_scope("none"),
    ):
        with pytest.raises(DatabricksError, match=r"^Scope none does not exist!$"):
            call()


def test_secrets_survive_a_restart_in_files_that_are_private(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with LocalWorkspace(root) as running:
        for lab in lab_of(running):
            lab.sdk.secrets.create_scope("kept")
            lab.sdk.secrets.put_secret("kept", "key", string_value="a-kept-value")
        log = running.log.read_text()
    with LocalWorkspace(root) as running:
        for lab in lab_of(running):
            assert value_of(lab, "kept", "key") == b"a-kept-value"
        log += running.log.read_text()
    assert "a-kept-value" not in log
    holders = [path for path in root.rglob("*") if path.is_file() and b"a-kept-value" in path.read_bytes()]
    assert {path.parent for path in holders} == {root / "secrets"}
    assert stat.S_IMODE((root / "secrets").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o600}
