"""The benchmarks of the data plane, one after the other: `uv run python -m tests.benchmarks`.

`--full` takes the sizes of the README's table: a quarter of an hour and 10 GB of disk on two cores.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

FULL = {
    "bench_load": ["--gigabytes", "1", "--files", "1000"],
    "bench_data_plane": ["--export-rows", "20000000", "--result-rows", "4000000"],
    "bench_upload": ["--gigabytes", "1"],
    "bench_spark": ["--rows", "4000000"],
    "bench_run": [],
}


def main() -> None:
    """Run each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--full", action="store_true", help="at the sizes of the README's table")
    full = parser.parse_args().full
    for name, sizes in FULL.items():
        arguments = sizes if full else []
        subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}", *arguments], check=True)


if __name__ == "__main__":
    main()
