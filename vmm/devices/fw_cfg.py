"""QEMU's firmware configuration device, traditional interface (no DMA): its items, and its face at ports 510h and 511h.

Source: QEMU documentation, docs/specs/fw_cfg.rst; item numbers from its standard header fw_cfg.h.
The face in memory is `vmm.devices.fw_cfg_mmio`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import ClassVar

from vmm.errors import VmmError

SIGNATURE = 0x0000
ID = 0x0001
RAM_SIZE = 0x0003
CPU_COUNT = 0x0005
MAX_CPUS = 0x000F
CMDLINE_SIZE = 0x0014
CMDLINE_DATA = 0x0015
FILE_DIRECTORY = 0x0019
FIRST_FILE = 0x0020
WRITE_CHANNEL = 0x4000  # a selector bit from before files; it selects the same item

TRADITIONAL_INTERFACE = 1

FILE_ENTRY = struct.Struct(">IHH56s")  # size, selector, reserved, name
MAX_NAME = 55  # bytes, and a NUL


class Items:
    """Read-only items for firmware and guests, read byte by byte: `ram_size` in bytes, `files` by name.

    A command line, if given, is there as a kernel's. Raises VmmError for a file name that does not fit its entry.
    """

    def __init__(
        self,
        *,
        cpus: int,
        ram_size: int,
        files: Mapping[str, bytes] | None = None,
        cmdline: str | None = None,
    ) -> None:
        named = sorted((files or {}).items())
        self._items = {
            SIGNATURE: b"QEMU",
            ID: struct.pack("<I", TRADITIONAL_INTERFACE),
            RAM_SIZE: struct.pack("<Q", ram_size),
            CPU_COUNT: struct.pack("<H", cpus),
            MAX_CPUS: struct.pack("<H", cpus),
            FILE_DIRECTORY: _directory(named),
        }
        self._items |= {FIRST_FILE + index: data for index, (_, data) in enumerate(named)}
        if cmdline is not None:
            text = cmdline.encode(errors="surrogateescape") + b"\0"
            self._items |= {CMDLINE_SIZE: struct.pack("<I", len(text)), CMDLINE_DATA: text}
        self.reset()

    def reset(self) -> None:
        self.select(SIGNATURE)

    def select(self, selector: int) -> None:
        """Start over at the beginning of an item; one that does not exist is empty."""
        self.selected = selector
        self.offset = 0

    def next_byte(self) -> int:
        """One byte of the selected item and on to the next; 0 past its end."""
        item = self._items.get(self.selected & ~WRITE_CHANNEL, b"")
        byte = item[self.offset] if self.offset < len(item) else 0
        self.offset += 1
        return byte


class FwCfg(Items):
    """The items behind a word-wide selector port and a byte-wide data port."""

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((0x510, 2),)
    port_width = 2

    def port_read(self, port: int, size: int) -> int:
        """One byte, whatever the access."""
        return self.next_byte() if size == 1 else 0xFF00 | self.next_byte()

    def port_write(self, port: int, size: int, value: int) -> None:
        """A word selects an item; a byte would be data, which is read-only."""
        if size == 2:
            self.select(value)


def _directory(files: list[tuple[str, bytes]]) -> bytes:
    entries = [struct.pack(">I", len(files))]
    for index, (name, data) in enumerate(files):
        encoded = name.encode()
        if not 0 < len(encoded) <= MAX_NAME:
            raise VmmError(f"fw_cfg: file name {name!r} has {len(encoded)} bytes; it must have 1 to {MAX_NAME}")
        entries.append(FILE_ENTRY.pack(len(data), FIRST_FILE + index, 0, encoded))
    return b"".join(entries)
