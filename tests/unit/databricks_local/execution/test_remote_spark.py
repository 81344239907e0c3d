import asyncio
import socket

import pytest
from databricks_local.execution.remote_spark import reach, spark_address


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("sc://spark.example", ("spark.example", 15002)),
        ("sc://127.0.0.1:4321", ("127.0.0.1", 4321)),
        ("sc://[::1]:4321/;use_ssl=true;token=abc", ("::1", 4321)),
    ],
)
def test_where_a_server_is(remote: str, address: tuple[str, int]) -> None:
    assert spark_address(remote) == address


@pytest.mark.parametrize("remote", ["local[2]", "spark://host:7077", "sc://", "sc:host", "http://host:15002"])
def test_what_is_no_server(remote: str) -> None:
    with pytest.raises(ValueError, match="must be a URL such as sc://host:15002"):
        spark_address(remote)


@pytest.mark.parametrize("remote", ["sc://host:99999", "sc://host:port"])
def test_ports_that_are_none(remote: str) -> None:
    with pytest.raises(ValueError, match=r"[Pp]ort"):
        spark_address(remote)


def test_a_session_that_all_would_share() -> None:
    with pytest.raises(ValueError, match="session_id"):
        spark_address("sc://host/;user_id=me;session_id=4")


def test_a_server_that_is_not_there_is_named_without_its_token() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(ConnectionError) as refused:
            asyncio.run(reach(f"sc://127.0.0.1:{port}/;token=secret"))
    where = f"No Spark Connect server can be reached at 127.0.0.1:{port}"
    assert str(refused.value) == f"{where}: nothing listens there"
