"""Headless Chromium for tests: a new profile each time, no traffic of its own."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from playwright.async_api import Browser, async_playwright

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""`*.localhost` resolves to the loopback address inside Chromium itself."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser of the distribution's Chromium; each of its contexts is a person with cookies of their own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", headless=True, args=list(FLAGS)
        )
        try:
            yield browser
        finally:
            await browser.close()
