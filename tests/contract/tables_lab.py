"""What tests of statements on tables share: a notebook in a schema of its own, and what it has found."""

import json
from typing import Any

from .workspace_lab import Lab

BEFORE = """
import json, pathlib
spark.sql("CREATE SCHEMA IF NOT EXISTS statements")
spark.sql("USE statements")

def put(path, text):
    place = pathlib.Path("/dbfs") / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)

def copied(table, source, more="", format="CSV", options="'header' = 'true'"):
    answer = spark.sql(
        f"COPY INTO {table} FROM {source} FILEFORMAT = {format} FORMAT_OPTIONS ({options}) {more}"
    )
    return answer.first().num_inserted_rows

def rows(query):
    return sorted(([*row] for row in spark.sql(query).collect()), key=str)

def refusal(run):
    if isinstance(run, str):
        text = run
        run = lambda: spark.sql(text)
    try:
        run()
    except Exception as error:
        text = str(error)
        return text[1 : text.index("]")] if text.startswith("[") else text
    return "none"

found = []
"""


def ran(lab: Lab, name: str, source: str) -> Any:
    """What a notebook has put into `found`."""
    task, output = lab.run_source(name, f"{BEFORE}{source}\ndbutils.notebook.exit(json.dumps(found))\n")
    assert task["state"]["result_state"] == "SUCCESS", output
    return json.loads(output["notebook_output"]["result"])
