"""`python -m databricks_local`."""

import argparse
import os
from pathlib import Path

from databricks_local.access.oauth import ClientCredentials
from databricks_local.execution.cluster import Machine
from databricks_local.execution.provisioning.log_delivery import DELIVERY_SECONDS
from databricks_local.jobs.engines import ENGINES, SAIL
from databricks_local.runs.launcher import Options
from databricks_local.server.serve import Access, serve
from databricks_local.server.variables import CLIENT_ID_VARIABLE, CLIENT_SECRET_VARIABLE, TOKEN_VARIABLE


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m databricks_local",
        description="A local Databricks workspace: the REST API, and notebooks that really run.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--root", type=Path, required=True, help="directory for the workspace's files")
    parser.add_argument("--token", help=f"what requests have to show (default: ${TOKEN_VARIABLE})")
    parser.add_argument("--tls", action="store_true", help="serve https; the CA is ROOT/tls/ca.pem")
    parser.add_argument(
        "--client-id",
        default=os.environ.get(CLIENT_ID_VARIABLE, ""),
        help=f"service principal that gets tokens by OAuth (default: ${CLIENT_ID_VARIABLE})",
    )
    parser.add_argument("--client-secret", help=f"its secret (default: ${CLIENT_SECRET_VARIABLE})")
    add_switches(parser)
    options = parser.parse_args()
    token = options.token or os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        parser.error(f"a token is needed: --token, or {TOKEN_VARIABLE} in the environment")
    secret = options.client_secret or os.environ.get(CLIENT_SECRET_VARIABLE, "")
    if bool(options.client_id) != bool(secret):
        parser.error("--client-id and --client-secret belong together")
    client = ClientCredentials(options.client_id, secret) if secret else None
    try:
        machine = read_machine(options)
    except ValueError as error:
        parser.error(str(error))
    serve(
        options.host,
        options.port,
        token,
        options.root,
        Access(options.tls, client),
        read_switches(options),
        machine,
    )


def add_switches(parser: argparse.ArgumentParser) -> None:
    """Add the switches for behaviour of Databricks that is not known, and for this machine."""
    parser.add_argument(
        "--repair-one-time-runs",
        choices=("accept", "refuse"),
        default="refuse",
        help="whether runs/repair takes a run made by runs/submit (default: %(default)s)",
    )
    parser.add_argument(
        "--repair-visible-after",
        type=float,
        default=0,
        metavar="SECONDS",
        help="for how long a repaired run still looks terminal (default: %(default)s)",
    )
    parser.add_argument(
        "--repairs",
        choices=("limited", "unlimited"),
        default="unlimited",
        help="whether runs/repair keeps to the job's max_concurrent_runs (default: %(default)s)",
    )
    parser.add_argument(
        "--cluster-start-seconds",
        type=float,
        default=0,
        metavar="SECONDS",
        help="how long a cluster takes to start, as it would in the cloud (default: %(default)s)",
    )
    parser.add_argument(
        "--warehouse-start-seconds",
        type=float,
        default=0,
        metavar="SECONDS",
        help="how long a SQL warehouse takes to start, as it would in the cloud (default: %(default)s)",
    )
    parser.add_argument(
        "--log-delivery-seconds",
        type=float,
        default=DELIVERY_SECONDS,
        metavar="SECONDS",
        help="how often the logs of a cluster go to its cluster_log_conf (default: %(default)s)",
    )
    parser.add_argument(
        "--mount-namespaces",
        choices=("auto", "off"),
        default="auto",
        help="whether tasks see /dbfs, /Volumes and /Workspace as directories (default: %(default)s)",
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default=SAIL,
        help="what runs Spark: Sail, or Apache Spark, installed at its first use (default: %(default)s)",
    )
    parser.add_argument(
        "--spark-spare",
        choices=("auto", "off"),
        default="auto",
        help="whether a spare server of Apache Spark waits for the next cluster, where --engine is spark and "
        "memory allows (default: %(default)s)",
    )
    parser.add_argument(
        "--spark-remote",
        default="",
        metavar="URL",
        help="Spark Connect server of all clusters, as sc://host:15002 (default: each starts its own)",
    )


def read_machine(options: argparse.Namespace) -> Machine:
    """Read how clusters are run here."""
    return Machine(
        max(options.cluster_start_seconds, 0),
        options.mount_namespaces == "auto",
        options.spark_remote,
        options.log_delivery_seconds,
        options.engine,
        max(options.warehouse_start_seconds, 0),
        spark_spare=options.spark_spare == "auto",
    )


def read_switches(options: argparse.Namespace) -> Options:
    """Read the switches."""
    return Options(
        options.repair_one_time_runs == "accept",
        max(options.repair_visible_after, 0),
        options.repairs == "limited",
    )


if __name__ == "__main__":
    main()
