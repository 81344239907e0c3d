"""Runs a notebook by Dagster's own client for pipes, and prints each line with the second when it is there.

`bench_pipes` calls it in an environment of its own, which has `dagster-databricks` and not this project:
their versions of the Databricks SDK exclude each other. Arguments: host, token, folder of the volume,
notebook.
"""

from __future__ import annotations

import logging
import sys
import time

import dagster
from dagster_databricks.pipes import (
    PipesUnityCatalogVolumesContextInjector,
    PipesUnityCatalogVolumesMessageReader,
)
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import NotebookTask, SubmitTask


def tell_when_it_is_there() -> None:
    """See all records of all loggers: those of Dagster are not in the registry of `logging`."""
    handle, heard = logging.Logger.handle, set[str]()

    def note_and_handle(self: logging.Logger, record: logging.LogRecord) -> None:
        _, said, rest = record.getMessage().rpartition("said at")
        if said and rest not in heard:
            heard.add(rest)
            sys.stdout.write(f"heard {time.time()} {said}{rest}\n")
        handle(self, record)

    logging.Logger.handle = note_and_handle  # type: ignore[method-assign]


def main() -> None:
    host, token, folder, notebook = sys.argv[1:]
    client = WorkspaceClient(host=host, token=token)

    @dagster.asset
    def listens(context):  # type: ignore[no-untyped-def]  # Dagster reads annotations, and takes no texts
        injector = PipesUnityCatalogVolumesContextInjector(client=client, volume_path=folder)
        reader = PipesUnityCatalogVolumesMessageReader(client=client, volume_path=folder)
        opened = dagster.open_pipes_session(
            context=context, context_injector=injector, message_reader=reader, extras={}
        )
        with opened as session:
            parameters = session.get_bootstrap_env_vars()
            task = NotebookTask(notebook_path=notebook, base_parameters=parameters)
            client.jobs.submit(tasks=[SubmitTask(task_key="only", notebook_task=task)]).result()
        return session.get_results()

    tell_when_it_is_there()
    dagster.materialize([listens])


main()
