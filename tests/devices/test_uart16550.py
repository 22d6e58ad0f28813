"""The 16550A against the PC16550D datasheet: registers, FIFO, interrupts and what clears them, loopback, timing."""

from __future__ import annotations

import pytest

from vmm.devices.uart16550 import Uart16550

from .asleep import asleep

DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR = range(8)
FCR = IIR
NONE, MODEM, THRE, RDA, LINE, TIMEOUT = 0x01, 0x00, 0x02, 0x04, 0x06, 0x0C
OUT2, LOOP = 0x08, 0x10

FRAME = 86_806
"""Ten bits at 115200 baud, in nanoseconds: 1 start, 8 data, 1 stop; rounded up."""


class Board:
    """A UART at 115200 baud, 8N1, with OUT2 on."""

    def __init__(self) -> None:
        self.clock = core = asleep()
        self.irq, self.sent = core.irq, core.sent
        self.uart = Uart16550(core.machine, 0, clock=core.clock, irq=core.end, console=True)
        self.program(divisor=1, lcr=0x03)
        self.write(MCR, OUT2)

    def read(self, register: int) -> int:
        return self.uart.port_read(0x3F8 + register, 1)

    def write(self, register: int, value: int) -> None:
        self.uart.port_write(0x3F8 + register, 1, value)

    def program(self, *, divisor: int, lcr: int) -> None:
        self.write(LCR, 0x80 | lcr)
        self.write(0, divisor & 0xFF)
        self.write(1, divisor >> 8)
        self.write(LCR, lcr)

    def receive(self, data: bytes) -> None:
        """Let bytes arrive, and stop the clock at the nanosecond the last one is there."""
        start = self.clock.time
        self.uart.receive(data)
        self.clock.advance_to(start + len(data) * FRAME)


@pytest.fixture
def board() -> Board:
    return Board()


# ---- registers ----


def test_dlab_puts_the_divisor_in_front_of_data_and_interrupt_enable(board):
    board.write(IER, 0x05)
    board.write(LCR, 0x83)
    board.write(0, 0x34)
    board.write(1, 0x12)
    assert (board.read(0), board.read(1)) == (0x34, 0x12)
    board.write(LCR, 0x03)
    assert board.read(IER) == 0x05
    assert not board.sent


def test_bits_that_do_not_exist_read_as_zero(board):
    board.write(IER, 0xFF)
    board.write(MCR, 0xFF)
    assert board.read(IER) == 0x0F
    assert board.read(MCR) == 0x1F


def test_line_control_and_scratch_read_back(board):
    board.write(LCR, 0x1B)
    board.write(SCR, 0xA5)
    assert (board.read(LCR), board.read(SCR)) == (0x1B, 0xA5)


def test_writing_line_or_modem_status_changes_nothing(board):
    board.write(LSR, 0xFF)
    board.write(MSR, 0xFF)
    assert board.read(LSR) == 0x60
    assert board.read(MSR) == 0xB0


def test_iir_shows_the_fifos_only_while_they_are_enabled(board):
    assert board.read(IIR) == NONE
    board.write(FCR, 0x01)
    assert board.read(IIR) == 0xC0 | NONE
    board.write(FCR, 0x00)
    assert board.read(IIR) == NONE


# ---- sending ----


def test_a_byte_is_out_at_once_and_the_transmitter_empty(board):
    for byte in b"hello":
        assert board.read(LSR) & 0x60 == 0x60
        board.write(DATA, byte)
    assert board.sent == b"hello"


def test_enabling_the_thre_interrupt_with_an_empty_thr_interrupts(board):
    board.write(IER, 0x02)
    assert board.irq.level
    assert board.read(IIR) == THRE


def test_reading_iir_clears_a_thre_interrupt_that_it_shows(board):
    board.write(IER, 0x02)
    board.read(IIR)
    assert not board.irq.level
    assert board.read(IIR) == NONE


def test_reading_iir_keeps_a_thre_interrupt_behind_a_higher_one(board):
    board.write(IER, 0x03)
    board.receive(b"x")
    assert board.read(IIR) == RDA
    board.read(DATA)
    assert board.read(IIR) == THRE


def test_each_byte_sent_makes_a_thre_edge_of_its_own(board):
    board.write(IER, 0x02)
    board.write(DATA, 0x41)
    board.write(DATA, 0x42)
    assert len(board.irq.rises) == 3
    assert board.irq.level


def test_writing_the_enable_again_while_it_is_set_does_not_interrupt(board):
    board.write(IER, 0x02)
    board.read(IIR)
    board.write(IER, 0x03)
    assert not board.irq.level
    board.write(IER, 0x01)
    board.write(IER, 0x03)
    assert board.irq.level


# ---- receiving ----


def test_without_a_fifo_a_byte_interrupts_until_it_is_read(board):
    board.write(IER, 0x01)
    board.receive(b"A")
    assert board.irq.level
    assert board.read(IIR) == RDA
    assert board.read(LSR) & 0x01
    assert board.read(DATA) == 0x41
    assert not board.irq.level
    assert not board.read(LSR) & 0x01


@pytest.mark.parametrize(
    ("divisor", "lcr", "frame_ns"),
    [
        (1, 0x03, 86_806),  # 8N1: 10 bits at 115200
        (12, 0x03, 1_041_667),  # 10 bits at 9600
        (1, 0x0F, 104_167),  # 8 bits, parity, 2 stop bits: 12
        (1, 0x04, 65_105),  # 5 bits, 1.5 stop bits: 7.5
        (0x180, 0x02, 30_000_000),  # 7N1: 9 bits at 300
    ],
)
def test_a_byte_takes_the_time_of_its_frame(board, divisor, lcr, frame_ns):
    board.program(divisor=divisor, lcr=lcr)
    board.write(IER, 0x01)
    board.clock.advance(1000)
    board.uart.receive(b"A")
    board.clock.advance(10**9)
    assert board.irq.rises == [1000 + frame_ns]


def test_bytes_arrive_one_frame_after_another_also_when_given_in_pieces(board):
    board.write(IER, 0x01)
    board.write(FCR, 0x01)
    board.uart.receive(b"ab")
    board.clock.advance(FRAME // 2)
    board.uart.receive(b"c")
    seen = []
    for arrivals in (1, 2, 3):
        board.clock.advance_to(arrivals * FRAME)
        seen.append(board.read(DATA))
        assert not board.irq.level
    assert bytes(seen) == b"abc"
    assert board.irq.rises == [FRAME, 2 * FRAME, 3 * FRAME]


def test_receiving_nothing_leaves_nothing_to_come(board):
    board.uart.receive(b"")
    assert board.clock.idle


def test_an_overrun_without_a_fifo_loses_the_older_byte(board):
    board.receive(b"ab")
    assert board.read(LSR) & 0x03 == 0x03
    assert board.read(DATA) == ord("b")


def test_an_overrun_with_a_fifo_loses_the_newest_byte(board):
    board.write(FCR, 0x01)
    board.receive(bytes(range(16)))
    assert not board.read(LSR) & 0x02
    board.receive(b"\xff")
    assert board.read(LSR) & 0x02
    assert [board.read(DATA) for _ in range(16)] == list(range(16))
    assert not board.read(LSR) & 0x01


def test_reading_line_status_clears_the_overrun_and_its_interrupt(board):
    board.write(IER, 0x04)
    board.receive(b"ab")
    assert board.read(IIR) == LINE
    board.read(LSR)
    assert not board.irq.level
    assert not board.read(LSR) & 0x02


@pytest.mark.parametrize(("fcr", "level"), [(0x01, 1), (0x41, 4), (0x81, 8), (0xC1, 14)])
def test_the_fifo_interrupts_at_its_trigger_level_and_stops_below_it(board, fcr, level):
    board.write(FCR, fcr)
    board.write(IER, 0x01)
    board.receive(bytes(level))
    assert board.irq.rises == [level * FRAME]
    assert board.read(IIR) == 0xC0 | RDA
    board.read(DATA)
    assert not board.irq.level


def test_four_character_times_of_silence_below_the_trigger_time_out(board):
    board.write(FCR, 0xC1)
    board.write(IER, 0x01)
    board.receive(b"ab")
    board.clock.advance(4 * FRAME)
    assert board.irq.rises == [2 * FRAME + 347_223]  # 40 bits at 115200 baud
    assert board.read(IIR) == 0xC0 | TIMEOUT


def test_a_read_clears_the_timeout_and_starts_it_over_while_bytes_remain(board):
    board.write(FCR, 0xC1)
    board.write(IER, 0x01)
    board.receive(b"ab")
    board.clock.advance(10 * FRAME)
    board.read(DATA)
    assert not board.irq.level
    board.clock.advance(4 * FRAME)
    assert board.read(IIR) == 0xC0 | TIMEOUT
    board.read(DATA)
    assert board.clock.idle
    assert board.read(IIR) == 0xC0 | NONE


def test_without_a_fifo_there_is_no_timeout(board):
    board.receive(b"a")
    assert board.clock.idle


@pytest.mark.parametrize("fcr", [0x03, 0x00], ids=["receiver reset", "fifos off"])
def test_clearing_the_fifo_takes_its_bytes_and_its_interrupts(board, fcr):
    board.write(FCR, 0x01)
    board.write(IER, 0x01)
    board.receive(b"abc")
    board.write(FCR, fcr)
    assert not board.irq.level
    assert not board.read(LSR) & 0x01
    assert board.clock.idle


def test_fcr_bits_are_ignored_without_the_enable(board):
    board.receive(b"a")
    board.write(FCR, 0xC2)
    assert board.read(DATA) == ord("a")


# ---- priorities and the interrupt line ----


def test_interrupts_come_in_the_order_of_the_datasheets_table(board):
    board.write(FCR, 0x41)
    board.receive(bytes(17))
    board.clock.advance(5 * FRAME)
    board.write(MCR, 0)
    board.uart.set_modem_inputs(0)
    board.write(MCR, OUT2)
    board.write(IER, 0x0F)
    order = []
    order.append(board.read(IIR) & 0x0F)
    board.read(LSR)
    order.append(board.read(IIR) & 0x0F)
    for _ in range(13):
        board.read(DATA)
    board.clock.advance(4 * FRAME)
    order.append(board.read(IIR) & 0x0F)
    for _ in range(3):
        board.read(DATA)
    order.append(board.read(IIR) & 0x0F)
    order.append(board.read(IIR) & 0x0F)
    board.read(MSR)
    order.append(board.read(IIR) & 0x0F)
    assert order == [LINE, RDA, TIMEOUT, THRE, MODEM, NONE]


def test_out2_connects_the_line(board):
    board.write(MCR, 0)
    board.write(IER, 0x02)
    assert not board.irq.level
    board.write(MCR, OUT2)
    assert board.irq.level


def test_receiver_and_transmitter_interrupts_go_on_in_loopback(board):
    board.write(MCR, OUT2 | LOOP)
    board.write(IER, 0x02)
    assert board.read(IIR) == THRE
    assert not board.irq.level
    board.write(IER, 0x01)
    board.write(DATA, 0x5A)
    assert board.irq.level
    assert board.read(IIR) == RDA


# ---- modem and loopback ----


def test_modem_inputs_set_their_deltas_until_modem_status_is_read(board):
    board.write(IER, 0x08)
    board.uart.set_modem_inputs(0x80)  # CTS and DSR drop, DCD stays
    assert board.read(IIR) == MODEM
    assert board.read(MSR) == 0x83
    assert not board.irq.level
    assert board.read(MSR) == 0x80


def test_ring_counts_when_it_ends(board):
    board.uart.set_modem_inputs(0xF0)
    assert board.read(MSR) == 0xF0
    board.uart.set_modem_inputs(0xB0)
    assert board.read(MSR) == 0xB4


@pytest.mark.parametrize(("mcr", "msr"), [(0x01, 0x20), (0x02, 0x10), (0x04, 0x40), (0x08, 0x80)])
def test_in_loopback_each_modem_output_is_an_input(board, mcr, msr):
    board.write(MCR, LOOP | mcr)
    assert board.read(MSR) & 0xF0 == msr


def test_in_loopback_what_is_sent_is_received_and_nothing_else(board):
    board.write(MCR, LOOP)
    board.uart.receive(b"x")
    board.write(DATA, 0x5A)
    assert board.read(DATA) == 0x5A
    board.clock.advance(2 * FRAME)
    assert not board.read(LSR) & 0x01
    assert not board.sent


def test_reset_empties_everything_and_lets_go_of_the_line(board):
    board.write(FCR, 0x01)
    board.write(IER, 0x03)
    board.receive(b"a")
    board.uart.receive(b"bcd")
    board.uart.reset()
    assert not board.irq.level
    assert board.clock.idle
    assert [board.read(register) for register in (IER, IIR, LCR, MCR, LSR, MSR)] == [0, NONE, 0, 0, 0x60, 0xB0]
