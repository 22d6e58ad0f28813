"""The PL031 against its manual (DDI0224), in the order of the checks of kvm-unit-tests' arm/pl031.c first."""

from __future__ import annotations

from datetime import datetime

import pytest

from vmm.devices.pl031 import Pl031

from .fakes import FakeClock

BASE = 0x09010000
DR, MR, LR, CR, IMSC, RIS, MIS, ICR = range(0, 0x20, 4)
SECOND = 10**9
NEW_YEAR_2024 = 1_704_067_200
"""date -u -d 2024-01-01 +%s"""


class Board:
    def __init__(self, **options) -> None:
        self.clock = FakeClock()
        self.irq = self.clock.line()
        self.rtc = Pl031(clock=self.clock, irq=self.irq, **options)

    def read(self, register: int, size: int = 4) -> int:
        return self.rtc.mmio_read(BASE + register, size)

    def write(self, register: int, value: int, size: int = 4) -> None:
        self.rtc.mmio_write(BASE + register, size, value)


@pytest.fixture
def board() -> Board:
    return Board()


def test_identification_is_a_pl031s(board):
    assert [board.read(0xFE0 + 4 * n) for n in range(8)] == [0x31, 0x10, 0x14, 0x00, 0x0D, 0xF0, 0x05, 0xB1]


@pytest.mark.parametrize("register", [RIS, MIS, *range(0xFE0, 0x1000, 4)])
def test_read_only_registers_ignore_writes_of_every_width(board, register):
    before = board.read(register)
    for size, value in ((1, 0xEF), (2, 0xBEEF), (4, 0xDEADBEEF)):
        board.write(register, value, size)
    assert board.read(register) == before


def test_the_count_is_unix_time_from_the_start_date_at_one_a_second(board):
    assert board.read(DR) == NEW_YEAR_2024
    board.clock.advance(2 * SECOND - 1)
    assert board.read(DR) == NEW_YEAR_2024 + 1
    board.clock.advance(1)
    assert board.read(DR) == NEW_YEAR_2024 + 2


def test_the_start_date_may_be_another():
    assert Board(start=datetime(1970, 1, 2)).read(DR) == 86_400


def test_a_match_is_seen_raw_and_reaches_the_line_once_the_mask_lets_it(board):
    board.write(MR, NEW_YEAR_2024 + 1)
    board.clock.advance(2 * SECOND)
    assert not board.irq.level
    assert (board.read(RIS), board.read(MIS)) == (1, 0)
    board.write(IMSC, 1)
    assert board.irq.level
    assert (board.read(RIS), board.read(MIS)) == (1, 1)
    board.write(ICR, 1)
    assert not board.irq.level
    assert (board.read(RIS), board.read(MIS)) == (0, 0)


def test_an_enabled_match_interrupts_at_its_exact_nanosecond_once(board):
    board.clock.advance(SECOND // 3)
    board.write(IMSC, 1)
    board.write(MR, NEW_YEAR_2024 + 3)
    board.clock.advance(10 * SECOND)
    assert board.irq.rises == [3 * SECOND]
    board.write(ICR, 1)
    board.clock.advance(10 * SECOND)
    assert board.irq.rises == [3 * SECOND]


def test_looking_every_second_brings_the_match_no_nearer(board):
    board.write(MR, NEW_YEAR_2024 + 4)
    seen = []
    for _ in range(5):
        board.clock.advance(SECOND)
        seen.append(board.read(RIS))
    assert seen == [0, 0, 0, 1, 1]


def test_a_match_register_set_to_the_present_matches_now(board):
    board.write(MR, NEW_YEAR_2024)
    assert board.read(RIS) == 1


def test_the_past_matches_when_the_counter_has_gone_round(board):
    board.write(LR, 0xFFFFFFFE)
    board.write(MR, 0)
    board.write(IMSC, 1)
    board.clock.advance(3 * SECOND)
    assert board.irq.rises == [2 * SECOND]
    assert board.read(DR) == 1


def test_the_load_register_sets_the_count_and_reads_back(board):
    board.clock.advance(5 * SECOND + SECOND // 2)
    board.write(LR, 1000)
    assert (board.read(DR), board.read(LR)) == (1000, 1000)
    board.clock.advance(SECOND // 2)
    assert (board.read(DR), board.read(LR)) == (1001, 1000)


def test_loading_moves_the_match(board):
    board.write(MR, 500)
    board.write(IMSC, 1)
    board.write(LR, 498)
    board.clock.advance(5 * SECOND)
    assert board.irq.rises == [2 * SECOND]


def test_a_match_that_was_passed_before_loading_is_not_lost(board):
    board.write(MR, NEW_YEAR_2024 + 1)
    board.clock.advance(2 * SECOND)
    board.write(LR, 0)
    assert board.read(RIS) == 1


def test_the_clock_runs_and_cannot_be_stopped(board):
    board.write(CR, 0)
    assert board.read(CR) == 1
    board.clock.advance(SECOND)
    assert board.read(DR) == NEW_YEAR_2024 + 1


def test_nothing_is_due_while_the_interrupt_is_masked_or_has_come(board):
    board.write(MR, NEW_YEAR_2024 + 1)
    assert board.clock.idle
    board.write(IMSC, 1)
    assert not board.clock.idle
    board.write(IMSC, 0)
    assert board.clock.idle
    board.write(IMSC, 1)
    board.clock.advance(SECOND)
    assert board.irq.level
    assert board.clock.idle


def test_masks_have_one_bit_and_clear_cannot_be_read(board):
    board.write(IMSC, 0xFFFFFFFE)
    assert board.read(IMSC) == 0
    board.write(IMSC, 0xFFFFFFFF)
    assert board.read(IMSC) == 1
    assert board.read(ICR) == 0


def test_reset_is_power_on_again(board):
    board.write(LR, 7)
    board.write(MR, 7)
    board.write(IMSC, 1)
    board.clock.advance(SECOND + SECOND // 2)
    board.rtc.reset()
    assert not board.irq.level
    assert [board.read(register) for register in (DR, MR, LR, IMSC, RIS)] == [NEW_YEAR_2024, 0, 0, 0, 0]
    board.clock.advance(SECOND)
    assert board.read(DR) == NEW_YEAR_2024 + 1
