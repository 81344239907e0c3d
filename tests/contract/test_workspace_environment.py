"""Secrets of whoever starts a workspace reach none of its processes; a proxy does not come between."""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psutil
import pytest
from databricks_local import LocalWorkspace

from .workspace_lab import Lab, lab_of

CANARY = "canary-of-the-environment"
SECRETS = (
    "PGPASSWORD", "DATABASE_URL", "ARM_CLIENT_SECRET", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY",
    "DATABRICKS_TOKEN", "PREFECT_API_KEY", "MY_SECRET",
)  # fmt: skip
CLOSED = "http://127.0.0.1:9"
NOTEBOOK = """
import json, os, urllib.request
count = spark.range(5).count()
try:
    urllib.request.urlopen("http://elsewhere.example")
    elsewhere = "reached"
except OSError as error:
    elsewhere = str(error)
own = open("/proc/self/environ").read() + json.dumps(dict(os.environ))
# COMMAND ----------
# MAGIC %sh env > env.txt
# COMMAND ----------
shell = open("env.txt").read()
given = os.environ.get("GIVEN")
dbutils.notebook.exit(json.dumps([own, shell, count, elsewhere, "PIP_INDEX_URL" in os.environ, given]))
"""
PIP = "# MAGIC %pip install --retries 0 nothing-of-that-name"


class _Index(ThreadingHTTPServer):
    """A package index without packages, which looks at the environment of whoever asks."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[dict[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, _Index)
        for process in psutil.process_iter(["cmdline"]):
            if "nothing-of-that-name" in (process.info["cmdline"] or []):
                self.server.seen.append(process.environ())
        self.send_error(404)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def index() -> Iterator[_Index]:
    server = _Index()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hostile(index: _Index, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    for name in SECRETS:
        monkeypatch.setenv(name, CANARY)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, CLOSED)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://user:{CANARY}@127.0.0.1:{index.server_port}/simple")
    with LocalWorkspace() as workspace:
        monkeypatch.delenv("DATABRICKS_TOKEN")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield from lab_of(workspace)


def test_secrets_of_the_environment_reach_no_notebook_and_a_proxy_stands_only_before_elsewhere(
    hostile: Lab,
) -> None:
    cluster = {"spark_env_vars": {"GIVEN": "on purpose"}}
    _, output = hostile.run_source("environment", NOTEBOOK, cluster=cluster)
    own, shell, count, elsewhere, has_index, given = json.loads(output["notebook_output"]["result"])
    assert CANARY not in own + shell
    assert "GIVEN=on purpose" in shell
    assert (count, has_index, given) == (5, False, "on purpose")
    assert "Connection refused" in elsewhere  # by the proxy: nothing listens there


def test_pip_gets_its_index_and_no_secret(hostile: Lab, index: _Index) -> None:
    _, output = hostile.run_source("pip", PIP)
    assert "exit status 1" in output["error"]
    assert index.seen
    for environment in index.seen:
        assert environment.pop("PIP_INDEX_URL").endswith("/simple")
        assert CANARY not in str(environment)


def test_no_process_of_the_workspace_has_a_secret_in_its_environment(hostile: Lab) -> None:
    hostile.run_source("small", "print(spark.range(1).count())\n")
    assert hostile.workspace.process is not None
    server = psutil.Process(hostile.workspace.process.pid)
    # The server itself is told the address of the index; what it starts is not.
    assert CANARY not in str({**server.environ(), "PIP_INDEX_URL": ""})
    started = server.children(recursive=True)
    assert started
    for process in started:
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            assert CANARY not in str(process.environ())
