"""The lists of runs and jobs, and the small pages, as a person sees them."""

from collections import Counter

from databricks_local.pages.lists import (
    group_of,
    job_page,
    jobs_page,
    login_page,
    message_page,
    runs_page,
)
from databricks_local.runs import states

from tests.unit.databricks_local.pages.html_reader import HtmlPage
from tests.unit.databricks_local.pages.page_lab import end, make_job, make_run, spec

COUNTS = Counter({"active": 1, "good": 4})


def test_groups_of_runs() -> None:
    run = make_run(spec("a"))
    assert group_of(run) == "active"
    run.state = states.SUCCESS
    assert group_of(run) == "good"
    run.pending_repair_id = 1
    assert group_of(run) == "active"


def test_the_list_of_runs() -> None:
    run = make_run(spec("a"), spec("b"), name="nightly")
    end(run.tasks[0], states.SUCCESS)
    page = HtmlPage(runs_page([run], COUNTS, "", 7_000))
    assert page.texts(".//tbody//td") == [
        "nightly",
        "PENDING",
        "1 of 2",
        "1970-01-01 00:00:05 UTC",
        "2.0 s",
    ]
    assert page.hrefs(".//tbody") == [f"/jobs/{run.job_id}/runs/{run.run_id}"]
    assert page.texts(".//section[@id='runs']/p") == ["The last 1 of 5 runs."]
    assert "data-live" in page.one("body").attrib


def test_the_chosen_group_is_marked() -> None:
    page = HtmlPage(runs_page([], COUNTS, "good", 7_000))
    assert page.hrefs(".//nav[@class='filters']") == [
        "/",
        "/?state=active",
        "/?state=good",
        "/?state=bad",
        "/?state=off",
    ]
    assert page.texts(".//a[@aria-current]") == ["Succeeded 4"]
    assert page.texts(".//section[@id='runs']/p") == ["No runs.", "The last 0 of 4 runs."]
    assert HtmlPage(runs_page([], {}, "", 7_000)).texts(".//section[@id='runs']/p") == [
        "Nothing was run yet."
    ]


def test_the_runs_of_a_job_are_told_apart_by_their_ids() -> None:
    run = make_run(spec("a"))
    page = HtmlPage(job_page(make_job(settings={"x": "é"}), [run], Counter({"good": 1}), "", 7_000))
    assert page.texts(".//tbody//a") == [str(run.run_id)]
    assert page.hrefs(".//nav[@class='filters']")[:2] == ["/jobs/7", "/jobs/7?state=active"]
    assert page.texts(".//details/pre") == ['{\n  "x": "é"\n}']


def test_the_list_of_jobs() -> None:
    run = make_run(spec("a"))
    page = HtmlPage(jobs_page([(make_job(name="one"), run), (make_job(name="two"), None)], 3))
    assert page.texts(".//tbody/tr/td[1]") == ["one", "two"]
    assert page.texts(".//tbody/tr/td[2]") == ["PENDING", "never"]
    assert page.texts(".//section[@id='jobs']/p") == ["2 of 3 jobs."]
    assert HtmlPage(jobs_page([], 0)).texts(".//section[@id='jobs']/p") == ["No job is saved."]


def test_the_form_of_the_token() -> None:
    page = HtmlPage(login_page("/jobs/1?a=b&c", "Wrong."))
    fields = {each.get("name"): (each.get("type"), each.get("value")) for each in page.all(".//form/input")}
    assert fields == {"next": ("hidden", "/jobs/1?a=b&c"), "token": ("password", None)}
    assert page.texts(".//p[@role='alert']") == ["Wrong."]
    assert not page.hrefs()
    assert not HtmlPage(login_page("/")).all(".//p[@role='alert']")


def test_a_page_with_a_message() -> None:
    page = HtmlPage(message_page("Not found", "There is no run 1."))
    assert page.texts(".//main//h1") + page.texts(".//main//p") == ["Not found", "There is no run 1."]
