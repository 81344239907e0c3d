"""Time that a test turns: schedules, triggers and notifications, by the official SDK."""

import base64
import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service import compute, jobs
from databricks.sdk.service.catalog import VolumeType

from tests.unit.databricks_local.pages.html_reader import HtmlPage

from .job_lab import own_workspace
from .workspace_lab import CLUSTER, Lab

TELL = "p = dbutils.widgets.getAll()\ndbutils.notebook.exit(p['type'] + ' ' + p['due'] + ' ' + p['begun'])\n"
PARAMETERS = {
    "type": "{{job.trigger.type}}",
    "due": "{{job.trigger.time.iso_datetime}}",
    "begun": "{{job.start_time.iso_date}}",
}
EVERY_SECOND = jobs.CronSchedule("* * * * * ?", "UTC")


@pytest.fixture(scope="module")
def clock_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A workspace of its own: in the others, nobody wants to be in the future."""
    with own_workspace(tmp_path_factory.mktemp("clock")) as lab:
        yield lab


def save(lab: Lab, source: str = TELL, retries: int = 0, **settings: Any) -> int:
    """Save a job with one notebook; its id."""
    task = jobs.Task(
        task_key="only",
        notebook_task=jobs.NotebookTask(lab.notebook("clock", source), PARAMETERS),
        new_cluster=compute.ClusterSpec.from_dict(CLUSTER),
        max_retries=retries,
    )
    job_id = lab.sdk.jobs.create(name="by the clock", tasks=[task], **settings).job_id
    assert job_id
    return job_id


def said(lab: Lab, run_id: int) -> str:
    """What the one task of a run gave back, once it has ended."""
    run = lab.ended(run_id)
    output = lab.sdk.jobs.get_run_output(run["tasks"][0]["run_id"])
    assert output.notebook_output, output.error
    return output.notebook_output.result or ""


def last_sunday_of_march(year: int) -> datetime:
    """Noon of the day on which summer time begins in Europe."""
    last = datetime(year, 3, 31, 12, tzinfo=UTC)
    return last - timedelta(days=last.isoweekday() % 7)


def test_a_schedule_over_the_begin_of_summer_time(clock_lab: Lab) -> None:
    workspace = clock_lab.workspace
    sunday = last_sunday_of_march(datetime.now(UTC).year + 1)
    friday = sunday - timedelta(days=2)
    workspace.advance(until=friday)
    assert abs(workspace.now() - friday) < timedelta(minutes=2)
    schedule = jobs.CronSchedule("0 30 2 * * ?", "Europe/Berlin")
    job_id = save(clock_lab, schedule=schedule)
    run_ids = workspace.advance(days=4)
    # On that Sunday there is no half past two. In summer it is half past midnight in UTC.
    saturday, monday, tuesday = (f"{sunday + timedelta(days=days):%Y-%m-%d}" for days in (-1, 1, 2))
    assert [said(clock_lab, run_id) for run_id in run_ids] == [
        f"periodic {saturday}T01:30:00.000Z {saturday}",
        f"periodic {monday}T00:30:00.000Z {monday}",
        f"periodic {tuesday}T00:30:00.000Z {tuesday}",
    ]
    runs = list(clock_lab.sdk.jobs.list_runs(job_id=job_id))
    assert [run.run_id for run in runs] == run_ids[::-1]
    assert {run.trigger for run in runs} == {jobs.TriggerType.PERIODIC}
    assert runs[0].schedule == schedule
    clock_lab.sdk.jobs.delete(job_id)


def test_nothing_starts_by_itself_and_a_paused_schedule_never(clock_lab: Lab) -> None:
    job_id = save(clock_lab, schedule=EVERY_SECOND)
    begin = time.monotonic()
    while time.monotonic() < begin + 2:
        assert list(clock_lab.sdk.jobs.list_runs(job_id=job_id)) == []
    clock_lab.sdk.jobs.update(
        job_id,
        new_settings=jobs.JobSettings(
            schedule=jobs.CronSchedule("* * * * * ?", "UTC", pause_status=jobs.PauseStatus.PAUSED)
        ),
    )
    assert clock_lab.workspace.advance(hours=6) == []
    clock_lab.sdk.jobs.delete(job_id)


def test_news_and_continuous_jobs(clock_lab: Lab) -> None:
    volume = "/Volumes/main/default/incoming"
    clock_lab.sdk.volumes.create("main", "default", "incoming", VolumeType.MANAGED)
    clock_lab.sdk.files.upload(f"{volume}/before.csv", io.BytesIO(b"a,b"))
    waits = jobs.TriggerSettings(file_arrival=jobs.FileArrivalTriggerConfiguration(url=volume))
    watches = jobs.TriggerSettings(
        table_update=jobs.TableUpdateTriggerConfiguration(table_names=["main.default.orders"])
    )
    goes_on = save(clock_lab, continuous=jobs.Continuous(pause_status=jobs.PauseStatus.UNPAUSED))
    (first,) = clock_lab.workspace.advance(minutes=1)
    assert said(clock_lab, first).startswith("continuous ")
    clock_lab.sdk.jobs.delete(goes_on)
    saved = [save(clock_lab, trigger=each) for each in (waits, watches)]
    assert clock_lab.workspace.advance(minutes=1) == []
    clock_lab.sdk.files.upload(f"{volume}/day.csv", io.BytesIO(b"a,b"))
    started = clock_lab.workspace.advance(minutes=1, updated_tables=["main.default.orders"])
    assert [said(clock_lab, run_id).split()[0] for run_id in started] == ["file_arrival", "table"]
    assert clock_lab.workspace.advance(minutes=1) == []
    triggers = [clock_lab.sdk.jobs.get_run(run_id).trigger for run_id in started]
    assert triggers == [jobs.TriggerType.FILE_ARRIVAL, jobs.TriggerType.TABLE]
    for job_id in saved:
        clock_lab.sdk.jobs.delete(job_id)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (jobs.CronSchedule("0 9 * * *", "UTC"), "Invalid quartz_cron_expression: '0 9 \\* \\* \\*'"),
        (jobs.CronSchedule("0 0 9 * * ?", "Mars/Olympus"), "Invalid timezone_id: 'Mars/Olympus'."),
    ],
)
def test_schedules_that_are_refused(clock_lab: Lab, schedule: jobs.CronSchedule, message: str) -> None:
    with pytest.raises(InvalidParameterValue, match=message):
        save(clock_lab, schedule=schedule)


def test_turns_that_are_refused(clock_lab: Lab) -> None:
    before = clock_lab.workspace.now()
    with pytest.raises(ValueError, match="forward only"):
        clock_lab.workspace.advance(seconds=-1)
    with pytest.raises(ValueError, match="Say either"):
        clock_lab.workspace.advance(hours=1, until=before + timedelta(hours=1))
    job_id = save(clock_lab, schedule=EVERY_SECOND)
    with pytest.raises(ValueError, match="more than 1000 runs"):
        clock_lab.workspace.advance(hours=1)
    assert clock_lab.workspace.now() - before < timedelta(minutes=1)
    clock_lab.sdk.jobs.delete(job_id)


def test_notifications_are_shown_and_never_sent(clock_lab: Lab) -> None:
    run_id = clock_lab.sdk.jobs.run_now(
        save(
            clock_lab,
            "raise ValueError('no')\n",
            email_notifications=jobs.JobEmailNotifications(
                on_start=["me@example.org"], on_success=["me@example.org"], on_failure=["me@example.org"]
            ),
            webhook_notifications=jobs.WebhookNotifications(on_failure=[jobs.Webhook("hook-1")]),
        )
    ).run_id
    clock_lab.ended(run_id)
    told = clock_lab.workspace.notifications(run_id)
    assert [(each["event"], each["channel"], each["destination"]) for each in told] == [
        ("on_start", "email", "me@example.org"),
        ("on_failure", "email", "me@example.org"),
        ("on_failure", "webhook", "hook-1"),
    ]
    assert clock_lab.workspace.notifications()[-3:] == told
    with httpx.Client(base_url=clock_lab.workspace.url, trust_env=False, follow_redirects=True) as browser:
        browser.post("/login", data={"token": clock_lab.workspace.token})
        page = HtmlPage(browser.get(f"/runs/{run_id}").text)
    rows = page.all(".//section[@id='notifications']//tbody/tr")
    assert ["on_failure" in "".join(row.itertext()) for row in rows] == [False, True, True]


def test_uploads_go_on_when_the_clock_is_turned(clock_lab: Lab) -> None:
    volume = "/Volumes/main/default/uploads"
    clock_lab.sdk.volumes.create("main", "default", "uploads", VolumeType.MANAGED)
    answer = clock_lab.http.post(f"/api/2.0/fs/files{volume}/x", params={"action": "initiate-upload"})
    session = {"path": f"{volume}/x", "session_token": answer.json()["multipart_upload"]["session_token"]}
    asked = {**session, "start_part_number": 1, "count": 1}
    (part,) = clock_lab.post("/api/2.0/fs/create-upload-part-urls", asked).json()["upload_part_urls"]
    with clock_lab.sdk.dbfs.open("/slowly", write=True) as file:
        clock_lab.workspace.advance(hours=3)
        file.write(b"late")
        assert httpx.put(part["url"], content=b"late").status_code == 200
    assert base64.b64decode(clock_lab.sdk.dbfs.read("/slowly").data or "") == b"late"


def test_a_run_that_is_under_way_while_the_clock_turns_lasts_too_long(clock_lab: Lab) -> None:
    rule = jobs.JobsHealthRule(
        metric=jobs.JobsHealthMetric.RUN_DURATION_SECONDS, op=jobs.JobsHealthOperator.GREATER_THAN, value=3600
    )
    run_id = clock_lab.sdk.jobs.run_now(
        save(
            clock_lab,
            "import time\ntime.sleep(600)\n",
            email_notifications=jobs.JobEmailNotifications(
                on_duration_warning_threshold_exceeded=["me@example.org"]
            ),
            health=jobs.JobsHealthRules([rule]),
        )
    ).run_id
    assert clock_lab.workspace.notifications(run_id) == []
    clock_lab.workspace.advance(hours=2)
    (warning,) = clock_lab.workspace.notifications(run_id)
    start = clock_lab.sdk.jobs.get_run(run_id).start_time
    assert (warning["event"], warning["time"]) == (
        "on_duration_warning_threshold_exceeded",
        start + 3_600_000,
    )
    clock_lab.sdk.jobs.cancel_run(run_id)
    clock_lab.ended(run_id)


def test_the_clock_stays_turned_after_a_restart(tmp_path: Path) -> None:
    with own_workspace(tmp_path / "root") as lab:
        job_id = save(lab, schedule=jobs.CronSchedule("0 0 12 L * ?", "UTC"))
        lab.workspace.advance(days=40)
        before = lab.workspace.now()
    with own_workspace(tmp_path / "root") as lab:
        assert timedelta(0) <= lab.workspace.now() - before < timedelta(minutes=1)
        assert before - datetime.now(UTC) > timedelta(days=39)
        (run_id,) = lab.workspace.advance(until=lab.workspace.now() + timedelta(days=32))[:1]
        assert lab.sdk.jobs.get_run(run_id).job_id == job_id
