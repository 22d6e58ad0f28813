"""Draws the picture of a page that the README shows: `python -m report.picture`, in tests/."""

from __future__ import annotations

import base64
from pathlib import Path
from tempfile import TemporaryDirectory

import vmm
from report.browser import Browser, started

PICTURE = Path(__file__).parents[2] / "guests" / "pictures" / "report.png"
WIDE, HIGH = 1280, 800
GUEST, SELECTED = "x86/priority_nesting", 9
"""The third of the guest's nests, and an interrupt in it."""


def main() -> None:
    driver = started()
    try:
        with TemporaryDirectory() as folder:
            m = vmm.boot(GUEST, console=None)
            with vmm.RunPage(m, f"{folder}/run.html"):
                m.run()
            browser = Browser(driver)
            browser.resize(WIDE, HIGH)
            browser.prefer("light")
            browser.open(f"{folder}/run.html")
            browser.js("page.select(arguments[0])", SELECTED)
            browser.key("z")
            browser.js("page.zoom(1.6)")
            browser.js("page.draw()")
            PICTURE.write_bytes(base64.b64decode(driver.get_screenshot_as_base64()))
    finally:
        driver.quit()


if __name__ == "__main__":
    main()
