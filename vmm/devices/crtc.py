"""The display controller of a VGA in its 80x25 text mode: registers, cursor, retrace, and the text that it shows.

Source: IBM VGA XGA Technical Reference, "CRT Controller Registers" and "Input Status Register 1"; IBM PS/2 BIOS
Interface Technical Reference, "Video Parameters" for mode 3. Sequencer, graphics and attribute controllers and the
palette are not there. The characters are those of code page 437, two bytes each (character, attribute), in RAM from
B8000h on.
"""

from __future__ import annotations

from typing import ClassVar

from vmm.devices.rate import Rate
from vmm.protocols import Clock, Memory

PORT, STATUS_PORT = 0x3D4, 0x3DA
COLUMNS, ROWS, CELL_LINES = 80, 25, 16

TEXT, TEXT_SIZE = 0xB8000, 0x8000
CELLS = TEXT_SIZE // 2
BLANK = bytes((0x20, 0x07))
"""A space, light grey on black."""

LINE_TOTAL, LINE_SHOWN = 0x00, 0x01  # in characters; 5 less, 1 less
FRAME_TOTAL = 0x06  # in scan lines, 2 less
OVERFLOW = 0x07
CELL = 0x09
CELL_HEIGHT = 0x1F  # scan lines, 1 less
CURSOR_START = 0x0A
CURSOR_OFF = 0x20
START_HIGH, START_LOW = 0x0C, 0x0D  # the first cell shown
CURSOR_HIGH, CURSOR_LOW = 0x0E, 0x0F
RETRACE_START, RETRACE_END = 0x10, 0x11
PROTECT = 0x80  # of RETRACE_END: registers 0 to 7 but for one bit
LINE_COMPARE_8 = 0x10  # that bit, of OVERFLOW
FRAME_SHOWN = 0x12  # 1 less
OFFSET = 0x13  # cells from row to row, halved

MODE_3 = bytes.fromhex("5f4f508255 81bf1f00 4f0d0e00000000 9c8e8f281f96b9a3ff")

CHARACTER_CLOCK = Rate(28_322_000, 9)
"""Of nine dots each."""

DISPLAY_OFF, VERTICAL_RETRACE = 0x01, 0x08

CONTROLS = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼"
"""What character codes 0 to 31 look like."""
GLYPHS = CONTROLS + bytes(range(0x20, 0x7F)).decode() + "⌂" + bytes(range(0x80, 0xFF)).decode("cp437") + " "


class Crtc:
    """Index and data at 3D4h and 3D5h, the status at 3DAh; `memory` holds the text."""

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((PORT, 2), (STATUS_PORT, 1))
    port_width = 1

    def __init__(self, *, clock: Clock, memory: Memory) -> None:
        self._clock = clock
        self._memory = memory
        self.reset()

    def reset(self) -> None:
        """Text mode, as firmware sets it."""
        self.index = 0
        self.registers = bytearray(MODE_3)

    def clear(self) -> None:
        """As firmware clears the screen when it sets the mode."""
        self.reset()
        self._memory.write(TEXT, BLANK * CELLS)

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Row and column on the screen; None where it is switched off or beyond."""
        cell = self._pair(CURSOR_HIGH) - self._pair(START_HIGH)
        row, column = divmod(cell, self._stride() or COLUMNS)
        off = self.registers[CURSOR_START] & CURSOR_OFF
        return None if off or row not in range(self._rows()) or column >= self._columns() else (row, column)

    def screen(self) -> list[str]:
        """The rows of text, without the blanks at their ends."""
        cells = self._memory.read(TEXT, TEXT_SIZE)[::2]
        first, stride, columns = self._pair(START_HIGH), self._stride(), self._columns()
        rows = (first + row * stride for row in range(self._rows()))
        return ["".join(GLYPHS[cells[at % CELLS]] for at in range(row, row + columns)).rstrip() for row in rows]

    def port_read(self, port: int, size: int) -> int:
        if port == STATUS_PORT:
            return self._status()
        if port == PORT:
            return self.index
        return self.registers[self.index] if self.index < len(self.registers) else 0

    def port_write(self, port: int, size: int, value: int) -> None:
        if port == PORT:
            self.index = value
        elif port == PORT + 1 and self.index < len(self.registers):
            kept = self._protected()
            self.registers[self.index] = self.registers[self.index] & kept | value & ~kept

    def _protected(self) -> int:
        """Bits of the register chosen that a write does not change."""
        if self.index > OVERFLOW or not self.registers[RETRACE_END] & PROTECT:
            return 0
        return 0xFF & ~LINE_COMPARE_8 if self.index == OVERFLOW else 0xFF

    def _status(self) -> int:
        """Where the beam is. The attribute controller's flip-flop, which a read resets, is not there."""
        line, character = divmod(CHARACTER_CLOCK.ticks(self._clock.now()), self.registers[LINE_TOTAL] + 5)
        line %= self._lines(FRAME_TOTAL, 0x01, 0x20) + 2
        shown = line < self._shown() and character < self._columns()
        since = line - self._lines(RETRACE_START, 0x04, 0x80)
        length = (self.registers[RETRACE_END] - self.registers[RETRACE_START]) % 16 or 16
        return (0 if shown else DISPLAY_OFF) | (VERTICAL_RETRACE if 0 <= since < length else 0)

    def _pair(self, high: int) -> int:
        return self.registers[high] << 8 | self.registers[high + 1]

    def _lines(self, low: int, bit_8: int, bit_9: int) -> int:
        """A count of scan lines: eight bits of its own and two in the overflow register."""
        overflow = self.registers[OVERFLOW]
        return self.registers[low] | bool(overflow & bit_8) << 8 | bool(overflow & bit_9) << 9

    def _shown(self) -> int:
        return self._lines(FRAME_SHOWN, 0x02, 0x40) + 1

    def _columns(self) -> int:
        return self.registers[LINE_SHOWN] + 1

    def _rows(self) -> int:
        return self._shown() // ((self.registers[CELL] & CELL_HEIGHT) + 1)

    def _stride(self) -> int:
        return 2 * self.registers[OFFSET]
