"""The PL011 against its manual (DDI0183): registers, FIFO, interrupts and what clears them, loopback, timing."""

from __future__ import annotations

import pytest

from vmm.devices.pl011 import Pl011

from .asleep import asleep

BASE = 0x09000000
DR, RSR, FR, ILPR, IBRD, FBRD, LCR_H = 0x00, 0x04, 0x18, 0x20, 0x24, 0x28, 0x2C
CR, IFLS, IMSC, RIS, MIS, ICR, DMACR = 0x30, 0x34, 0x38, 0x3C, 0x40, 0x44, 0x48
RI, CTS, DCD, DSR, RX, TX, RT, OE = 0x001, 0x002, 0x004, 0x008, 0x010, 0x020, 0x040, 0x400
WORDS_OF_8, FIFO = 0x60, 0x10
ENABLED, LOOP = 0x301, 0x080

FRAME = 86_771
"""Ten bits of 833/96 us (24 MHz / 16 / (13 + 1/64) is 115246 baud), in nanoseconds, rounded up."""
TIMEOUT = 277_667
"""32 such bits."""


class Board:
    """A UART at 115200 baud, 8N1, FIFO on, all of it enabled."""

    def __init__(self) -> None:
        self.clock = core = asleep()
        self.irq, self.sent = core.irq, core.sent
        self.uart = Pl011(core.machine, clock=core.clock, irq=core.end, console=True)
        self.program(ibrd=13, fbrd=1, lcr=WORDS_OF_8 | FIFO)
        self.write(CR, ENABLED)

    def read(self, register: int, size: int = 4) -> int:
        return self.uart.mmio_read(BASE + register, size)

    def write(self, register: int, value: int, size: int = 4) -> None:
        self.uart.mmio_write(BASE + register, size, value)

    def program(self, *, ibrd: int, fbrd: int, lcr: int) -> None:
        self.write(IBRD, ibrd)
        self.write(FBRD, fbrd)
        self.write(LCR_H, lcr)

    def receive(self, data: bytes) -> None:
        """Let bytes arrive, and stop the clock at the nanosecond the last one is there."""
        start = self.clock.time
        self.uart.receive(data)
        self.clock.advance_to(start + len(data) * FRAME)


@pytest.fixture
def board() -> Board:
    return Board()


# ---- registers ----


def test_reset_values_are_the_manuals(board):
    board.uart.reset()
    registers = (RSR, ILPR, IBRD, FBRD, LCR_H, CR, IFLS, IMSC, RIS, MIS, DMACR)
    assert [board.read(register) for register in registers] == [0, 0, 0, 0, 0, 0x300, 0x12, 0, 0, 0, 0]
    assert board.read(FR) & 0xF8 == 0x90


def test_identification_is_that_of_a_pl011_of_revision_1(board):
    assert [board.read(0xFE0 + 4 * n) for n in range(8)] == [0x11, 0x10, 0x14, 0x00, 0x0D, 0xF0, 0x05, 0xB1]


@pytest.mark.parametrize(
    ("register", "bits"),
    [
        (ILPR, 0xFF),
        (IBRD, 0xFFFF),
        (FBRD, 0x3F),
        (LCR_H, 0xFF),
        (CR, 0xFF87),
        (IFLS, 0x3F),
        (IMSC, 0x7FF),
        (DMACR, 0x07),
    ],
)
def test_a_register_keeps_the_bits_it_has(board, register, bits):
    board.write(register, 0xFFFFFFFF)
    assert board.read(register) == bits
    board.write(register, 0)
    assert board.read(register) == 0


@pytest.mark.parametrize("register", [FR, RIS, MIS, 0xFE0, 0xFFC])
def test_read_only_registers_ignore_writes(board, register):
    before = board.read(register)
    board.write(register, 0xDEADBEEF)
    assert board.read(register) == before


@pytest.mark.parametrize("register", [ICR, 0x08, 0x80, 0x8C, 0xFDC])
def test_what_cannot_be_read_is_zero(board, register):
    board.write(register, 0xFFFFFFFF)
    assert board.read(register) == 0


# ---- sending ----


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_byte_is_out_at_once_and_the_transmitter_empty(board, size):
    for byte in b"hello":
        assert board.read(FR) & 0xA8 == 0x80  # empty, neither full nor busy
        board.write(DR, byte, size)
    assert board.sent == b"hello"


def test_a_guest_that_sets_nothing_up_is_heard(board):
    board.uart.reset()
    board.write(DR, 0x41)
    assert board.sent == b"A"


def test_the_transmit_interrupt_marks_a_transition_and_not_an_empty_transmitter(board):
    board.write(IMSC, TX)
    assert not board.irq.level
    board.write(DR, 0x41)
    assert board.irq.level
    assert (board.read(RIS), board.read(MIS)) == (TX, TX)


def test_the_transmit_interrupt_waits_for_its_mask(board):
    board.write(DR, 0x41)
    assert (board.read(RIS), board.read(MIS)) == (TX, 0)
    assert not board.irq.level
    board.write(IMSC, TX)
    assert board.irq.level


def test_clearing_the_transmit_interrupt_holds_until_the_next_byte(board):
    board.write(IMSC, TX)
    board.write(DR, 0x41)
    board.write(ICR, TX)
    assert not board.irq.level
    board.write(IMSC, 0)
    board.write(IMSC, TX)
    assert not board.irq.level
    board.write(DR, 0x42)
    assert board.irq.level


def test_each_byte_sent_makes_an_edge_of_its_own(board):
    board.write(IMSC, TX)
    for byte in b"abc":
        board.write(DR, byte)
    assert len(board.irq.rises) == 3


# ---- receiving ----


def test_without_a_fifo_a_byte_interrupts_until_it_is_read(board):
    board.write(LCR_H, WORDS_OF_8)
    board.write(IMSC, RX)
    assert board.read(FR) & 0x50 == 0x10
    board.receive(b"A")
    assert board.irq.rises == [FRAME]
    assert board.read(FR) & 0x50 == 0x40
    assert board.read(DR) == 0x41
    assert not board.irq.level
    assert board.read(FR) & 0x50 == 0x10


@pytest.mark.parametrize(
    ("ibrd", "fbrd", "lcr", "frame_ns"),
    [
        (13, 1, 0x60, 86_771),  # 8N1: 10 bits of 833/96 us
        (156, 16, 0x60, 1_041_667),  # 10 bits at 9600 baud
        (13, 1, 0x6A, 104_125),  # 8 bits, parity, 2 stop bits: 12
        (1, 0, 0x00, 4_667),  # 5 bits, 1 stop bit: 7 at 1.5 Mbaud, the fastest
        (0, 63, 0x60, 6_667),  # an integer part of 0 is not allowed: 10 bits at the fastest
        (65535, 63, 0x60, 436_900_000),  # and no fraction above 65535: 10 bits of 65535 * 16 cycles
    ],
)
def test_a_byte_takes_the_time_of_its_frame(board, ibrd, fbrd, lcr, frame_ns):
    board.program(ibrd=ibrd, fbrd=fbrd, lcr=lcr)
    board.write(IMSC, RX)
    board.clock.advance(1000)
    board.uart.receive(b"A")
    board.clock.advance(10**9)
    assert board.irq.rises == [1000 + frame_ns]


def test_the_divisor_counts_from_the_write_of_line_control_on(board):
    board.write(LCR_H, WORDS_OF_8)
    board.write(IMSC, RX)
    board.write(IBRD, 156)
    board.write(FBRD, 16)
    board.receive(b"A")
    assert board.irq.rises == [FRAME]
    board.read(DR)
    board.write(LCR_H, WORDS_OF_8)
    board.uart.receive(b"B")
    board.clock.advance(2 * 10**6)
    assert board.irq.rises == [FRAME, FRAME + 1_041_667]


def test_bytes_arrive_one_frame_after_another_also_when_given_in_pieces(board):
    board.write(LCR_H, WORDS_OF_8)
    board.write(IMSC, RX)
    board.uart.receive(b"ab")
    board.clock.advance(FRAME // 2)
    board.uart.receive(b"c")
    seen = []
    for arrivals in (1, 2, 3):
        board.clock.advance_to(arrivals * FRAME)
        seen.append(board.read(DR))
    assert bytes(seen) == b"abc"
    assert board.irq.rises == [FRAME, 2 * FRAME, 3 * FRAME]


def test_receiving_nothing_leaves_nothing_to_come(board):
    board.uart.receive(b"")
    assert board.clock.idle


@pytest.mark.parametrize(
    ("ifls", "level"), [(0x00, 2), (0x08, 4), (0x10, 8), (0x18, 12), (0x20, 14), (0x28, 14), (0x38, 14)]
)
def test_the_fifo_interrupts_at_its_trigger_level_and_stops_below_it(board, ifls, level):
    board.write(IFLS, ifls)
    board.write(IMSC, RX)
    board.receive(bytes(level + 1))
    assert board.irq.rises == [level * FRAME]
    board.read(DR)
    assert board.irq.level
    board.read(DR)
    assert not board.irq.level


def test_a_cleared_receive_interrupt_comes_again_when_the_level_is_reached_again(board):
    board.write(IFLS, 0x00)
    board.write(IMSC, RX)
    board.receive(b"ab")
    board.write(ICR, RX)
    board.receive(b"c")
    assert not board.irq.level
    for _ in range(2):
        board.read(DR)
    board.receive(b"d")
    assert board.irq.level


def test_32_bits_of_silence_below_the_trigger_time_out(board):
    board.write(IMSC, RX | RT)
    board.receive(b"ab")
    board.clock.advance(10**9)
    assert board.irq.rises == [2 * FRAME + TIMEOUT]
    assert board.read(MIS) == RT


def test_a_byte_that_comes_puts_the_timeout_off(board):
    board.write(IMSC, RT)
    board.receive(b"a")
    board.clock.advance(100_000)
    board.receive(b"b")
    board.clock.advance(TIMEOUT)
    assert board.irq.rises == [FRAME + 100_000 + FRAME + TIMEOUT]


def test_the_timeout_stands_until_the_fifo_is_empty(board):
    board.write(IMSC, RT)
    board.receive(b"ab")
    board.clock.advance(TIMEOUT)
    board.read(DR)
    assert board.irq.level
    board.read(DR)
    assert not board.irq.level
    assert board.clock.idle


def test_a_cleared_timeout_comes_again_if_bytes_stay(board):
    board.write(IMSC, RT)
    board.receive(b"a")
    board.clock.advance(TIMEOUT)
    board.write(ICR, RT)
    assert not board.irq.level
    board.clock.advance(TIMEOUT)
    assert board.irq.rises == [FRAME + TIMEOUT, FRAME + 2 * TIMEOUT]


def test_reading_the_fifo_empty_before_the_timeout_calls_it_off(board):
    board.receive(b"a")
    assert board.read(DR) == ord("a")
    assert board.clock.idle


def test_an_overrun_loses_the_newest_byte_and_the_next_that_finds_room_tells(board):
    board.write(IMSC, OE)
    board.receive(bytes(range(16)))
    assert not board.irq.level
    assert board.read(FR) & 0x40
    board.receive(b"\xee")
    assert board.irq.rises == [17 * FRAME]
    assert board.read(RSR) == 0x8
    assert board.read(DR) == 0
    board.receive(b"\x77\x78")
    assert [board.read(DR) for _ in range(17)] == [*range(1, 16), 0x877, 0x877]


def test_an_overrun_without_a_fifo_keeps_the_older_byte(board):
    board.write(LCR_H, WORDS_OF_8)
    board.receive(b"ab")
    assert board.read(RIS) == RX | OE
    assert board.read(DR) == ord("a")


def test_the_overrun_status_goes_with_a_write_to_ecr_and_its_interrupt_with_icr(board):
    board.write(LCR_H, WORDS_OF_8)
    board.receive(b"ab")
    board.write(ICR, OE)
    assert (board.read(RSR), board.read(RIS) & OE) == (0x8, 0)
    board.write(RSR, 0)
    assert board.read(RSR) == 0


@pytest.mark.parametrize("fifo", [True, False])
def test_switching_the_fifo_empties_it_and_takes_its_interrupts(board, fifo):
    board.write(LCR_H, WORDS_OF_8 | (0 if fifo else FIFO))
    board.write(IMSC, RX | RT)
    board.receive(bytes(8))
    board.clock.advance(TIMEOUT)
    assert board.irq.level
    board.write(LCR_H, WORDS_OF_8 | (FIFO if fifo else 0))
    assert not board.irq.level
    assert board.read(FR) & 0x10
    assert board.clock.idle


# ---- modem and loopback ----


def test_the_modem_is_ready(board):
    assert board.read(FR) & 0x107 == 0x007


@pytest.mark.parametrize(("signals", "flags", "interrupt"), [(6, 6, CTS), (5, 5, DSR), (3, 3, DCD), (0x107, 0x107, RI)])
def test_a_change_of_a_modem_input_interrupts_until_cleared(board, signals, flags, interrupt):
    board.write(IMSC, 0x00F)
    board.uart.set_modem_inputs(signals)
    assert board.read(FR) & 0x107 == flags
    assert board.read(MIS) == interrupt
    board.write(ICR, interrupt)
    assert not board.irq.level


@pytest.mark.parametrize(
    ("output", "flag"),
    [(0x0400, 0x002), (0x0800, 0x001), (0x1000, 0x004), (0x2000, 0x100)],
    ids=["DTR", "RTS", "1", "2"],
)
def test_in_loopback_each_modem_output_is_an_input(board, output, flag):
    board.write(CR, ENABLED | LOOP | output)
    assert board.read(FR) & 0x107 == flag


def test_in_loopback_what_is_sent_is_received_and_nothing_else(board):
    board.write(CR, ENABLED | LOOP)
    board.uart.receive(b"x")
    board.write(DR, 0x5A)
    assert board.read(DR) == 0x5A
    board.clock.advance(2 * FRAME)
    assert board.read(FR) & 0x10
    assert not board.sent


def test_reset_empties_everything_and_lets_go_of_the_line(board):
    board.write(IMSC, TX)
    board.write(DR, 0x41)
    board.receive(b"a")
    board.uart.receive(b"bcd")
    board.uart.reset()
    assert not board.irq.level
    assert board.clock.idle
    assert board.read(FR) & 0x50 == 0x10
    assert board.read(RIS) == 0
