"""The pages for people, and any body at all for the API."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit.databricks_local.pages.html_reader import HtmlPage

from .workspace_lab import CLUSTER, Lab


@pytest.fixture
def browser(lab: Lab) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=lab.workspace.url, trust_env=False) as client:
        yield client


def log_in(browser: httpx.Client, token: str, target: str = "/") -> httpx.Response:
    return browser.post("/login", data={"token": token, "next": target})


def test_pages_ask_for_the_token(lab: Lab, browser: httpx.Client) -> None:
    answer = browser.get("/jobs/1/runs/2?o=3")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/jobs/1/runs/2")
    form = HtmlPage(browser.get("/login?next=/jobs").text).all(".//form[@action='/login']/input")
    assert [(each.get("type"), each.get("name"), each.get("value")) for each in form] == [
        ("hidden", "next", "/jobs"),
        ("password", "token", None),
    ]
    assert log_in(browser, "wrong").status_code == 403
    assert browser.get("/").status_code == 303
    answer = log_in(browser, lab.workspace.token, "/jobs/1/runs/2")
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs/1/runs/2")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert lab.workspace.token not in cookie
    assert browser.get("/").status_code == 200
    assert browser.get("/jobs/1/runs/2").status_code == 404


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example"]
)
def test_login_leads_to_pages_of_this_server_only(lab: Lab, browser: httpx.Client, target: str) -> None:
    assert log_in(browser, lab.workspace.token, target).headers["location"] == "/"


def test_the_page_of_a_run_shows_what_happened_and_escapes_it(lab: Lab, browser: httpx.Client) -> None:
    log_in(browser, lab.workspace.token)
    source = (
        "print('<script>alert(1)</script>')\n\n# COMMAND ----------\n\n"
        "display(spark.createDataFrame([('<b>', 1), (None, 2)], ['na<me', 'n']))\n\n# COMMAND ----------\n\n"
        "raise RuntimeError('<img src=x>')\n"
    )
    run = lab.run(
        lab.task("show", lab.notebook("<i>page</i>".replace("/", "-"), source)), run_name="<u>run</u>"
    )
    answer = browser.get(re.sub(r"^http://[^/]+", "", run["run_page_url"]))
    assert answer.status_code == 200
    page = HtmlPage(answer.text)
    assert page.texts(".//h1") == ["<u>run</u>"]
    assert page.texts(".//section[@id='head']/span") == ["FAILED"]
    assert page.texts(".//pre[@class='stdout']") == ["<script>alert(1)</script>\n"]
    assert page.texts(".//table[@class='data']//th") == ["na<me", "n"]
    assert page.texts(".//table[@class='data']//td") == ["<b>", "1", "null", "2"]
    (error,) = page.texts(".//pre[@class='error']")
    assert error.rstrip().endswith("RuntimeError: <img src=x>")
    for tag in ("script", "img", "u", "b"):
        assert not page.all(f".//{tag}")
    assert "http-equiv" not in answer.text
    assert "<u>run</u>" in HtmlPage(browser.get("/").text).texts(".//section[@id='runs']//a")
    task_page = f"/jobs/{run['job_id']}/runs/{run['tasks'][0]['run_id']}"
    assert browser.get(task_page).status_code == 200


def test_the_page_of_an_active_run_refreshes_itself(lab: Lab, browser: httpx.Client) -> None:
    log_in(browser, lab.workspace.token)
    path = lab.notebook("waits", "import time\nprint('so far')\n\n# COMMAND ----------\n\ntime.sleep(600)\n")
    run_id = lab.submit(lab.task("waits", path))
    lab.wait_for_task(run_id, "waits", "RUNNING")
    run = lab.get("/api/2.1/jobs/runs/get", run_id=run_id).json()
    page = HtmlPage(browser.get(f"/jobs/{run['job_id']}/runs/{run_id}").text)
    assert page.one(".//noscript/meta").get("http-equiv") == "refresh"
    lab.sdk.jobs.cancel_run(run_id)
    lab.ended(run_id)


def test_a_live_page_asks_for_itself_and_runs_no_other_script(lab: Lab, browser: httpx.Client) -> None:
    log_in(browser, lab.workspace.token)
    path = lab.notebook("waits", "import time\ntime.sleep(600)\n")
    run_id = lab.submit(lab.task("waits", path), run_name="live")
    lab.wait_for_task(run_id, "waits", "RUNNING")
    answer = browser.get(f"/runs/{run_id}", follow_redirects=True)
    page = HtmlPage(answer.text)
    assert "data-live" in page.one("body").attrib
    (script,) = page.texts(".//script")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert f"script-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "https:" not in policy
    assert all(re.match("/(?!/)|data:", address) for address in page.addresses())
    assert "live" in HtmlPage(browser.get("/?state=active").text).texts(".//tbody//a")
    lab.sdk.jobs.cancel_run(run_id)
    lab.ended(run_id)
    assert "data-live" not in browser.get(f"/runs/{run_id}", follow_redirects=True).text
    assert f'runs/{run_id}"' in browser.get("/?state=off").text
    assert f'runs/{run_id}"' not in browser.get("/?state=bad").text
    assert browser.get("/?state=<b>").status_code == 200
    assert browser.get("/runs/1").status_code == 404


def test_plots_and_html_on_the_page_of_a_task(lab: Lab, browser: httpx.Client) -> None:
    log_in(browser, lab.workspace.token)
    source = (
        "import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.show()\n\n# COMMAND ----------\n\n"
        "figure, axes = plt.subplots()\naxes.plot([3])\ndisplay(figure)\n\n# COMMAND ----------\n\n"
        "displayHTML('<b>bold</b><script>1</script>')\n"
    )
    run = lab.run(
        lab.task("plots", lab.notebook("plots", source)), lab.task("b", lab.notebook("b", "x = 1\n"))
    )
    url = next(task["run_page_url"] for task in run["tasks"] if task["task_key"] == "plots")
    page = HtmlPage(browser.get(re.sub(r"^http://[^/]+", "", url)).text)
    images = [image.get("src", "") for image in page.all(".//img")]
    assert [source.partition(",")[0] for source in images] == ["data:image/png;base64"] * 2
    assert [base64.b64decode(source.partition(",")[2])[:4] for source in images] == [b"\x89PNG"] * 2
    assert page.one(".//iframe").get("srcdoc", "").endswith("<b>bold</b><script>1</script>")
    assert not page.all(".//script")


def test_the_page_of_a_job_shows_its_runs_and_repairs(lab: Lab, browser: httpx.Client) -> None:
    log_in(browser, lab.workspace.token)
    path = lab.notebook("needs", "assert dbutils.widgets.get('ok') == 'yes', 'not yet'\n")
    task = {"task_key": "needs", "new_cluster": CLUSTER, "max_retries": 1,
            "notebook_task": {"notebook_path": path, "base_parameters": {"ok": "no"}}}  # fmt: skip
    settings = {"name": "a <job>", "tasks": [task, {**task, "task_key": "other", "max_retries": 0}]}
    job_id = lab.post("/api/2.2/jobs/create", settings).json()["job_id"]
    run_id = lab.post("/api/2.2/jobs/run-now", {"job_id": job_id}).json()["run_id"]
    lab.ended(run_id)
    repair = {"run_id": run_id, "rerun_all_failed_tasks": True, "notebook_params": {"ok": "yes"}}
    assert "repair_id" in lab.post("/api/2.2/jobs/runs/repair", repair).json()
    lab.ended(run_id)
    jobs = HtmlPage(browser.get("/jobs").text).all(".//tbody//a")
    assert (f"/jobs/{job_id}", "a <job>") in [(link.get("href"), link.text) for link in jobs]
    page = HtmlPage(browser.get(f"/jobs/{job_id}").text)
    assert page.texts(".//tbody/tr/td[1]") == [f"{run_id} 1× repaired"]
    assert "max_retries" in page.texts(".//details/pre")[0]
    text = browser.get(f"/jobs/{job_id}/runs/{run_id}").text
    page = HtmlPage(text)
    assert len(page.all(".//h3")) == 2
    assert "needs ×2" in page.texts(".//div[@class='lane']/span")
    assert "3, repair 1" in page.texts(".//section[@id='attempts']//td")
    assert "AssertionError: not yet" in text
    assert browser.get("/jobs/1").status_code == 404


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    "run_id", "tasks", "job_clusters", "idempotency_token", "run_name", "timeout_seconds", "notebook_task",
    "new_cluster", "path", "content", "format", "language",
    "overwrite", "recursive", "git_source", "libraries", "environments", "existing_cluster_id",
    "spark_python_task", "python_wheel_task",
]  # fmt: skip
TASK = st.fixed_dictionaries(
    {"task_key": st.sampled_from(["a", "b", ""]) | JSON},
    optional={
        "depends_on": st.lists(st.fixed_dictionaries({"task_key": st.sampled_from(["a", "b"])}), max_size=2)
        | JSON,
        "notebook_task": st.fixed_dictionaries(
            {"notebook_path": st.just("/no") | JSON, "base_parameters": JSON}
        ),
        "new_cluster": st.fixed_dictionaries({}, optional={"spark_env_vars": JSON, "spark_conf": JSON})
        | JSON,
        "run_if": JSON,
        "libraries": st.lists(st.dictionaries(st.sampled_from(["pypi", "whl", "jar"]), JSON, max_size=2))
        | JSON,
        "spark_python_task": st.fixed_dictionaries(
            {"python_file": st.just("/no") | JSON, "parameters": JSON}
        ),
        "existing_cluster_id": JSON,
        "environment_key": JSON,
        "timeout_seconds": JSON,
    },
)
BODIES = (
    JSON
    | st.dictionaries(st.sampled_from(FIELDS), JSON | st.just("/Shared/fuzz"), max_size=5)
    | st.fixed_dictionaries({"tasks": st.lists(TASK, max_size=3)}, optional={"run_name": JSON})
)
POSTS = ["2.1/jobs/runs/submit", "2.2/jobs/runs/submit", "2.1/jobs/runs/cancel", "2.0/workspace/import",
         "2.0/workspace/mkdirs", "2.0/workspace/delete"]  # fmt: skip
HUGE = {
    "task_key": "a",
    "notebook_task": {"notebook_path": "/x"},
    "new_cluster": {**CLUSTER, "num_workers": 10**400},
}
GETS = ["2.2/jobs/runs/get", "2.1/jobs/runs/get-output", "2.2/jobs/runs/list", "2.0/workspace/list",
        "2.0/workspace/get-status", "2.0/workspace/export"]  # fmt: skip
QUERY_FIELDS = [*FIELDS, "limit", "offset", "page_token", "active_only", "run_type", "start_time_from"]
QUERIES = st.dictionaries(
    st.sampled_from(QUERY_FIELDS), st.text(max_size=12) | st.integers().map(str), max_size=4
)
WANTED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@WANTED
@given(path=st.sampled_from(POSTS), body=BODIES)
@example(path=POSTS[0], body={"tasks": [HUGE]})
@example(path=POSTS[3], body={"path": "/Shared/x", "content": "AA==", "format": "JUPYTER"})
def test_no_body_is_an_error_of_the_server(lab: Lab, path: str, body: Any) -> None:
    answer = lab.http.post(f"/api/{path}", content=json.dumps(body))
    check_envelope(answer)
    if answer.status_code == 200 and "run_id" in answer.json():
        check_envelope(lab.get("/api/2.2/jobs/runs/get", run_id=answer.json()["run_id"]))


@WANTED
@given(path=st.sampled_from(GETS), query=QUERIES)
def test_no_query_is_an_error_of_the_server(lab: Lab, path: str, query: dict[str, str]) -> None:
    check_envelope(lab.http.get(f"/api/{path}", params=query))


@WANTED
@given(path=st.sampled_from(POSTS), content=st.binary(max_size=200))
def test_no_bytes_are_an_error_of_the_server(lab: Lab, path: str, content: bytes) -> None:
    check_envelope(lab.http.post(f"/api/{path}", content=content))
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    check_envelope(lab.http.post(f"/api/{path}", content=b"--b\r\n" + content, headers=form))


def check_envelope(answer: httpx.Response) -> None:
    assert answer.status_code in (200, 400, 404), answer.text
    if answer.status_code != 200:
        assert set(answer.json()) == {"error_code", "message"}
