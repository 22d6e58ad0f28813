"""Protocol buffers' wire format, as much of it as a trace needs (protobuf.dev/programming-guides/encoding)."""

from __future__ import annotations

VARINT, BYTES = 0, 2
"""Wire types."""
CHUNK = 14
MASK = (1 << CHUNK) - 1
INNER = [bytes((n & 0x7F | 0x80, n >> 7 | 0x80)) for n in range(1 << CHUNK)]
"""Fourteen bits behind which there are more."""
LAST = [bytes((n,)) if n < 0x80 else bytes((n & 0x7F | 0x80, n >> 7)) for n in range(1 << CHUNK)]


def varint(value: int) -> bytes:
    """Of up to 64 bits, not negative."""
    if value <= MASK:
        return LAST[value]
    if value >> 28 <= MASK:
        middle = value >> CHUNK
        return INNER[value & MASK] + (LAST[middle] if middle <= MASK else INNER[middle & MASK] + LAST[value >> 28])
    return INNER[value & MASK] + INNER[value >> CHUNK & MASK] + varint(value >> 28)


def tag(field: int, type: int) -> bytes:
    return varint(field << 3 | type)


def number(field: int, value: int) -> bytes:
    return tag(field, VARINT) + varint(value)


def message(field: int, data: bytes | str) -> bytes:
    """A field that is a message, text or bytes."""
    raw = data.encode(errors="replace") if isinstance(data, str) else data
    return tag(field, BYTES) + varint(len(raw)) + raw
