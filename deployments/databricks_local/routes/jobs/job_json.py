"""Saved jobs as the API shows them. Pure."""

from databricks_local.api.bodies import Json
from databricks_local.api.paging import PAGE_SIZE, Arrays, Page, paged
from databricks_local.jobs.store import Job

PAGED_FIELDS = ("tasks", "job_clusters", "parameters", "environments")
"""The arrays of the settings that 2.2 pages (docs: jobs/get)."""

EXPANDED_FIELDS = ("tasks", "job_clusters")
"""What `jobs/list` shows only with `expand_tasks` (docs)."""


def job_json(job: Job, page: Page) -> Json:
    """A job as `jobs/get` shows it; with `next_page_token` if there is more of its arrays."""
    arrays: Arrays = {
        name: (job.settings[name], dict) for name in PAGED_FIELDS if isinstance(job.settings.get(name), list)
    }
    shown = paged(arrays, page)
    token = shown.pop("next_page_token", "")
    answer: Json = {**_base(job), "run_as_user_name": job.creator, "settings": {**job.settings, **shown}}
    return {**answer, "next_page_token": token} if token else answer


def listed_job_json(job: Job, version: str, *, expand: bool) -> Json:
    """A job as `jobs/list` shows it; `has_more` if not all of its arrays are there (docs: 2.2)."""
    if expand:
        limited = job_json(job, Page(0, PAGE_SIZE if version == "2.2" else None))
        shown: Json = {**_base(job), "settings": limited["settings"]}
        return {**shown, "has_more": True} if "next_page_token" in limited else shown
    settings = {name: value for name, value in job.settings.items() if name not in EXPANDED_FIELDS}
    return {**_base(job), "settings": settings}


def _base(job: Job) -> Json:
    return {"job_id": job.job_id, "creator_user_name": job.creator, "created_time": job.created_time}
