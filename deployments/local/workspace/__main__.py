"""`python -m deployments.local.workspace`."""

import argparse
import os
from pathlib import Path

from deployments.local.workspace.serve import TOKEN_VARIABLE, serve


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m deployments.local.workspace",
        description="A local Databricks workspace: the REST API, and notebooks that really run.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--root", type=Path, required=True, help="directory for the workspace's files")
    parser.add_argument("--token", help=f"what requests have to show (default: ${TOKEN_VARIABLE})")
    options = parser.parse_args()
    token = options.token or os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        parser.error(f"a token is needed: --token, or {TOKEN_VARIABLE} in the environment")
    serve(options.host, options.port, token, options.root)


if __name__ == "__main__":
    main()
