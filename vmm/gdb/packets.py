"""Packets of gdb's remote serial protocol as bytes: "$data#checksum", acknowledged by "+" or "-" (gdb manual, E.1).

Knows no machine. What a client sends is not trusted: of a packet that is too long nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

MOST = 0x4000
"""Bytes of a packet's data, either way."""
ESCAPE, ESCAPED = 0x7D, 0x20
RESERVED = b"$#}*"
INTERRUPT = b"\x03"


class Packet(NamedTuple):
    """What came: its data, and what is wrong with it, in words."""

    data: bytes
    problem: str = ""


class BreakIn:
    """Ctrl-C came: a byte outside any packet."""


class Reader:
    """Cuts what comes into packets."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._over = False  # too much came: nothing is kept until the packet's end

    def feed(self, data: bytes) -> Iterator[Packet | BreakIn]:
        """What is whole by now."""
        self._buffer += data
        while True:
            if not self._over:
                self._skip()
                if self._buffer[:1] == INTERRUPT:
                    del self._buffer[0]
                    yield BreakIn()
                    continue
            end = self._buffer.find(b"#")
            if end < 0 or len(self._buffer) < end + 3:
                self._forget_too_much(end)
                return
            packet = self._packet(end)
            del self._buffer[: end + 3]
            self._over = False
            yield packet

    def _skip(self) -> None:
        """What is neither a packet nor Ctrl-C: acknowledgements of what arrived anyway, and noise."""
        starts = [at for at in (self._buffer.find(b"$"), self._buffer.find(INTERRUPT)) if at >= 0]
        del self._buffer[: min(starts, default=len(self._buffer))]

    def _forget_too_much(self, end: int) -> None:
        if len(self._buffer) > MOST + 4:
            self._over = True
        if self._over:
            del self._buffer[: end if end >= 0 else len(self._buffer)]

    def _packet(self, end: int) -> Packet:
        data = bytes(self._buffer[1:end])
        if self._over or len(data) > MOST:
            return Packet(b"", f"a packet of more than {MOST} bytes")
        newest = data.rfind(b"$")  # the last one was broken off
        if newest >= 0:
            data = data[newest + 1 :]
        try:
            told = int(bytes(self._buffer[end + 1 : end + 3]), 16)
        except ValueError:
            told = -1
        return Packet(data, "" if told == sum(data) & 0xFF else "a packet whose checksum is wrong")


def framed(data: bytes) -> bytes:
    """As a packet, with what is reserved escaped."""
    sent = bytearray()
    for byte in data:
        sent += bytes((ESCAPE, byte ^ ESCAPED)) if byte in RESERVED else bytes((byte,))
    return b"$%b#%02x" % (bytes(sent), sum(sent) & 0xFF)


def unescaped(data: bytes) -> bytes:
    """Binary data of a packet."""
    found, left = bytearray(), iter(data)
    for byte in left:
        found.append(next(left, 0) ^ ESCAPED if byte == ESCAPE else byte)
    return bytes(found)


def hexadecimal(data: bytes) -> bytes:
    return data.hex().encode()
