"""Recordings that a test makes of another's lines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any


def write(path: Path, lines: Iterable[str]) -> Path:
    """With a checksum that fits."""
    text = "".join(f"{line}\n" for line in lines)
    path.write_text(text + json.dumps({"sha256": sha256(text.encode()).hexdigest()}) + "\n")
    return path


def changed(line: str, **fields: Any) -> str:
    """A line that claims something else."""
    return json.dumps(json.loads(line) | fields)


def claim(path: Path, **fields: Any) -> None:
    """What the recording's end says is something else."""
    *lines, end, _ = path.read_text().splitlines()
    write(path, [*lines, changed(end, **fields)])
