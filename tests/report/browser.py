"""Chromium, driven as a person would: a mouse at a place of the screen, keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from shutil import which
from time import monotonic
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

NAMES = ("chromium", "chromium-browser", "google-chrome")
"""What it is called, by distribution."""
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage",
    "--hide-scrollbars", "--no-first-run", "--no-proxy-server",
)  # fmt: skip
HEARD = """(() => {
    window.heard = 0;
    for (const kind of ['keyup', 'pointerup', 'wheel']) addEventListener(kind, () => window.heard++, true);
})()"""
"""What a person does comes to the page on a way of its own: it counts what has come."""
SOON = 5
"""Seconds."""
DEVICE = {"deviceScaleFactor": 1, "mobile": False}
NAMED = {"Escape": 27, "Enter": 13, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}


def started() -> Chrome:
    options = ChromeOptions()
    options.binary_location = next(filter(None, map(which, NAMES)), NAMES[0])
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return Chrome(options, Service(which("chromedriver") or "chromedriver"))


class Browser:
    """One tab of it."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def fresh(self) -> None:
        self.driver.get("about:blank")
        self.complaints()
        self.resize(1400, 900)
        self.prefer("light")

    def complaints(self) -> list[str]:
        """What the page, or the browser about it, wrote to the console since."""
        return [each["message"] for each in self.driver.get_log("browser")]

    def resize(self, width: int, height: int) -> None:
        self._do("Emulation.setDeviceMetricsOverride", width=width, height=height, **DEVICE)

    def prefer(self, scheme: str) -> None:
        """ "light", "dark": as the reader's system says."""
        self._do("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, path: str) -> Browser:
        self.driver.get(f"file://{path}")
        self.js(HEARD)
        return self

    def js(self, text: str, *arguments: object) -> Any:
        """What an expression is."""
        return self.driver.execute_script(f"return {text}", *arguments)

    def text(self, selector: str) -> str:
        """As a reader sees it."""
        return self.js("document.querySelector(arguments[0]).innerText", selector)

    def texts(self, selector: str) -> list[str]:
        return self.js("[...document.querySelectorAll(arguments[0])].map((each) => each.innerText)", selector)

    def color(self, selector: str, name: str = "background-color") -> str:
        return self.js("getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]", selector, name)

    def middle(self, selector: str) -> tuple[float, float]:
        box = "document.querySelector(arguments[0]).getBoundingClientRect()"
        x, y = self.js(f"(({{left, top, width, height}}) => [left + width / 2, top + height / 2])({box})", selector)
        return x, y

    # ---- what a person does ----

    def click(self, x: float, y: float) -> None:
        with self._heard():
            for kind in ("mousePressed", "mouseReleased"):
                self._mouse(kind, x, y, button="left", clickCount=1)

    def press(self, selector: str) -> None:
        self.click(*self.middle(selector))

    def drag(self, begin: tuple[float, float], end: tuple[float, float]) -> None:
        with self._heard():
            self._mouse("mousePressed", *begin, button="left", clickCount=1)
            self._mouse("mouseMoved", *end, button="left", buttons=1)
            self._mouse("mouseReleased", *end, button="left", clickCount=1)

    def wheel(self, x: float, y: float, down: float) -> None:
        with self._heard():
            self._mouse("mouseWheel", x, y, deltaX=0, deltaY=down)

    def pinch(self, x: float, y: float, begin: float, end: float) -> None:
        """Two fingers beside a place, so far apart."""
        with self._heard(2):
            for kind, apart in (("touchStart", begin), ("touchMove", (begin + end) / 2), ("touchMove", end)):
                points = [{"x": x - apart / 2, "y": y, "id": 1}, {"x": x + apart / 2, "y": y, "id": 2}]
                self._do("Input.dispatchTouchEvent", type=kind, touchPoints=points)
            self._do("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def key(self, name: str) -> None:
        text = {"text": "\r"} if name == "Enter" else {} if name in NAMED else {"text": name}
        with self._heard():
            for kind in ("keyDown", "keyUp"):
                more = text if kind == "keyDown" else {}
                self._do(
                    "Input.dispatchKeyEvent", type=kind, key=name, windowsVirtualKeyCode=NAMED.get(name, 0), **more
                )

    def search(self, text: str) -> None:
        """By `/`, in the place of what is there."""
        if self.js("document.activeElement.id") != "search":
            self.key("/")
            self.until("document.activeElement.id === 'search'")
        self.js("document.getElementById('search').select()")
        self._do("Input.insertText", text=text)
        self.until("document.getElementById('search').value === arguments[0]", text)

    @contextmanager
    def _heard(self, times: int = 1) -> Iterator[None]:
        """When it ends, the page has heard of what was done meanwhile."""
        before = self.js("window.heard")
        yield
        self.until("window.heard >= arguments[0]", before + times)

    def until(self, expression: str, *arguments: object) -> None:
        """It is so, at once or soon."""
        end = monotonic() + SOON
        while not self.js(expression, *arguments):
            assert monotonic() < end, expression

    def _mouse(self, kind: str, x: float, y: float, **more: object) -> None:
        self._do("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def _do(self, command: str, **what: object) -> None:
        self.driver.execute_cdp_cmd(command, what)
