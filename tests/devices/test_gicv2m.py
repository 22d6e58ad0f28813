"""The GICv2m frame: its type register, and writes that become edges."""

from __future__ import annotations

import pytest

from vmm.devices.gicv2m import Gicv2m

from .fakes import FakeClock

BASE = 0x08020000


class Board:
    def __init__(self) -> None:
        clock = FakeClock()
        self.lines = [clock.line() for _ in range(64)]
        self.frame = Gicv2m(lines=self.lines, first_intid=112)

    def pulses(self) -> dict[int, list[bool]]:
        """The levels each line has had, by interrupt id."""
        return {112 + n: [level for _, level in line.changes] for n, line in enumerate(self.lines) if line.changes}


@pytest.fixture
def board() -> Board:
    return Board()


def test_the_type_register_gives_the_first_interrupt_id_and_the_count(board):
    assert board.frame.mmio_read(BASE + 0x008, 4) == 112 << 16 | 64


@pytest.mark.parametrize("register", [0x000, 0x040, 0xFCC, 0xFD0, 0xFFC])
def test_what_is_write_only_or_not_there_reads_as_zero(board, register):
    assert board.frame.mmio_read(BASE + register, 4) == 0


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("intid", [112, 140, 175])
def test_a_write_is_one_edge_on_the_line_it_names(board, intid, size):
    board.frame.mmio_write(BASE + 0x040, size, intid)
    assert board.pulses() == {intid: [True, False]}


@pytest.mark.parametrize("intid", [0, 32, 111, 176, 1023])
def test_an_interrupt_of_somebody_else_is_ignored(board, intid):
    board.frame.mmio_write(BASE + 0x040, 4, intid)
    assert board.pulses() == {}


@pytest.mark.parametrize("register", [0x008, 0x044, 0xFCC])
def test_only_the_set_register_makes_interrupts(board, register):
    board.frame.mmio_write(BASE + register, 4, 112)
    assert board.pulses() == {}
