"""Scan code set 1, as a PC's keyboard controller gives it to the guest, by the keys of a US keyboard.

Source: IBM PS/2 Technical Reference, "Keyboards (101- and 102-Key)", "Scan Code Set 1".
"""

from __future__ import annotations

from collections.abc import Iterator

RELEASED = 0x80
"""Added to a key's code when it is let go."""
EXTENDED = 0xE0
"""Goes before the codes of keys that the PC/AT's keyboard had elsewhere or not at all."""

ROWS = {0x02: "1234567890-=", 0x10: "qwertyuiop[]", 0x1E: "asdfghjkl;'`", 0x2B: "\\zxcvbnm,./"}
"""The code of the first key of a row, and the row: the codes follow each other."""
SHIFTED = dict(zip('!@#$%^&*()_+{}:"~|<>?', "1234567890-=[];'`\\,./", strict=True))
"""What a key gives with shift."""
NAMED = {
    "esc": 0x01, "backspace": 0x0E, "tab": 0x0F, "enter": 0x1C, "ctrl": 0x1D, "shift": 0x2A, "rshift": 0x36,
    "alt": 0x38, "space": 0x39, "capslock": 0x3A, "numlock": 0x45, "scrolllock": 0x46, "f11": 0x57, "f12": 0x58,
} | {f"f{n}": 0x3A + n for n in range(1, 11)}  # fmt: skip
AS_NAMED = {"\n": "enter", "\r": "enter", "\t": "tab", "\b": "backspace", "\x1b": "esc", " ": "space"}
WITH_PREFIX = {
    "rctrl": 0x1D, "ralt": 0x38, "home": 0x47, "up": 0x48, "pageup": 0x49, "left": 0x4B, "right": 0x4D, "end": 0x4F,
    "down": 0x50, "pagedown": 0x51, "insert": 0x52, "delete": 0x53,
}  # fmt: skip

CODES: dict[str, bytes] = {
    **{key: bytes([first + place]) for first, row in ROWS.items() for place, key in enumerate(row)},
    **{name: bytes([code]) for name, code in NAMED.items()},
    **{name: bytes([EXTENDED, code]) for name, code in WITH_PREFIX.items()},
}
"""What each key sends when it is pressed."""


def released(code: bytes) -> bytes:
    """What the key sends when it is let go."""
    return code[:-1] + bytes([code[-1] | RELEASED])


def keys_of(name: str) -> Iterator[str]:
    """The keys, by their names in CODES, to be pressed for a key or a character; of none, where there is none."""
    name = AS_NAMED.get(name, name)
    if name in CODES:
        yield name
    elif name in SHIFTED:
        yield from ("shift", SHIFTED[name])
    elif len(name) == 1 and name.lower() in CODES:
        yield from ("shift", name.lower())
    elif name.lower() in CODES:
        yield name.lower()
