"""Which variables of the user reach which process of the stack."""

from __future__ import annotations

import pytest
from dbflow.local import environment as module
from dbflow.local.environment import (
    command_environment,
    names_of_other_servers,
    replace_environment,
    service_environment,
)
from dbflow.local.stack import NAMES

NAMES_OF_SECRETS = (
    "PGPASSWORD", "PGSERVICE", "DATABASE_URL", "STAGING_URL", "ARM_CLIENT_SECRET",
    "AZURE_CLIENT_SECRET", "DATABRICKS_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS", "PREFECT_API_KEY",
    "PREFECT_LOGGING_LEVEL", "NETRC", "AWS_PROFILE", "S3_ENDPOINT", "AWS_SECRET_ACCESS_KEY",
    "WEED_MASTER", "SPARK_HOME", "PYSPARK_PYTHON", "DBFLOW_WORKSPACE_CLIENT_SECRET",
    "OTEL_EXPORTER_OTLP_HEADERS",
)  # fmt: skip
SECRETS = dict.fromkeys(NAMES_OF_SECRETS, "canary")
UNKNOWN = {"GITHUB_TOKEN": "canary", "MY_SECRET": "canary", "PYTHONSTARTUP": "canary", "LD_PRELOAD": "canary"}
SYSTEM = {"PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "TMPDIR": "/t", "PYTHONPATH": "/p"}
NETWORK = {"HTTP_PROXY": "http://proxy.example:3128", "SSL_CERT_FILE": "/ca.pem"}
LOOPBACK = "127.0.0.1,localhost"
DIRECT = {"NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK}
THREADS = {"OMP_NUM_THREADS": "2"}
PIP = {"PIP_INDEX_URL": "https://u:p@index.example"}


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("postgres", SYSTEM),
        ("storage", SYSTEM),
        ("databricks", {**SYSTEM, **NETWORK, **THREADS, **PIP}),
        ("prefect", {**SYSTEM, **NETWORK}),
    ],
)
def test_a_service_gets_what_the_table_allows_and_nothing_else(
    service: str, expected: dict[str, str]
) -> None:
    everything = {**SECRETS, **UNKNOWN, **SYSTEM, **NETWORK, **THREADS, **PIP}
    assert service_environment(service, everything) == {**expected, **DIRECT}


def test_every_service_of_the_table_is_one_of_the_stack() -> None:
    assert {service for kind in module.KINDS for service in kind.services} == set(NAMES)


@pytest.mark.parametrize(("installed", "kept"), [(None, False), (object(), True)])
def test_prefect_gets_a_socks_proxy_only_if_it_can_use_one(
    monkeypatch: pytest.MonkeyPatch, installed: object, kept: bool
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: installed if name == "socksio" else None)
    socks = {"ALL_PROXY": "socks5://proxy.example:1080"}
    assert ("ALL_PROXY" in service_environment("prefect", {**socks, **NETWORK})) is kept
    assert service_environment("prefect", NETWORK)["HTTP_PROXY"] == NETWORK["HTTP_PROXY"]
    assert service_environment("databricks", socks)["ALL_PROXY"] == socks["ALL_PROXY"]


def test_the_command_keeps_what_it_does_not_know_and_takes_nothing_for_settings_of_the_stack() -> None:
    terminal = {"TERM": "xterm", "COLUMNS": "80"}
    kept = command_environment({**SECRETS, **SYSTEM, **NETWORK, **terminal, "NO_PROXY": "a.example"})
    aws = {name: value for name, value in kept.items() if name.startswith("AWS_")}
    assert aws == {
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    direct = dict.fromkeys(DIRECT, f"a.example,{LOOPBACK}")
    assert kept == {**SYSTEM, **terminal, "SSL_CERT_FILE": "/ca.pem", **direct, **aws}


def test_the_shell_forgets_other_servers_only() -> None:
    shell = [
        "AWS_PROFILE",
        "PGHOST",
        "PGSERVICE",
        "PREFECT_API_KEY",
        "PREFECT_LOGGING_LEVEL",
        "ARM_TENANT_ID",
    ]
    unset = names_of_other_servers([*shell, "DATABRICKS_CLIENT_ID", "HTTP_PROXY", "HOME"], {"PGHOST": "h"})
    assert names_of_other_servers(["STAGING_VOLUME", "STAGING_BUCKET"], {"STAGING_BUCKET"}) == [
        "STAGING_VOLUME"
    ]
    assert unset == ["ARM_TENANT_ID", "AWS_PROFILE", "DATABRICKS_CLIENT_ID", "PGSERVICE", "PREFECT_API_KEY"]


def test_an_environment_is_replaced_in_place() -> None:
    target = {"a": "1", "b": "2"}
    replace_environment(target, {"b": "3", "c": "4"})
    assert target == {"b": "3", "c": "4"}
