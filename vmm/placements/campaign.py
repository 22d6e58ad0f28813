"""What an exploration has found so far, and a file of it, from which another process goes on.

{"campaign": 3, "of": {"vmm": "0.1.0 (commit …)", "image": "<SHA-256>", …}, "found": {…}, "sha256": "<of all before>"}
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from vmm.errors import VmmError
from vmm.output import OutputFile
from vmm.placements import found
from vmm.placements.found import Found

FORMAT = 3
SECONDS = 5.0
"""Between two times that it is written, while the exploration goes on."""


class Campaign:
    """The file `path`, of an exploration that is what `of` says by name; VmmError where it is another's."""

    def __init__(self, path: Path, of: dict[str, Any], inputs: Sequence[Path]) -> None:
        self._path, self._inputs = path, inputs
        self._of = json.loads(json.dumps(of))
        self.found = self._read() if path.is_file() else Found()
        with OutputFile("campaign", path, inputs=inputs):
            pass  # a wrong path costs nobody an exploration
        self._saved = time.monotonic()

    def save(self, *, now: bool) -> None:
        """Write it; unless `now`, only if it was not written for a while."""
        if not now and time.monotonic() - self._saved < SECONDS:
            return
        kept = {"campaign": FORMAT, "of": self._of, "found": asdict(self.found)}
        with OutputFile("campaign", self._path, inputs=self._inputs) as file:
            file.write(json.dumps({**kept, "sha256": _sum(kept)}) + "\n")
        self._saved = time.monotonic()

    def _read(self) -> Found:
        try:
            kept = json.loads(self._path.read_bytes())
            total, known = kept.pop("sha256"), kept["campaign"] == FORMAT
            if not known or total != _sum(kept):
                raise ValueError
            others, raw = dict(kept["of"]), kept["found"]
        except OSError as error:
            raise VmmError(f"campaign {self._path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise self._error("this is no campaign of this vmm's, or it is damaged") from None
        for name, mine in self._of.items():
            if others.get(name) != mine:
                raise self._error(
                    f"it is another exploration's: its {name} is {_told(others.get(name))}, not {_told(mine)}"
                )
        try:
            return found.found(raw)
        except (ValueError, KeyError, TypeError, IndexError):
            raise self._error("it is damaged") from None

    def _error(self, what: str) -> VmmError:
        return VmmError(f"campaign {self._path}: {what}; name another file to begin anew")


def _sum(kept: dict[str, Any]) -> str:
    return sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _told(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{text[:57]}…" if len(text) > 58 else text
