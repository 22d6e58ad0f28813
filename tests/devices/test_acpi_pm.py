"""ACPI's fixed hardware registers: timer event, enables, soft power-off."""

from __future__ import annotations

import pytest

from vmm.devices.acpi_pm import AcpiPm

from .fakes import FakeClock, FakeStop

SECOND = 10**9
HALF_NS = 2_343_484_438
"""2**23 / 3579545 Hz = 2343484437.27 ns, rounded up: when the timer's top bit first changes."""


class Board:
    """Splits words and doublewords into bytes, low first, as the bus does."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.sci = self.clock.line()
        self.stop = FakeStop()
        self.pm = AcpiPm(clock=self.clock, sci=self.sci, stop=self.stop)

    def read(self, port: int, size: int) -> int:
        return int.from_bytes((self.pm.port_read(port + index, 1) for index in range(size)), "little")

    def write(self, port: int, value: int) -> None:
        for index, byte in enumerate(value.to_bytes(2, "little")):
            self.pm.port_write(port + index, 1, byte)


@pytest.fixture
def board() -> Board:
    return Board()


def test_a_change_of_the_top_bit_sets_the_timer_event_which_a_one_clears(board):
    board.clock.advance(HALF_NS - 1)
    assert board.read(0x600, 2) == 0
    board.clock.advance(1)
    assert board.read(0x600, 2) == 1
    board.write(0x600, 0)
    assert board.read(0x600, 2) == 1
    board.write(0x600, 1)
    assert board.read(0x600, 2) == 0


def test_an_enabled_timer_event_holds_the_sci_until_it_is_cleared(board):
    board.write(0x602, 1)
    board.clock.advance(3 * SECOND)
    assert board.sci.changes == [(HALF_NS, True)]
    board.write(0x600, 1)
    assert not board.sci.level
    board.clock.advance(2 * SECOND)
    assert board.sci.rises == [HALF_NS, 4_686_968_875]  # 2**24 / 3579545 Hz, rounded up


def test_enabling_an_event_that_has_passed_raises_the_sci_at_once(board):
    board.clock.advance(3 * SECOND)
    board.write(0x602, 1)
    assert board.sci.rises == [3 * SECOND]
    board.write(0x602, 0)
    assert not board.sci.level


def test_clearing_an_event_that_nobody_looked_at_clears_it(board):
    board.clock.advance(3 * SECOND)
    board.write(0x600, 1)
    assert board.read(0x600, 2) == 0


def test_disabling_the_event_leaves_nothing_to_come(board):
    board.write(0x602, 1)
    board.write(0x602, 0)
    assert board.clock.idle


def test_without_the_enable_nothing_is_to_come(board):
    assert board.clock.idle


def test_only_the_enables_that_exist_can_be_set(board):
    board.write(0x602, 0xFFFF)
    assert board.read(0x602, 2) == 0x0521


def test_sci_en_always_reads_as_set(board):
    board.write(0x604, 0)
    assert board.read(0x604, 2) == 1


@pytest.mark.parametrize("value", [0x2000, 0x2001])
def test_sleep_enable_with_type_0_powers_off(board, value):
    board.write(0x604, value)
    assert board.stop.calls == [("poweroff", 0)]


@pytest.mark.parametrize("kind", range(1, 8))
def test_a_sleeping_state_that_is_not_there_ends_the_run_and_sleep_enable_reads_as_zero(board, kind):
    """ACPI 4.8.3.2.1: SLP_TYP is bits 12-10, SLP_EN bit 13. Nothing would ever set WAK_STS."""
    board.write(0x604, 0x2000 | kind << 10)
    assert board.stop.calls == [("idle", 0x100 | kind)]
    assert board.read(0x604, 2) == kind << 10 | 1


def test_choosing_a_type_without_the_enable_does_not_sleep(board):
    board.write(0x604, 0)
    assert not board.stop.calls


def test_reset_lets_go_of_the_sci(board):
    board.write(0x602, 1)
    board.clock.advance(3 * SECOND)
    board.pm.reset()
    assert not board.sci.level
    assert board.clock.idle
    assert board.read(0x600, 4) == 0
