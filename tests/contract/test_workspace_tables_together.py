"""Tables while the server is killed, and while two clusters write."""

import json
import threading
from pathlib import Path

import httpx
from databricks_local import LocalWorkspace
from deltalake import DeltaTable

from .workspace_lab import Lab, until

COLUMNS = [{"name": "id", "type_text": "int", "position": 0}]
CATALOGS = ("main", "hive_metastore")


class Maker(threading.Thread):
    """Makes tables, and drops each third of them, until the server is gone."""

    def __init__(self, url: str, token: str, catalog: str, first: int) -> None:
        super().__init__()
        self.made: set[str] = set()
        self.dropped: set[str] = set()
        self.asked: set[str] = set()
        self._catalog, self._first = catalog, first
        self._http = httpx.Client(
            base_url=f"{url}/api/2.1/unity-catalog",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        )

    def run(self) -> None:
        with self._http as http:
            for number in range(self._first, self._first + 10_000):
                try:
                    self.make(http, f"t{number}", drop=number % 3 == 0)
                except httpx.HTTPError:
                    return

    def make(self, http: httpx.Client, name: str, *, drop: bool) -> None:
        full_name = f"{self._catalog}.default.{name}"
        names = {"catalog_name": self._catalog, "schema_name": "default", "name": name}
        self.asked.add(full_name)
        assert http.post("/tables", json={**names, "columns": COLUMNS}).status_code == 200
        self.made.add(full_name)
        if drop:
            self.made.discard(full_name)
            assert http.delete(f"/tables/{full_name}").status_code == 200
            self.dropped.add(full_name)


def there(workspace: LocalWorkspace) -> dict[str, Path]:
    """The tables that the catalog shows, and where their files are."""
    shown = {}
    root = workspace.root or Path()
    for catalog in CATALOGS:
        for table in workspace.client().tables.list(catalog, "default"):
            location = table.storage_location or ""
            place = location.removeprefix("file://").replace("dbfs:", f"{root}/dbfs")
            shown[table.full_name or ""] = Path(place)
    return shown


def test_a_killed_server_leaves_no_half_tables(tmp_path: Path) -> None:
    made: set[str] = set()
    dropped: set[str] = set()
    for life in range(3):
        with LocalWorkspace(tmp_path) as workspace:
            found = there(workspace)
            assert made <= found.keys()
            assert not dropped & found.keys()
            for place in found.values():
                assert DeltaTable(place).version() == 0
            logs = {log.parent for log in tmp_path.rglob("_delta_log")}
            assert logs == set(found.values())
            makers = [
                Maker(workspace.url, workspace.token, catalog, first)
                for catalog in CATALOGS
                for first in (life * 20_000, life * 20_000 + 10_000)
            ]
            for maker in makers:
                maker.start()
            until(lambda makers=makers, life=life: min(len(maker.made) for maker in makers) > 3 + life)
            assert workspace.process is not None
            workspace.process.kill()
            for maker in makers:
                maker.join()
                made |= maker.made
                dropped |= maker.dropped
    assert made
    assert dropped


TOGETHER = """
import json, pathlib, time
me = int(dbutils.widgets.get("me"))
pathlib.Path(f"/dbfs/tmp/writer{me}").touch()
while not pathlib.Path(f"/dbfs/tmp/writer{1 - me}").exists():
    time.sleep(0.01)
for number in range(5):
    spark.sql(f"INSERT INTO main.default.shared VALUES ({10 + me}, {number})")
done, refused = 0, []
for _ in range(5):
    try:
        spark.sql("UPDATE main.default.shared SET n = n + 1 WHERE id = 1")
        done += 1
    except Exception as error:
        refused.append(str(error))
dbutils.notebook.exit(json.dumps([done, refused]))
"""


def test_two_clusters_write_one_table(lab: Lab) -> None:
    task, output = lab.run_source(
        "shared",
        'spark.sql("CREATE TABLE main.default.shared (id INT, n INT)")\n'
        'spark.sql("INSERT INTO main.default.shared VALUES (1, 0)")\n',
    )
    assert task["state"]["result_state"] == "SUCCESS", output
    path = lab.notebook("together", TOGETHER)
    tasks = [lab.task(f"w{me}", path, parameters={"me": str(me)}) for me in (0, 1)]
    run = lab.run(*tasks)
    outputs = [
        lab.get("/api/2.2/jobs/runs/get-output", run_id=task["run_id"]).json() for task in run["tasks"]
    ]
    results = [json.loads(output["notebook_output"]["result"]) for output in outputs]
    _, output = lab.run_source(
        "counted",
        'rows = spark.sql("SELECT id, count(*), max(n) FROM main.default.shared GROUP BY id ORDER BY id")\n'
        "dbutils.notebook.exit(str([tuple(row) for row in rows.collect()]))\n",
    )
    done = sum(result[0] for result in results)
    assert done
    assert output["notebook_output"]["result"] == f"[(1, 1, {done}), (10, 5, 4), (11, 5, 4)]"
    for _, refused in results:
        assert all("DELTA_CONCURRENT" in error for error in refused)
