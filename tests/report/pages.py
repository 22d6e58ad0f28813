"""What a page has, as its script reads it."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from pathlib import Path

DATA = re.compile(r'<script type="application/json" id="run">(.*?)</script>', re.DOTALL)


def data_in(page: str) -> dict:
    (found,) = DATA.findall(page)
    return json.loads(found)


def data_of(page: Path | str) -> dict:
    """Of a file."""
    return data_in(Path(page).read_text())


def unstepped(steps: list[int]) -> list[int]:
    """Numbers of which a page has the first and how far each is behind the one before."""
    return list(accumulate(steps))
