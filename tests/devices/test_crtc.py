"""The display against IBM's VGA reference: mode 3's registers, where the text is, when the beam returns.

A character of nine dots at 28.322 MHz takes 317.77 ns. In mode 3 a line has 100 of them, 80 shown, and takes 31.777 us;
a frame has 449 lines, 400 shown, vertical retrace in lines 412 and 413, and takes 14.268 ms: 70 a second.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from vmm.devices.crtc import Crtc

from .fakes import FakeClock

TEXT = 0xB8000
LINE_NS = 31_777
SHOWN, HIDDEN, RETRACE = 0, 1, 9


class Ram:
    """The display's 32 KiB."""

    def __init__(self) -> None:
        self.cells = bytearray(0x8000)

    def read(self, address: int, size: int) -> bytes:
        return bytes(self.cells[address - TEXT : address - TEXT + size])

    def write(self, address: int, data: bytes) -> None:
        self.cells[address - TEXT : address - TEXT + len(data)] = data


class Display:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.ram = Ram()
        self.crtc = Crtc(clock=self.clock, memory=self.ram)
        self.crtc.clear()

    def __getitem__(self, register: int) -> int:
        self.crtc.port_write(0x3D4, 1, register)
        return self.crtc.port_read(0x3D5, 1)

    def __setitem__(self, register: int, value: int) -> None:
        self.crtc.port_write(0x3D4, 1, register)
        self.crtc.port_write(0x3D5, 1, value)

    def put(self, cell: int, text: bytes) -> None:
        for n, character in enumerate(text):
            self.ram.cells[2 * (cell + n) % 0x8000] = character

    def status(self, ns: int) -> int:
        self.clock.advance_to(ns)
        return self.crtc.port_read(0x3DA, 1)


@pytest.fixture
def display() -> Display:
    return Display()


def test_firmware_leaves_mode_3_and_a_blank_screen(display):
    """As SeaBIOS 1.16 leaves the registers on QEMU's pc, but for the cursor's place behind its own messages."""
    registers = "5f 4f 50 82 55 81 bf 1f 00 4f 0d 0e 00 00 00 00 9c 8e 8f 28 1f 96 b9 a3 ff"
    assert bytes(display[n] for n in range(25)) == bytes.fromhex(registers)
    assert display.crtc.screen() == [""] * 25
    assert display.ram.cells == b"\x20\x07" * 0x4000


def test_the_index_reads_back_and_what_is_no_register_reads_as_zero(display):
    display.crtc.port_write(0x3D4, 1, 0x0E)
    assert display.crtc.port_read(0x3D4, 1) == 0x0E
    for index in (0x19, 0x40, 0xFF):
        display[index] = 0x55
        assert display[index] == 0


def test_rows_are_80_characters_of_two_bytes_and_end_with_their_last_one(display):
    display.put(0, b"first")
    display.put(80 + 3, b"second  ")
    display.put(24 * 80 + 79, b"!")
    assert display.crtc.screen() == ["first", "   second", *[""] * 22, " " * 79 + "!"]


def test_every_code_is_one_character_of_code_page_437(display):
    display.put(0, b"a\x00b\x01\x1b\x7f\x80\xb0\xc9\xe1\xfec\xff")
    assert display.crtc.screen()[0] == "a b☺←⌂Ç░╔ß■c"


def test_the_start_address_scrolls_and_wraps_in_32_kib(display):
    display.put(80, b"second row")
    display[0x0D] = 80
    assert display.crtc.screen()[0] == "second row"
    display[0x0C], display[0x0D] = 0x3F, 0xB0  # 80 cells before the end
    display.put(0, b"behind the end")
    assert display.crtc.screen()[1] == "behind the end"


def test_the_geometry_is_the_registers(display):
    """Cells of 8 lines: 50 rows; 40 columns; 64 cells from row to row."""
    display[0x09] = 0x47
    assert len(display.crtc.screen()) == 50
    display[0x13] = 32
    display.put(64, b"x" * 80)
    assert display.crtc.screen()[1:3] == ["x" * 80, "x" * 16]
    display[0x11] = 0x0E
    display[0x01] = 39
    assert display.crtc.screen()[1] == "x" * 40


def test_the_cursor_is_a_cell_from_the_start_of_the_text(display):
    assert display.crtc.cursor == (0, 0)
    display[0x0E], display[0x0F] = 0x07, 0xCF
    assert display.crtc.cursor == (24, 79)
    display[0x0D] = 80
    assert display.crtc.cursor == (23, 79)
    display[0x0E], display[0x0F] = 0x08, 0x20
    assert display.crtc.cursor is None  # a row below the last
    display[0x0E], display[0x0F] = 0x07, 0xCF
    display[0x0A] = 0x2D
    assert display.crtc.cursor is None  # switched off


def test_registers_0_to_7_are_protected_but_for_bit_8_of_the_line_compare(display):
    display[0x00], display[0x06], display[0x07] = 0, 0, 0
    assert (display[0x00], display[0x06], display[0x07]) == (0x5F, 0xBF, 0x0F)
    display[0x08] = 0x60
    assert display[0x08] == 0x60
    display[0x11] = 0x0E
    display[0x00] = 0x60
    assert display[0x00] == 0x60


@pytest.mark.parametrize(
    ("line", "character", "status"),
    [
        (0, 0, SHOWN), (0, 79, SHOWN), (0, 80, HIDDEN), (0, 99, HIDDEN), (1, 0, SHOWN), (399, 79, SHOWN),
        (400, 0, HIDDEN), (411, 99, HIDDEN), (412, 0, RETRACE), (413, 99, RETRACE), (414, 0, HIDDEN),
        (448, 99, HIDDEN), (449, 0, SHOWN), (449 + 412, 50, RETRACE),
    ],
)  # fmt: skip
def test_bit_0_is_set_where_nothing_is_shown_and_bit_3_in_vertical_retrace(display, line, character, status):
    ns = (line * 100 + character) * 9 * 10**9 // 28_322_000 + 100
    assert display.status(ns) == status


def test_a_guest_that_waits_for_retrace_sees_it_begin_70_times_a_second(display):
    seen = [display.status(ns) == RETRACE for ns in range(0, 10**9, LINE_NS)]
    assert sum(now and not before for before, now in pairwise(seen)) == 70


def test_no_value_of_a_register_can_stop_it(display):
    """A guest's numbers are never trusted."""
    display[0x11] = 0
    for value in (0x00, 0xFF):
        for register in range(25):
            if register != 0x11:
                display[register] = value
        assert display.status(10**9) & ~9 == 0
        assert len(display.crtc.screen()) <= 1024
        assert display.crtc.cursor is None or len(display.crtc.cursor) == 2


def test_reset_is_mode_3(display):
    display[0x0D] = 80
    display.crtc.reset()
    assert display[0x0D] == 0
