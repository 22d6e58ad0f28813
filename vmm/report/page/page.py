"""The page itself: its parts put into one file, data so that nothing in it can be markup."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from vmm.report.page.colors import PALETTE
from vmm.style import MONO, SANS, colours

SCRIPTS = ("model", "view", "draw", "lanes", "panel", "tables", "search", "input", "start")
"""In the order they come in."""
LIGHT = {
    "grid": "#eceef1", "base": "#c9d0d9", "group": "#f1f3f5", "warn": "#b3261e", "masked": "#b85c00",
    "nested": "#7a5fb0", "entry": "#2a7f62",
}  # fmt: skip
DARK = {
    "grid": "#23282f", "base": "#465060", "group": "#20252c", "warn": "#ff8f86", "masked": "#f0a050",
    "nested": "#b79df0", "entry": "#5fc9a2",
}  # fmt: skip


def page(run: Mapping[str, Any], pictures: str = "") -> str:
    """`run` is what `Data.plain` gives; `pictures` are markup, which is trusted."""
    here = files("vmm.report.page")
    style = here.joinpath("page.css").read_text(encoding="utf-8").replace("SANS", SANS).replace("MONO", MONO)
    script = "\n".join(here.joinpath("script", f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    parts = {
        "style": colours(LIGHT, DARK) + style, "script": script, "pictures": pictures,
        "run": plain({**run, "palette": PALETTE}),
    }  # fmt: skip
    whole, rest = "", here.joinpath("page.html").read_text(encoding="utf-8")
    while rest:  # not `replace`, for what was put in is not looked at again
        text, at, rest = rest.partition("@")
        name, _, rest = rest.partition("@")
        whole += text + (parts[name] if at else "")
    return whole


def plain(value: object) -> str:
    """JSON that ends no script: no tag can begin in it."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
