"""How wide a text may be that goes into a pipe or a file."""

from __future__ import annotations

import os
import re

LEAST = 20
"""Columns below which no table can be drawn."""


def columns(otherwise: int) -> int:
    """What COLUMNS says, or `otherwise` where that is no number of columns."""
    said = os.environ.get("COLUMNS", "")
    return max(int(said), LEAST) if re.fullmatch("[1-9][0-9]{0,3}", said) else otherwise
