"""A browser without a screen, which pages are tried in; pages without pictures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from report.browser import Browser, started
from vmm.report.page import pictures


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    browser = Browser(started())
    yield browser
    browser.driver.quit()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """1400 by 900, light; a page that complains in its console fails the test."""
    chromium.fresh()
    yield chromium
    assert chromium.complaints() == []


@pytest.fixture(scope="module")
def no_pictures() -> Iterator[None]:
    """They take a second each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "find_spec", lambda name: None)
        yield
