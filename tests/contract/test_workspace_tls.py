"""TLS and OAuth: clients that insist on https, among them the stock prefect-databricks, unmodified."""

import asyncio
import base64
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import workspace as workspace_api
from databricks_local import LocalWorkspace
from prefect_databricks import DatabricksCredentials
from prefect_databricks.jobs import (
    jobs_create,
    jobs_run_now,
    jobs_runs_cancel,
    jobs_runs_get,
    jobs_runs_get_output,
    jobs_runs_repair,
    jobs_runs_submit,
)
from prefect_databricks.models.jobs import JobTaskSettings, NewCluster, NotebookTask, RunSubmitTaskSettings

from .workspace_lab import CLUSTER, HEADER, TERMINAL

CLIENT_ID, CLIENT_SECRET = "3f6b4a1e-0000-4000-8000-000000000001", "dose-not-a-real-one"
ENDED_WITHIN = 600
NOTEBOOKS = {
    "good": "dbutils.notebook.exit('fine')\n",
    "flaky": "import pathlib\nif dbutils.widgets.get('ok') != 'yes':\n    raise ValueError('not yet')\n",
    "slow": "import time\ntime.sleep(600)\n",
}


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    root = tmp_path_factory.mktemp("secure")
    with LocalWorkspace(root, tls=True, client_id=CLIENT_ID, client_secret=CLIENT_SECRET) as running:
        yield running


@pytest.fixture
def trusted(secure: LocalWorkspace, monkeypatch: pytest.MonkeyPatch) -> LocalWorkspace:
    """The workspace, whose authority all clients of this process trust by the usual variables."""
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(variable, str(secure.authority))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "/dev/null")
    return secure


def host_of(workspace: LocalWorkspace) -> str:
    return workspace.url.removeprefix("https://")


@pytest.fixture
def notebooks(trusted: LocalWorkspace) -> None:
    sdk = WorkspaceClient(host=trusted.url, token=trusted.token)
    for name, source in NOTEBOOKS.items():
        sdk.workspace.import_(
            path=f"/Shared/{name}",
            content=base64.b64encode((HEADER + source).encode()).decode(),
            format=workspace_api.ImportFormat.SOURCE,
            language=workspace_api.Language.PYTHON,
            overwrite=True,
        )


def task(name: str) -> dict[str, Any]:
    return {
        "task_key": name,
        "notebook_task": NotebookTask(notebook_path=f"/Shared/{name}", base_parameters={"ok": "no"}),
        "new_cluster": NewCluster(**CLUSTER),
    }


async def state_of(credentials: DatabricksCredentials, run_id: int) -> dict[str, Any]:
    """The run once it has ended; asked for as often as the server answers."""
    for _ in range(ENDED_WITHIN):
        run = await jobs_runs_get.fn(run_id, credentials)
        if run["state"]["life_cycle_state"] in TERMINAL:
            return dict(run)
        await asyncio.sleep(0.05)
    raise AssertionError(f"run {run_id} did not end")


def check(credentials: DatabricksCredentials) -> None:
    """Submit, get, output, cancel, and repair of a job's run: with the tasks as they are."""

    async def all_of_it() -> None:
        submitted = await jobs_runs_submit.fn(
            credentials, run_name="stock", tasks=[RunSubmitTaskSettings(**task("good"))]
        )
        run = await state_of(credentials, submitted["run_id"])
        assert run["state"]["result_state"] == "SUCCESS"
        output = await jobs_runs_get_output.fn(run["tasks"][0]["run_id"], credentials)
        assert output["notebook_output"]["result"] == "fine"

        slow = await jobs_runs_submit.fn(credentials, tasks=[RunSubmitTaskSettings(**task("slow"))])
        await jobs_runs_cancel.fn(credentials, run_id=slow["run_id"])
        assert (await state_of(credentials, slow["run_id"]))["state"]["result_state"] == "CANCELED"

        tasks = [JobTaskSettings(**task("good")), JobTaskSettings(**task("flaky"))]
        job = await jobs_create.fn(credentials, name="stock", tasks=tasks)
        started = await jobs_run_now.fn(credentials, job_id=job["job_id"])
        assert (await state_of(credentials, started["run_id"]))["state"]["result_state"] == "FAILED"
        await jobs_runs_repair.fn(
            credentials, run_id=started["run_id"], rerun_tasks=["flaky"], notebook_params={"ok": "yes"}
        )
        repaired = await state_of(credentials, started["run_id"])
        assert repaired["state"]["result_state"] == "SUCCESS"
        keys = sorted((task["task_key"], task["attempt_number"]) for task in repaired["tasks"])
        assert keys == [("flaky", 0), ("flaky", 1), ("good", 0)]

    asyncio.run(all_of_it())


@pytest.mark.usefixtures("notebooks")
def test_stock_prefect_databricks_with_a_token(trusted: LocalWorkspace) -> None:
    check(DatabricksCredentials(databricks_instance=host_of(trusted), token=trusted.token))


@pytest.mark.usefixtures("notebooks")
def test_stock_prefect_databricks_with_a_service_principal(trusted: LocalWorkspace) -> None:
    check(
        DatabricksCredentials(
            databricks_instance=host_of(trusted), client_id=CLIENT_ID, client_secret=CLIENT_SECRET
        )
    )


def test_stock_prefect_databricks_with_a_wrong_secret(trusted: LocalWorkspace) -> None:
    wrong = DatabricksCredentials(
        databricks_instance=host_of(trusted), client_id=CLIENT_ID, client_secret="wrong"
    )
    with pytest.raises(RuntimeError, match=r'401 - \{"error":"invalid_client"'):
        wrong.get_client()


def test_the_sdk_logs_in_as_a_service_principal(trusted: LocalWorkspace) -> None:
    sdk = WorkspaceClient(
        host=trusted.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, auth_type="oauth-m2m"
    )
    assert sdk.current_user.me().user_name == "local@dbflow.example"
    wrong = WorkspaceClient(
        host=trusted.url, client_id=CLIENT_ID, client_secret="wrong", auth_type="oauth-m2m"
    )
    with pytest.raises(ValueError, match="invalid_client: Client authentication failed"):
        wrong.current_user.me()


def test_tokens_by_hand(secure: LocalWorkspace) -> None:
    trust = ssl.create_default_context(cafile=secure.authority)
    with httpx.Client(base_url=secure.url, verify=trust, trust_env=False) as client:
        form = {"grant_type": "client_credentials", "scope": "all-apis"}
        answer = client.post("/oidc/v1/token", data=form, auth=(CLIENT_ID, CLIENT_SECRET))
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        token = answer.json()["access_token"]
        me = "/api/2.0/preview/scim/v2/Me"
        assert client.get(me, headers={"Authorization": f"Bearer {token}"}).status_code == 200
        forged = client.get(me, headers={"Authorization": f"Bearer {token}x"})
        assert (forged.status_code, forged.json()["error_code"]) == (403, "PERMISSION_DENIED")
        refused = client.post("/oidc/v1/token", data={"grant_type": "password"})
        assert (refused.status_code, refused.json()["error"]) == (400, "unsupported_grant_type")
        endpoints = client.get("/oidc/.well-known/oauth-authorization-server").json()
        assert endpoints["token_endpoint"] == f"{secure.url}/oidc/v1/token"
        metadata = client.get("/.well-known/databricks-config").json()
        assert metadata["oidc_endpoint"] == f"{secure.url}/oidc"


def test_who_does_not_trust_the_authority_is_not_served(secure: LocalWorkspace) -> None:
    with (
        httpx.Client(trust_env=False) as client,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.get(secure.url)


def test_pages_by_https_have_a_secure_cookie(secure: LocalWorkspace) -> None:
    trust = ssl.create_default_context(cafile=secure.authority)
    where = secure.url.replace("127.0.0.1", "localhost")
    with httpx.Client(base_url=where, verify=trust, trust_env=False) as client:
        answer = client.post("/login", data={"token": secure.token, "next": "/"})
        assert "Secure" in answer.headers["set-cookie"]
        assert client.get("/").status_code == 200


def test_without_a_service_principal_nobody_gets_a_token(lab: Any) -> None:
    form = {"grant_type": "client_credentials"}
    answer = lab.http.post("/oidc/v1/token", data=form, auth=("a", "b"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    nobody = WorkspaceClient(host=lab.workspace.url, client_id="a", client_secret="b", auth_type="oauth-m2m")
    with pytest.raises(ValueError, match="invalid_client: Client authentication failed"):
        nobody.current_user.me()


def test_authorities_that_are_not_there_are_told_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "databricks_local", "--root", str(tmp_path / "root"), "--tls"]
    own = {"DBFLOW_WORKSPACE_TOKEN": "t", "REQUESTS_CA_BUNDLE": "/no/such.pem"}
    ended = subprocess.run(command, check=False, env=os.environ | own, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "workspace: cannot read the certificate authorities in /no/such.pem: No such file or directory; "
        "let REQUESTS_CA_BUNDLE or SSL_CERT_FILE name a file or a folder that is there\n"
    )
