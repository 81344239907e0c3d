"""Answers that can be encoded, whatever they hold.

Names of files need not be UTF-8, and Python keeps what it cannot decode as lone surrogates, which no answer
can have. They are shown as question marks.
"""

import json
from typing import Any

from fastapi.responses import HTMLResponse, JSONResponse

from databricks_local.pages.rendering import CONTENT_SECURITY_POLICY


class JsonAnswer(JSONResponse):
    """An answer as JSON."""

    def render(self, content: Any) -> bytes:
        """The bytes of the answer."""
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")


HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Of each page."""


class PageAnswer(HTMLResponse):
    """A page."""

    def render(self, content: Any) -> bytes:
        """The bytes of the page."""
        return str(content).encode("utf-8", "replace")


def page_answer(text: str, status: int = 200) -> PageAnswer:
    """A page with the headers of all pages."""
    return PageAnswer(text, status, HEADERS)
