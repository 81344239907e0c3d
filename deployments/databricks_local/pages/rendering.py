"""The Jinja environment of the pages, and what every page shares: its style, its script and its policy."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

REFRESH_SECONDS = 2
"""How often a live page is loaded again in a browser without JavaScript."""

_FOLDER = Path(__file__).parent


def _static(name: str) -> str:
    return (_FOLDER / "static" / name).read_text(encoding="utf-8")


_STYLE, _SCRIPT = _static("pages.css"), _static("live.js")
_SCRIPT_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()

FRAME_STYLE = _static("frame.css")
"""The style of the HTML that notebooks display; it is shown in a frame, apart from the page."""

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; script-src 'sha256-{_SCRIPT_HASH}'; style-src 'unsafe-inline'; img-src data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a page may do: run its one script, and nothing from elsewhere."""


def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=FileSystemLoader(_FOLDER / "templates"),
        # The templates do not change while the workspace runs: each is compiled once.
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Inlined, so that an exported notebook is one file. These are our own files: the only text not escaped.
    environment.globals |= {
        "style": Markup(_STYLE),  # noqa: S704
        "script": Markup(_SCRIPT),  # noqa: S704
        "refresh_seconds": REFRESH_SECONDS,
    }
    return environment


_ENVIRONMENT = _environment()


def render(template: str, **values: object) -> str:
    """Fill in a template.

    Args:
        template: Its name without `.html.jinja`.
        values: What it shows. All of it is escaped.

    Returns:
        A whole HTML page.
    """
    return _ENVIRONMENT.get_template(f"{template}.html.jinja").render(values)
