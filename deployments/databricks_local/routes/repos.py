"""The Repos API 2.0."""

import re

from fastapi import APIRouter, Request

from databricks_local.api.bodies import Json, read_choice, read_object, read_required_string, read_string
from databricks_local.api.errors import invalid_parameter, not_served
from databricks_local.api.paging import page_of
from databricks_local.git.repos import PROVIDERS, Repos
from databricks_local.routes.incoming import read_body

PATH = "/api/2.0/repos"
PAGE = 20
_ID = re.compile(r"[0-9]{1,18}")


def repos_router(repos: Repos) -> APIRouter:
    """The routes of git folders."""
    router = APIRouter()

    @router.post(PATH)
    async def create(request: Request) -> Json:
        body = await read_body(request)
        if read_object(body, "sparse_checkout") is not None:
            raise not_served("sparse_checkout")
        provider = read_choice(body, "provider", ("", *PROVIDERS), "")
        url = read_required_string(body, "url")
        return await repos.create(url, provider, read_string(body, "path"), read_string(body, "branch"))

    @router.get(PATH)
    async def list_repos(request: Request) -> Json:
        query = request.query_params
        found = repos.all(read_string(query, "path_prefix"))
        token = read_string(query, "next_page_token")
        page, following = page_of(found, lambda repo: str(repo["id"]), PAGE, token)
        shown: Json = {"repos": page} if page else {}
        return {**shown, "next_page_token": following} if following else shown

    @router.get(PATH + "/{repo_id}")
    async def get(repo_id: str) -> Json:
        return repos.get(_id(repo_id))

    @router.patch(PATH + "/{repo_id}")
    async def update(request: Request, repo_id: str) -> Json:
        body = await read_body(request)
        return await repos.update(_id(repo_id), read_string(body, "branch"), read_string(body, "tag"))

    @router.delete(PATH + "/{repo_id}")
    async def delete(repo_id: str) -> Json:
        await repos.delete(_id(repo_id))
        return {}

    return router


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise invalid_parameter(f"'{text[:100]}' is not the id of a repo.")
    return text
