"""The keyboard of a pc, as somebody sits before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from vmm.devices import scan_codes
from vmm.errors import VmmError, unknown

Stroke = Literal["press", "release", "both"]
STROKES = ("press", "release", "both")


class Keyboard:
    """Of one machine, by its devices as scripts have them: each byte is a decision."""

    def __init__(self, devices: Mapping[str, Any], board: str) -> None:
        self._devices, self._board = devices, board

    def key(self, name: str | int, stroke: Stroke = "both") -> None:
        """Press and release a key of a pc's US keyboard at this boundary, or one of both: a character ("a", "A" with
        shift, "\\n"), a name ("enter", "esc", "ctrl", "f1", "up"), or a byte of scan code set 1 as it is (0x1E). The
        first byte is in the controller's buffer with this, and IRQ 1 high; those behind it follow as the guest reads.
        A keyboard that the guest has disabled sends none. VmmError for a key there is not, and without a keyboard.
        """
        if "keyboard" not in self._devices:
            raise VmmError(f"board {self._board} has no keyboard: m.type(text) and m.byte(value) go to its serial port")
        if stroke not in STROKES:
            raise unknown("stroke of a key", str(stroke), STROKES)
        for byte in [name] if isinstance(name, int) else _bytes(name, stroke):
            self._devices["keyboard"].key(byte)


def _bytes(name: str, stroke: Stroke) -> bytes:
    keys = list(scan_codes.keys_of(name))
    if not keys:
        raise unknown("key", name, scan_codes.CODES)
    down = [scan_codes.CODES[key] for key in keys] if stroke != "release" else []
    up = [scan_codes.released(scan_codes.CODES[key]) for key in reversed(keys)] if stroke != "press" else []
    return b"".join([*down, *up])
