"""The Prefect UI in a real browser, as a person uses it."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from playwright.sync_api import Locator, Page, sync_playwright

from .conftest import Stack

_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SECONDS = 10


@dataclass(frozen=True)
class PrefectUI:
    """One page of the browser, and the folder for what it looked like."""

    page: Page
    url: str
    pictures: Path

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")

    def open_run(self, flow_run_id: UUID) -> None:
        self.open(f"/runs/flow-run/{flow_run_id}")

    def press(self, name: str, within: Locator | None = None) -> None:
        (within or self.page).get_by_role("button", name=name, exact=True).click()

    def choose(self, text: str) -> None:
        """Click on a tab or an entry of a menu."""
        self.page.get_by_text(text, exact=True).first.click()

    def confirm(self, name: str) -> None:
        """Press a button of the dialog that has opened."""
        self.press(name, self.page.get_by_role("dialog"))

    def wait_for_state(self, state: str, seconds: float = 60) -> None:
        """Watch the page of a run, which refreshes itself, until the run is in a state."""
        self.page.get_by_text(state, exact=True).first.wait_for(timeout=seconds * 1000)

    def picture(self, name: str, height: int = 1000) -> None:
        self.page.set_viewport_size({"width": 1400, "height": height})
        # Lines and panels are moved by animations.
        self.page.wait_for_timeout(1000)
        self.page.screenshot(path=self.pictures / f"{name}.png")


@contextmanager
def prefect_ui(stack: Stack, pictures: Path) -> Iterator[PrefectUI]:
    """Open Chromium, logged in to the stack's Prefect server.

    Raises:
        AssertionError: There is no Chromium, or the page asked for something of another server.
    """
    chromium = shutil.which("chromium")
    assert chromium, "no chromium: .ci/install-chromium installs it"
    prefect = stack.endpoints.prefect
    password = base64.b64encode(prefect.auth_string.encode()).decode()
    elsewhere: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_QUIET)
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        context.add_init_script(f"localStorage.setItem('prefect-password', '{password}')")
        context.set_default_timeout(_SECONDS * 1000)
        page = context.new_page()
        local = (prefect.ui_url, "data:", "blob:")
        page.on("request", lambda asked: None if asked.url.startswith(local) else elsewhere.append(asked.url))
        try:
            yield PrefectUI(page, prefect.ui_url, pictures)
        finally:
            page.screenshot(path=pictures / "last.png")
            browser.close()
    assert elsewhere == []
