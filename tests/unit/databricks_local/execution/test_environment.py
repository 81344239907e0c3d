"""Which variables of whoever starts the workspace reach which of its processes."""

from __future__ import annotations

import pytest
from databricks_local.execution.environment import divide, server_environment, without_proxy_here
from databricks_local.server.serve import divide_environment

NAMES_OF_SECRETS = (
    "PGPASSWORD", "DATABASE_URL", "ARM_CLIENT_SECRET", "AZURE_CLIENT_SECRET", "GITHUB_TOKEN",
    "MY_SECRET", "NETRC", "HF_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS", "DATABRICKS_TOKEN",
    "DATABRICKS_CONFIG_PROFILE", "PREFECT_API_KEY", "UV_INDEX_URL", "SPARK_HOME", "PYSPARK_PYTHON",
    "SAIL_MODE", "OPENAI_API_KEY", "PYTHONSTARTUP", "PYTHONWARNINGS", "LD_PRELOAD", "MPLBACKEND",
    "SSH_AUTH_SOCK", "DBFLOW_WORKSPACE_TOKEN",
)  # fmt: skip
SECRETS = dict.fromkeys(NAMES_OF_SECRETS, "canary")
HARMLESS = {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "OMP_NUM_THREADS": "2", "SSL_CERT_FILE": "/ca.pem"}
LOOPBACK = "127.0.0.1,localhost"
DIRECT = {"NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK}


def test_tasks_get_what_is_on_the_list_and_nothing_else() -> None:
    proxy = {"HTTPS_PROXY": "http://proxy.example:3128"}
    divided = divide({**SECRETS, **HARMLESS, **proxy})
    assert divided.tasks == {**HARMLESS, **proxy, **DIRECT}
    assert divided.clusters == divided.pip == {}


def test_clusters_get_the_storage_and_pip_its_index_and_notebooks_neither() -> None:
    divided = divide({"AWS_SECRET_ACCESS_KEY": "s", "PIP_INDEX_URL": "https://u:p@index.example"})
    assert divided.clusters == {"AWS_SECRET_ACCESS_KEY": "s"}
    assert divided.pip == {"PIP_INDEX_URL": "https://u:p@index.example"}
    assert divided.tasks == DIRECT
    assert "s3cret" not in repr(divide({"PIP_INDEX_URL": "s3cret", "AWS_SESSION_TOKEN": "s3cret"}))


def test_processes_are_forked_from_an_environment_without_the_rest() -> None:
    environment = {**SECRETS, **HARMLESS, "AWS_REGION": "r"}
    assert divide_environment(environment).clusters == {"AWS_REGION": "r"}
    assert environment == {**HARMLESS, **DIRECT}


def test_a_workspace_for_tests_does_not_get_the_storage_keys_of_who_starts_it() -> None:
    given = {**SECRETS, **HARMLESS, "AWS_PROFILE": "mine", "PIP_CERT": "/ca.pem"}
    assert server_environment(given) == {**HARMLESS, "PIP_CERT": "/ca.pem", **DIRECT}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, DIRECT),
        ({"NO_PROXY": "a.example"}, dict.fromkeys(DIRECT, f"a.example,{LOOPBACK}")),
        ({"NO_PROXY": "a", "no_proxy": "b, a"}, dict.fromkeys(DIRECT, f"a,b,{LOOPBACK}")),
        ({"no_proxy": "localhost"}, dict.fromkeys(DIRECT, "localhost,127.0.0.1")),
        ({"no_proxy": "*"}, dict.fromkeys(DIRECT, "*")),
        ({"no_grpc_proxy": "c"}, {**DIRECT, "no_grpc_proxy": f"c,{LOOPBACK}"}),
    ],
)
def test_what_the_user_excludes_from_the_proxy_stays_excluded(
    given: dict[str, str], expected: dict[str, str]
) -> None:
    assert without_proxy_here(given) == expected
    assert without_proxy_here({**given, **expected}) == expected
