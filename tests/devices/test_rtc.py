"""The MC146818 against its datasheet: time, alarms, the periodic rate table, flags and their clearing."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.devices.rtc import Rtc

from .fakes import FakeClock

SECOND = 10**9
A, B, C, D = 0x0A, 0x0B, 0x0C, 0x0D
SET, PIE, AIE, UIE, BINARY, H24 = 0x80, 0x40, 0x20, 0x10, 0x04, 0x02
IRQF, PF, AF, UF = 0x80, 0x40, 0x20, 0x10


class Board:
    def __init__(self, start: datetime = datetime(2024, 2, 28, 23, 59, 58), **options) -> None:
        self.clock = FakeClock()
        self.irq = self.clock.line()
        self.rtc = Rtc(clock=self.clock, irq=self.irq, start=start, **options)

    def read(self, index: int) -> int:
        self.rtc.port_write(0x70, 1, index)
        return self.rtc.port_read(0x71, 1)

    def write(self, index: int, value: int) -> None:
        self.rtc.port_write(0x70, 1, index)
        self.rtc.port_write(0x71, 1, value)

    def time(self) -> list[int]:
        """Hours, minutes, seconds as they stand in the registers."""
        return [self.read(index) for index in (4, 2, 0)]

    def date(self) -> list[int]:
        """Century, year, month, day, weekday."""
        return [self.read(index) for index in (0x32, 9, 8, 7, 6)]

    def set_alarm(self, hour: int, minute: int, second: int) -> None:
        for index, value in ((5, hour), (3, minute), (1, second)):
            self.write(index, value)


@pytest.fixture
def board() -> Board:
    return Board()


# ---- time ----


def test_power_on_shows_the_start_date_in_bcd_and_24_hours(board):
    assert board.time() == [0x23, 0x59, 0x58]
    assert board.date() == [0x20, 0x24, 0x02, 0x28, 4]  # a Wednesday; Sunday is 1


def test_midnight_carries_into_a_leap_day(board):
    board.clock.advance(2 * SECOND)
    assert board.time() == [0x00, 0x00, 0x00]
    assert board.date() == [0x20, 0x24, 0x02, 0x29, 5]


def test_the_year_carries_into_the_century():
    board = Board(datetime(1999, 12, 31, 23, 59, 59))
    board.clock.advance(SECOND)
    assert board.date() == [0x20, 0x00, 0x01, 0x01, 7]


def test_a_second_shows_at_its_very_nanosecond(board):
    board.clock.advance(SECOND - 1)
    assert board.read(0) == 0x58
    board.clock.advance(1)
    assert board.read(0) == 0x59


def test_binary_mode_keeps_time_in_binary(board):
    board.write(B, H24 | BINARY)
    board.write(0, 58)
    board.write(2, 30)
    board.write(4, 13)
    board.clock.advance(2 * SECOND)
    assert board.time() == [13, 31, 0]


@pytest.mark.parametrize(
    ("before", "after"),
    [(0x11, 0x92), (0x92, 0x81), (0x12, 0x01), (0x91, 0x12)],
    ids=["noon", "12 PM to 1 PM", "12 AM to 1 AM", "midnight"],
)
def test_12_hour_mode_marks_the_afternoon_with_bit_7(board, before, after):
    board.write(B, 0)
    board.write(4, before)
    board.write(2, 0x59)
    board.write(0, 0x59)
    board.clock.advance(SECOND)
    assert board.time() == [after, 0x00, 0x00]


def test_set_holds_the_time_while_the_guest_writes_it(board):
    board.write(B, SET | H24)
    board.clock.advance(10 * SECOND)
    assert board.time() == [0x23, 0x59, 0x58]
    board.write(4, 0x12)
    board.write(B, H24)
    board.clock.advance(SECOND)
    assert board.time() == [0x12, 0x59, 0x59]


def test_the_weekday_is_a_counter_of_its_own(board):
    board.write(6, 7)
    board.clock.advance(2 * SECOND)
    assert board.read(6) == 1


def test_releasing_the_divider_brings_the_first_update_half_a_second_later(board):
    board.write(A, 0x76)
    board.clock.advance(10 * SECOND)
    assert board.read(0) == 0x58
    board.write(A, 0x26)
    board.clock.advance(SECOND // 2 - 1)
    assert board.read(0) == 0x58
    board.clock.advance(1)
    assert board.read(0) == 0x59


def test_choosing_another_rate_does_not_disturb_the_seconds(board):
    board.clock.advance(SECOND // 4)
    board.write(A, 0x2F)
    board.clock.advance_to(SECOND - 1)
    assert board.read(0) == 0x58
    board.clock.advance_to(SECOND)
    assert board.read(0) == 0x59


def test_update_in_progress_warns_244_us_before_the_1984_us_of_an_update(board):
    board.clock.advance(SECOND - 2_228_001)
    assert not board.read(A) & 0x80
    board.clock.advance(1)
    assert board.read(A) & 0x80
    board.clock.advance(2_227_999)
    assert board.read(A) & 0x80
    board.clock.advance(1)
    assert not board.read(A) & 0x80


def test_set_clears_update_in_progress_and_the_update_interrupt_enable(board):
    board.write(B, UIE | H24)
    board.clock.advance(SECOND - 1)
    board.write(B, SET | UIE | H24)
    assert not board.read(A) & 0x80
    assert board.read(B) == SET | H24


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 0x3F), st.integers(0, 255)), max_size=12), st.integers(0, 10**6))
def test_whatever_a_guest_writes_the_clock_goes_on(writes, seconds):
    board = Board()
    for index, value in writes:
        board.write(index, value)
    board.write(A, 0x26)
    board.write(B, AIE | (board.read(B) & (BINARY | H24)))
    board.clock.advance((1 + seconds) * SECOND)
    decode = int if board.read(B) & BINARY else lambda value: int(f"{value:x}")
    assert decode(board.read(0)) < 60
    assert decode(board.read(2)) < 60
    assert 1 <= decode(board.read(7)) <= 31
    assert 1 <= decode(board.read(8)) <= 12
    assert 1 <= board.read(6) <= 7


@settings(max_examples=100)
@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)),
    st.lists(st.integers(1, 40 * 86_400), min_size=1, max_size=3),
)
def test_the_calendar_is_that_of_datetime(start, steps):
    start = start.replace(microsecond=0)
    board = Board(start)
    for step in steps:
        board.clock.advance(step * SECOND)
        board.read(0)
    now = start + timedelta(seconds=sum(steps))
    shown = board.date()[:4] + board.time()
    assert "".join(f"{value:02x}" for value in shown) == now.strftime("%Y%m%d%H%M%S")


# ---- interrupts ----


def test_the_update_interrupt_comes_each_second_once_c_is_read(board):
    board.write(B, UIE | H24)
    for second in (1, 2, 3):
        board.clock.advance_to(second * SECOND)
        assert board.irq.level
        assert board.read(C) & (IRQF | UF) == IRQF | UF
        assert not board.irq.level
    assert board.irq.rises == [SECOND, 2 * SECOND, 3 * SECOND]


def test_the_line_stays_high_and_makes_no_new_edge_until_c_is_read(board):
    board.write(B, UIE | H24)
    board.clock.advance(5 * SECOND)
    assert board.irq.rises == [SECOND]


def test_flags_are_set_without_their_enables_and_a_read_clears_them(board):
    board.clock.advance(SECOND)
    assert board.read(C) == PF | UF
    assert board.read(C) == 0
    assert not board.irq.changes


def test_enabling_a_flag_that_is_already_set_interrupts_at_once(board):
    board.clock.advance(SECOND)
    board.write(B, UIE | H24)
    assert board.irq.rises == [SECOND]


def test_disabling_the_enable_lets_go_of_the_line(board):
    board.write(B, UIE | H24)
    board.clock.advance(SECOND)
    board.write(B, H24)
    assert not board.irq.level


RATES = {
    1: 256, 2: 128, 3: 8192, 4: 4096, 5: 2048, 6: 1024, 7: 512, 8: 256, 9: 128, 10: 64, 11: 32, 12: 16, 13: 8, 14: 4,
    15: 2,
}  # fmt: skip


@pytest.mark.parametrize(("select", "hertz"), RATES.items())
def test_the_periodic_interrupt_has_the_datasheets_rate(board, select, hertz):
    board.write(A, 0x20 | select)
    board.write(B, PIE | H24)
    for tick in range(1, 5):
        board.clock.advance_to(ceil(Fraction(tick * SECOND, hertz)))
        assert board.read(C) & PF
    assert board.irq.rises == [ceil(Fraction(tick * SECOND, hertz)) for tick in range(1, 5)]


def test_rate_0_has_no_periodic_interrupt(board):
    board.write(A, 0x20)
    board.write(B, PIE | H24)
    assert board.clock.idle
    board.clock.advance(3 * SECOND)
    assert not board.read(C) & PF


def test_the_periodic_interrupt_goes_on_while_set_holds_the_time(board):
    board.write(B, SET | PIE | H24)
    board.clock.advance(SECOND // 1024 + 1)
    assert board.irq.level


def test_the_alarm_rings_when_all_three_bytes_match(board):
    board.set_alarm(0x00, 0x01, 0x05)
    board.write(B, AIE | H24)
    board.clock.advance(100 * SECOND)
    assert board.irq.rises == [(2 + 65) * SECOND]
    assert board.read(C) & (IRQF | AF) == IRQF | AF


@pytest.mark.parametrize(
    ("alarm", "rings"),
    [
        ((0xFF, 0xFF, 0xFF), [1, 2, 3]),
        ((0xFF, 0xFF, 0x05), [7, 67, 127]),
        ((0xC0, 0x30, 0x00), [1802, 5402, 9002]),
        ((0x00, 0x00, 0x00), [2, 86402, 172802]),
    ],
    ids=["every second", "every minute", "every hour", "every day"],
)
def test_an_alarm_byte_from_c0_up_matches_everything(board, alarm, rings):
    board.set_alarm(*alarm)
    board.write(B, AIE | H24)
    for second in rings:
        board.clock.advance_to(second * SECOND)
        board.read(C)
    assert board.irq.rises == [second * SECOND for second in rings]


def test_an_alarm_in_12_hour_mode_tells_am_from_pm():
    board = Board(datetime(2024, 1, 1, 0, 0, 0))
    board.write(B, 0)
    board.write(4, 0x12)  # 12 AM
    board.set_alarm(0x81, 0x00, 0x00)
    board.write(B, AIE)
    board.clock.advance(86_400 * SECOND)
    assert board.irq.rises == [13 * 3600 * SECOND]


def test_an_alarm_that_can_never_match_leaves_the_machine_idle(board):
    board.set_alarm(0x55, 0x00, 0x00)
    board.write(B, AIE | H24)
    assert board.clock.idle


def test_a_polling_guest_sees_an_alarm_that_passed_while_it_looked_away(board):
    board.set_alarm(0x00, 0x00, 0x10)
    board.read(C)
    board.clock.advance(1000 * SECOND)
    assert board.read(C) & AF


def test_without_enabled_interrupts_nothing_is_to_come(board):
    assert board.clock.idle


# ---- ports and memory ----


def test_bit_7_of_port_70_masks_nmi_and_is_no_part_of_the_index(board):
    board.write(0x40, 0xA5)
    board.rtc.port_write(0x70, 1, 0xC0)
    assert board.rtc.nmi_masked
    assert board.rtc.port_read(0x71, 1) == 0xA5
    board.rtc.port_write(0x70, 1, 0x40)
    assert not board.rtc.nmi_masked


def test_port_70_reads_as_all_ones(board):
    assert board.rtc.port_read(0x70, 1) == 0xFF


def test_registers_c_and_d_cannot_be_written(board):
    board.write(C, 0xFF)
    board.write(D, 0x00)
    assert board.read(C) == 0
    assert board.read(D) == 0x80


def test_cmos_memory_starts_as_given_and_reset_brings_it_back():
    board = Board(cmos={0x15: 0x80, 0x16: 0x02})
    board.write(0x15, 0)
    board.write(B, PIE | H24)
    board.rtc.reset()
    assert (board.read(0x15), board.read(0x16)) == (0x80, 0x02)
    assert board.read(B) == H24
    assert board.clock.idle
